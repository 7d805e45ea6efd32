"""The law of the till, judged after a run by the simulator's ledger, the journal, and what people really did."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.checkout.state import Checkout, Evidence, Payment, Phase
from agent.simulator.faults import Kind
from agent.simulator.ledger import Booking
from tests.faults.law_of_reversals import about_what_was_taken_back, is_of_unknown
from tests.faults.world import LATEST_EVIDENCE_S, Breach, Proof, Visit, World, Wrong

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
    by_id = {checkout.id: checkout for checkout in checkouts}
    bookings = [booking for booking in world.simulator.ledger if booking.kind == "start"]
    for booking in bookings:
        yield from _about_booking(world, booking, _started(sales, booking))
    for checkout in sales:
        mine = [booking for booking in bookings if booking.merchantRef == checkout.merchantRef]
        yield from _about_checkout(world, checkout, mine)
    for told in world.told.values():
        yield from _about_told(told, by_id.get(told.id))
    yield from about_what_was_taken_back(world, checkouts)
    for checkout_id in world.unrecorded:
        yield Wrong(Breach.LOST, f"cash was taken for {by_id[checkout_id].merchantRef} and not recorded to the end")
    yield from _about_cards(world)
    yield from _about_files(world, files)


def _started(sales: Sequence[Checkout], booking: Booking) -> Checkout | None:
    """The checkout that started this transaction; else, where it was given up for another one, the customer's newest.

    What a register hands over twice may belong to two.
    """
    mine = [checkout for checkout in sales if checkout.merchantRef == booking.merchantRef]
    for checkout in mine:
        transaction = checkout.transaction
        if transaction is not None and transaction.start_sent and transaction.id == booking.transaction:
            return checkout
    return mine[0] if mine else None


def _about_booking(world: World, booking: Booking, checkout: Checkout | None) -> Iterator[Wrong]:
    ref, visit = booking.merchantRef or "", world.visits[booking.merchantRef or ""]
    if checkout is None:
        yield Wrong(Breach.LOST, f"{ref} was executed and is not in the journal")
        return
    if checkout.phase not in MAY_BE_BOOKED:
        yield Wrong(Breach.FINAL, f"{ref} was executed and is {checkout.phase}")
    yield from _about_amount(booking, checkout, visit, _short_of(world, booking))
    if _tells_other_amount(world, booking) and checkout.phase is Phase.COMPLETED:
        yield Wrong(Breach.OTHER_THAN_SHOWN, f"{ref} is completed, and the API told another amount than was shown")
    if checkout.payment is not None and checkout.payment.method == "cash":
        yield from _about_cash(ref, checkout.payment, visit)
    if booking.card is not None and booking.card not in visit.cards:
        yield Wrong(Breach.CARD, f"{ref} was executed with a stranger's card")
    if booking.movement.charged and booking.movement.redeemed + booking.movement.bonus_redeemed:
        yield Wrong(Breach.BALANCE, f"{ref} charged a card with its own balance")


def _about_amount(booking: Booking, checkout: Checkout, visit: Visit, short: int) -> Iterator[Wrong]:
    """`short`: by so much the API booked more as paid than it had said was due."""
    agreed = {(each.executed_by, each.amount, each.sum) for each in visit.agreed}
    executed = f"executed {booking.amount} of {booking.sum} by {booking.method}"
    if (booking.method, booking.amount - short, booking.sum) not in agreed:
        yield Wrong(Breach.OTHER_THAN_SHOWN, f"{booking.merchantRef} agreed to {sorted(agreed)}, {executed}")
    payment = checkout.payment
    if payment is None or (payment.method, payment.amount) != (booking.method, booking.amount - short):
        shown = payment and f"{payment.amount} by {payment.method}"
        yield Wrong(Breach.OTHER_THAN_SHOWN, f"{booking.merchantRef} was shown {shown}, {executed}")


def _about_cash(ref: str, payment: Payment, visit: Visit) -> Iterator[Wrong]:
    evidence = payment.evidence
    if evidence is None:
        yield Wrong(Breach.UNCONFIRMED, f"{ref} was executed without a confirmation")
    elif not any(_proves(proof, payment.amount, evidence) for proof in visit.proofs):
        yield Wrong(Breach.UNCONFIRMED, f"{ref}: confirmed by {evidence.kind}, nobody paid")


def _proves(proof: Proof, amount: int, evidence: Evidence) -> bool:
    """It was there when the till took it for evidence, and not long before: a disk may hold the till up."""
    age_s = (evidence.at - proof.wall).total_seconds()
    return proof.kind == evidence.kind and proof.amount in {amount, None} and 0 <= age_s <= LATEST_EVIDENCE_S


def _short_of(world: World, booking: Booking) -> int:
    """By how much an API redeemed less than it said, because the card was emptied: nobody here can prevent that, where
    it was emptied elsewhere, or where a register applied the balance itself, to this transaction or to another.
    """
    applied = world.simulator.api.state.transactions[booking.transaction].applied
    of_registers = {each.card for each in world.simulator.ledger if _was_handed_over(world, each)}
    if applied is None or booking.card not in world.spent_elsewhere | of_registers:
        return 0
    if world.simulator.switches.start_with_less_balance != "executes-less":
        return 0
    return applied.cash + applied.bonus - booking.movement.redeemed - booking.movement.bonus_redeemed


def _was_handed_over(world: World, booking: Booking) -> bool:
    return world.visits[booking.merchantRef or ""].register_sum is not None


def _tells_other_amount(world: World, booking: Booking) -> bool:
    """Whether each answer and each read of an executed payment tells that it was executed otherwise."""
    switches = world.simulator.switches
    told = switches.start_answer == "as-booked" and switches.read_missing_sum == "shown"
    spoilt = any(fault.kind is Kind.MISSING_FIELD for fault in world.plan.faults)
    return _short_of(world, booking) > 0 and told and not spoilt


def _about_checkout(world: World, checkout: Checkout, bookings: Sequence[Booking]) -> Iterator[Wrong]:
    ref, visit = checkout.merchantRef, world.visits[checkout.merchantRef or ""]
    if len(bookings) > 1:
        yield Wrong(Breach.DOUBLED, f"{ref} was executed {len(bookings)} times")
    if checkout.phase is Phase.COMPLETED and not bookings:
        yield Wrong(Breach.LOST, f"{ref} is completed and was never executed")
    if not _still_waits(world, checkout):
        if _is_confirmed(checkout) and checkout.phase not in KEPT:
            yield Wrong(Breach.LOST, f"{ref} was confirmed and is {checkout.phase} ({checkout.reason}) to the end")
        elif checkout.phase is Phase.UNSURE:
            yield Wrong(Breach.ENDED, f"{ref} is {checkout.phase} to the end")
    if checkout.phase in {Phase.STARTING, Phase.APPLYING}:
        yield Wrong(Breach.ENDED, f"{ref} is {checkout.phase} to the end")
    if visit.pulses > visit.pulses_asked:
        yield Wrong(Breach.DRAWER, f"the drawer was asked to open {visit.pulses} times for {ref}")


def _is_confirmed(checkout: Checkout) -> bool:
    return checkout.payment is not None and checkout.payment.evidence is not None


def _still_waits(world: World, checkout: Checkout) -> bool:
    """An API that named a transaction which it does not know is asked without end, and one that does not let this till
    in is waited for and asked now and then: both are shown.
    """
    if checkout.phase is Phase.UNSURE:
        return is_of_unknown(world, checkout)
    is_vendor = world.plan.login == "client-credentials"
    refuses = is_vendor and world.simulator.switches.client_credentials_checkouts == "refused"
    is_asked = checkout.asking is not None
    return refuses and checkout.phase is Phase.CONFIRMED and (is_asked or checkout.reason == "not_authorised")


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
