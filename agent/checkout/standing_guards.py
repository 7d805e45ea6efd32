"""How a checkout stands, and what the till knows beside it: the questions that the table calls `is_`. Pure."""

from collections.abc import Callable
from datetime import datetime, timedelta

from agent.checkout.state import Call, Checkout, Json, Phase, Situation

OVERDUE_AFTER = timedelta(hours=1)
"""A payment that is unsure for so long is shown to a person; it is asked for all the same."""
CUSTOMER_GONE_S = 120.0
"""Nobody stands at a till for longer than this and waits for what becomes of a payment."""
MOST_CREATES = 3
"""Transactions made for one question before the customer is told that no answer comes."""
SHOWN_AMOUNT_S = 600.0
"""An amount older than this is asked anew: balances change at other tills."""
CHARGE_EANS = frozenset({"4260447149502", "4260447149519"})
"""Reserved EANs of lines that load money onto the card (smart-api 4.3)."""
DISCHARGE_EANS = frozenset({"4260447149533", "4260447149540"})
"""Reserved EANs of lines that take money off the card (smart-api 4.3)."""


def asked(call: Call) -> Callable[[Checkout, object, Situation], bool]:
    """Is it this call whose answer is waited for."""

    def guard(checkout: Checkout, _event: object, _situation: Situation) -> bool:
        return checkout.asking is not None and checkout.asking.call == call

    return guard


def checkable(_checkout: Checkout, _event: object, situation: Situation) -> bool:
    return situation.api == "online"


def charges_card(checkout: Checkout) -> bool:
    return any(map(is_charge, checkout.basket.products))


def discharges_card(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return any(map(is_discharge, checkout.basket.products))


def is_charge(line: Json) -> bool:
    return _ean(line) in CHARGE_EANS


def is_discharge(line: Json) -> bool:
    return _ean(line) in DISCHARGE_EANS


def _ean(line: Json) -> str:
    """A register may write an EAN as a number."""
    return str(line.get("ean"))


def has_transaction(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.transaction is not None


def no_room(_checkout: Checkout, _event: object, situation: Situation) -> bool:
    return not situation.room


def balance_wanted(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.use_balance


def too_many_creates(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.creates >= MOST_CREATES


def asked_balance_of_new_transaction(checkout: Checkout, event: object, situation: Situation) -> bool:
    """No stale read can show the balance of an earlier question where the transaction was created for this one."""
    return asked("pre_transaction")(checkout, event, situation) and checkout.creates > 0


def idle(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return situation.now_s >= checkout.touched_s + checkout.rules.idle_s


def ready_to_start(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return situation.api == "online" and transaction_fits(checkout, _event, situation)


def transaction_fits(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    """Is there a transaction whose amount, as the API answered it, is the amount that was shown and paid."""
    transaction, payment = checkout.transaction, checkout.payment
    if transaction is None or payment is None:
        return False
    amount = transaction.missing_sum if checkout.use_balance else transaction.sum
    return amount == payment.amount


def must_be_known_anew(checkout: Checkout, event: object, situation: Situation) -> bool:
    """Nothing is asked, and what is known of the transaction is not what was paid for."""
    return checkout.asking is None and not transaction_fits(checkout, event, situation)


def waits_for_answer(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.asking is not None


def card_waits_elsewhere(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return checkout.use_balance and situation.card_waiting


def no_card(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.card is None


def old_amount(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return situation.now_s >= checkout.amount_shown_s + SHOWN_AMOUNT_S


def old_but_not_idle(checkout: Checkout, event: object, situation: Situation) -> bool:
    return old_amount(checkout, event, situation) and not idle(checkout, event, situation)


def first_opening(checkout: Checkout, _event: object, situation: Situation) -> bool:
    """The transaction is read once while the drawer is open."""
    payment = checkout.payment
    return (
        payment is not None
        and not payment.drawer_seen_open
        and checkout.transaction is not None
        and situation.api == "online"
    )


def person_must_decide(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    """The cash may be in the drawer, and the drawer cannot tell: nothing of the payment is given up by itself."""
    payment = checkout.payment
    return payment is not None and (payment.interrupted or payment.drawer_trouble is not None)


def not_cash(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.payment is not None and checkout.payment.method != "cash"


def nobody_waits(checkout: Checkout, situation: Situation) -> bool:
    """It never comes back to a till where it would take the place, or the card, of somebody else."""
    since = checkout.started_s
    return since is None or situation.front_taken or customer_is_gone(since, situation.now_s)


def customer_is_gone(since_s: float, now_s: float) -> bool:
    """Whoever waits for a start since then has left."""
    return now_s - since_s > CUSTOMER_GONE_S


def not_cash_and_nobody_waits(checkout: Checkout, event: object, situation: Situation) -> bool:
    return not_cash(checkout, event, situation) and nobody_waits(checkout, situation)


def overdue(checkout: Checkout, _event: object, situation: Situation) -> bool:
    return is_overdue(checkout, situation.wall)


def is_overdue(checkout: Checkout, wall: datetime) -> bool:
    """Is it shown under attention, though it still goes on by itself.

    Unsure for an hour; or confirmed for as long, with an API that answers, but never whole, what it is asked to create.
    Where the clock was ahead and was set back, nobody knows for how long.
    """
    since = checkout.waiting_since
    if since is None or abs(wall - since) < OVERDUE_AFTER:
        return False
    return checkout.phase is Phase.UNSURE or (checkout.phase is Phase.CONFIRMED and checkout.creates >= MOST_CREATES)


def within_late_window(checkout: Checkout, situation: Situation) -> bool:
    pursuit = checkout.pursuit
    return pursuit is not None and situation.now_s < pursuit.ends_s


def overdue_and_quiet(checkout: Checkout, event: object, situation: Situation) -> bool:
    return overdue(checkout, event, situation) and checkout.asking is None


def time_to_read(checkout: Checkout, _event: object, situation: Situation) -> bool:
    pursuit = checkout.pursuit
    return pursuit is not None and pursuit.next_read_s is not None and situation.now_s >= pursuit.next_read_s
