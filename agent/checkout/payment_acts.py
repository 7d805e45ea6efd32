"""What a row does to the payment: taken, seen at the drawer, confirmed, given back, closed by a person.

The acts that the table calls `pay`. Pure.
"""

from agent.checkout.call_acts import abandon, abort, payment_of
from agent.checkout.effects import OpenDrawer, PrintReceipt, SendBooked
from agent.checkout.events import CashConfirmed, ConfirmAsked, DrawerTroubled, PayAsked, ResolveAsked
from agent.checkout.replacing import replace
from agent.checkout.row import Done
from agent.checkout.state import Checkout, Evidence, Payment, Resolution, Situation


def take_payment(checkout: Checkout, event: PayAsked, _situation: Situation) -> Done:
    return replace(checkout, payment=Payment(method=event.method, amount=event.amount), reason=None, error=None), ()


def take_payment_offline(checkout: Checkout, event: PayAsked, situation: Situation) -> Done:
    """The API is away: the sum is due, no balance is used, and the transaction is created whole when it is back."""
    checkout, effects = abandon(checkout, event, situation)
    payment = Payment(method=event.method, amount=event.amount)
    return replace(checkout, payment=payment, amount_due=event.amount, use_balance=False, reason="offline"), effects


def take_wanted(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, payment=checkout.wanted, wanted=None), ()


def pay_nothing(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Nothing is due: the API executes with start/loyalty, whatever method was asked for."""
    return replace(checkout, payment=Payment(method="loyalty", amount=0), wanted=None, reason=None, error=None), ()


def open_drawer(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return checkout, (OpenDrawer(),)


def note_opened(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, payment=replace(payment_of(checkout), drawer_seen_open=True)), ()


def note_trouble(checkout: Checkout, event: DrawerTroubled, _situation: Situation) -> Done:
    return replace(
        checkout, payment=replace(payment_of(checkout), drawer_trouble=event.trouble), reason=event.detail
    ), ()


def note_interrupted(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    payment = replace(payment_of(checkout), interrupted=True, drawer_seen_open=False, evidence=None)
    return replace(checkout, payment=payment, asking=None), ()


def await_anew(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Evidence starts anew from the drawer's next opening."""
    payment = replace(payment_of(checkout), drawer_trouble=None, drawer_seen_open=False, interrupted=False)
    return replace(checkout, payment=payment, reason=None), ()


def note_waiting(checkout: Checkout, _event: object, situation: Situation) -> Done:
    return replace(checkout, waiting_since=situation.wall, asking=None), ()


def keep_evidence(checkout: Checkout, event: CashConfirmed, situation: Situation) -> Done:
    return _confirmed(checkout, event.evidence, situation), ()


def keep_operators_word(checkout: Checkout, event: ConfirmAsked, situation: Situation) -> Done:
    evidence = Evidence(kind="operator", amount=event.amount, at=situation.wall, by=event.by)
    return _confirmed(checkout, evidence, situation), ()


def _confirmed(checkout: Checkout, evidence: Evidence, situation: Situation) -> Checkout:
    payment = replace(payment_of(checkout), evidence=evidence)
    return replace(
        checkout, payment=payment, waiting_since=situation.wall, reason=None, asking=None, creates=0, refusals=0
    )


def give_back_choice(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """No cash was involved: the customer may choose again. What is started then is another payment."""
    return (
        replace(
            checkout,
            payment=None,
            pursuit=None,
            waiting_since=None,
            started_s=None,
            start_number=checkout.start_number + 1,
            refusals=0,
            asking=None,
        ),
        (),
    )


def give_receipt(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return checkout, (PrintReceipt(), SendBooked())


def forget_refusals(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, refusals=0, creates=0, reason=None), ()


def resolve(checkout: Checkout, event: ResolveAsked, _situation: Situation) -> Done:
    """A transaction that was never started is abandoned; it stays on record."""
    resolution = Resolution(outcome=event.outcome, note=event.note, by=event.by)
    return replace(checkout, resolution=resolution, asking=None), abort(checkout, checkout.transaction)
