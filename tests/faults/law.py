"""The law of the till, judged after a run by the simulator's ledger, the journal, and what people really did."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.checkout.state import Checkout, Phase
from agent.simulator.ledger import Booking
from tests.faults.law_of_reversals import about_what_was_taken_back
from tests.faults.world import Breach, Visit, World, Wrong

MAY_BE_BOOKED = frozenset({Phase.COMPLETED, Phase.ATTENTION, Phase.RESOLVED, Phase.UNSURE})
"""Where a payment may stand that was executed."""
KEPT = frozenset({Phase.COMPLETED, Phase.ATTENTION, Phase.RESOLVED})
"""Where a confirmed payment stands when the API has long been back."""


def judge(world: World, checkouts: Sequence[Checkout], files: Sequence[Path]) -> None:
    """Say everything that is wrong. `checkouts`: all that the journal has; `files`: what stands on the disk."""
    for wrong in _findings(world, checkouts, files):
        world.wrong(*wrong)


def _findings(world: World, checkouts: Sequence[Checkout], files: Sequence[Path]) -> Iterator[Wrong]:
    sales = [checkout for checkout in checkouts if checkout.reversal is None]
    by_ref = {checkout.merchantRef or "": checkout for checkout in sales}
    by_id = {checkout.id: checkout for checkout in checkouts}
    bookings = [booking for booking in world.simulator.ledger if booking.kind == "start"]
    for booking in bookings:
        yield from _about_booking(world, booking, by_ref.get(booking.merchantRef or ""))
    for checkout in sales:
        mine = [booking for booking in bookings if booking.merchantRef == checkout.merchantRef]
        yield from _about_checkout(world, checkout, mine)
    for told in world.told.values():
        yield from _about_told(told, by_id.get(told.id))
    yield from about_what_was_taken_back(world, checkouts)
    yield from _about_cards(world)
    yield from _about_files(world, files)


def _about_booking(world: World, booking: Booking, checkout: Checkout | None) -> Iterator[Wrong]:
    ref, visit = booking.merchantRef or "", world.visits[booking.merchantRef or ""]
    if checkout is None:
        yield Wrong(Breach.LOST, f"{ref} was executed and is not in the journal")
        return
    if checkout.phase not in MAY_BE_BOOKED:
        yield Wrong(Breach.FINAL, f"{ref} was executed and is {checkout.phase}")
    if not _api_took_other_amount(world, booking):
        yield from _about_amount(booking, checkout, visit)
    if booking.method == "cash":
        yield from _about_cash(booking, checkout, visit)
    if booking.card is not None and booking.card not in visit.cards:
        yield Wrong(Breach.CARD, f"{ref} was executed with a stranger's card")
    if booking.movement.charged and booking.movement.redeemed + booking.movement.bonus_redeemed:
        yield Wrong(Breach.BALANCE, f"{ref} charged a card with its own balance")


def _about_amount(booking: Booking, checkout: Checkout, visit: Visit) -> Iterator[Wrong]:
    agreed = {(each.amount, each.sum) for each in visit.agreed}
    executed = f"executed {booking.amount} of {booking.sum}"
    if (booking.amount, booking.sum) not in agreed:
        yield Wrong(Breach.OTHER_THAN_SHOWN, f"{booking.merchantRef} agreed to {sorted(agreed)}, {executed}")
    if checkout.payment is None or checkout.payment.amount != booking.amount:
        shown = checkout.payment and checkout.payment.amount
        yield Wrong(Breach.OTHER_THAN_SHOWN, f"{booking.merchantRef} was shown {shown}, {executed}")


def _about_cash(booking: Booking, checkout: Checkout, visit: Visit) -> Iterator[Wrong]:
    payment = checkout.payment
    if payment is None or payment.evidence is None:
        yield Wrong(Breach.UNCONFIRMED, f"{booking.merchantRef} was executed without a confirmation")
    elif not any(proof.amount in {payment.amount, None} for proof in visit.proofs):
        yield Wrong(Breach.UNCONFIRMED, f"{booking.merchantRef}: confirmed by {payment.evidence.kind}, nobody paid")


def _api_took_other_amount(world: World, booking: Booking) -> bool:
    """An API that redeems less than it said, because the card was emptied elsewhere: nobody here can prevent that."""
    executes_less = world.simulator.switches.start_with_less_balance == "executes-less"
    return executes_less and booking.card in world.spent_elsewhere


def _about_checkout(world: World, checkout: Checkout, bookings: Sequence[Booking]) -> Iterator[Wrong]:
    ref, visit = checkout.merchantRef, world.visits[checkout.merchantRef or ""]
    if len(bookings) > 1:
        yield Wrong(Breach.DOUBLED, f"{ref} was executed {len(bookings)} times")
    if checkout.phase is Phase.COMPLETED and not bookings:
        yield Wrong(Breach.LOST, f"{ref} is completed and was never executed")
    if _is_confirmed(checkout) and checkout.phase not in KEPT and not _still_waits(world, checkout):
        yield Wrong(Breach.LOST, f"{ref} was confirmed and is {checkout.phase} ({checkout.reason}) to the end")
    if checkout.phase in {Phase.STARTING, Phase.APPLYING}:
        yield Wrong(Breach.ENDED, f"{ref} is {checkout.phase} to the end")
    if visit.pulses > visit.pulses_asked:
        yield Wrong(Breach.DRAWER, f"the drawer was asked to open {visit.pulses} times for {ref}")


def _is_confirmed(checkout: Checkout) -> bool:
    return checkout.payment is not None and checkout.payment.evidence is not None


def _still_waits(world: World, checkout: Checkout) -> bool:
    """An API that named a transaction which it does not know is asked without end, and one that does not let this till
    in is waited for: both are shown.
    """
    api, transaction = world.simulator.api, checkout.transaction
    if checkout.phase is Phase.UNSURE:
        return transaction is None or transaction.id not in api.state.transactions
    is_vendor = world.plan.login == "client-credentials"
    return is_vendor and checkout.reason == "not_authorised" and api.switches.client_credentials_checkouts == "refused"


def _about_told(told: Checkout, kept: Checkout | None) -> Iterator[Wrong]:
    if kept is None:
        yield Wrong(Breach.LOST, f"{told.merchantRef} was told of and is not in the journal")
    elif _is_confirmed(told) and not _is_confirmed(kept):
        yield Wrong(Breach.LOST, f"{told.merchantRef} was told as confirmed, and the confirmation is lost")


def _about_cards(world: World) -> Iterator[Wrong]:
    for transaction in world.simulator.api.state.transactions.values():
        number, ref = transaction.order.card_number, transaction.order.merchantRef or ""
        if number is not None and number not in world.visits[ref].cards:
            yield Wrong(Breach.CARD, f"{ref} was sent with a stranger's card")


def _about_files(world: World, files: Sequence[Path]) -> Iterator[Wrong]:
    """A card number stands in no file so that it could be read."""
    shown = {number.encode() for visit in world.visits.values() for number in visit.cards}
    beginnings = {number[:8] for number in shown}  # alike in most, never shown, and found sooner
    for file in files:
        data = file.read_bytes()
        if any(digits in data for digits in beginnings) and any(number in data for number in shown):
            yield Wrong(Breach.CARD, f"a card number stands in {file.name}")
