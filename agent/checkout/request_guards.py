"""What a person, a program or the drawer asks of a checkout: the questions that the table calls `asked`.

Is it the same as before, does it fit what was shown, may it be. Pure.
"""

from agent.checkout.events import ApplyAsked, CardSet, CashConfirmed, ConfirmAsked, PayAsked, ResolveAsked, RetryAsked
from agent.checkout.standing_guards import charges_card, is_overdue, within_late_window
from agent.checkout.state import Checkout, Payment, Situation
from agent.checkout.transaction_status import EXECUTED, REFUSED


def nothing_to_sell(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return not checkout.basket.products


def other_card(checkout: Checkout, event: CardSet, _situation: Situation) -> bool:
    return checkout.card is not None and not event.same


def same_card(checkout: Checkout, event: CardSet, _situation: Situation) -> bool:
    return checkout.card is not None and event.same


def balance_without_card(checkout: Checkout, event: ApplyAsked, _situation: Situation) -> bool:
    return event.use_balance and checkout.card is None


def balance_while_card_waits(_checkout: Checkout, event: ApplyAsked, situation: Situation) -> bool:
    return event.use_balance and situation.card_waiting


def balance_for_charge(checkout: Checkout, event: ApplyAsked, _situation: Situation) -> bool:
    return event.use_balance and charges_card(checkout)


def same_apply(checkout: Checkout, event: ApplyAsked, _situation: Situation) -> bool:
    """Is this being asked already, or on the screen? A repeated call is answered as the first one was."""
    return checkout.wanted is None and event.use_balance == checkout.use_balance


def cash_offline(_checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    return event.method == "cash" and situation.api != "online"


def not_offline(checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    """Refuse cash while the API is away: a charge needs the API, and the limits are the till's to know."""
    return cash_offline(checkout, event, situation) and (
        situation.offline_refusal is not None or charges_card(checkout)
    )


def not_offline_without_balance(checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    """What was applied before the line broke is finished like any other; a plain sale keeps to the limits."""
    if checkout.use_balance and not charges_card(checkout):
        return False
    return not_offline(checkout, event, situation)


def other_sum_offline(checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    return cash_offline(checkout, event, situation) and event.amount != checkout.basket.sum


def nothing_due_offline(checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    """Nothing due is not cash: the API executes it with start/loyalty, or nobody does."""
    return cash_offline(checkout, event, situation) and event.amount == 0


def cash_into_open_drawer(_checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    return event.method == "cash" and situation.drawer == "open"


def cash_without_room(_checkout: Checkout, event: PayAsked, situation: Situation) -> bool:
    """The disk is full and nothing is held back: it could happen that the cash is in and cannot be recorded."""
    return event.method == "cash" and not situation.room


def other_amount_asked(checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    return event.amount != checkout.amount_due


def by_cash(_checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    return event.method == "cash"


def by_terminal(_checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    return event.method == "cashless"


def by_card_alone(_checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    """Without its balance being applied a card pays only where nothing is due."""
    return event.method == "loyalty" and event.amount > 0


def nothing_due(checkout: Checkout, _event: PayAsked, _situation: Situation) -> bool:
    return checkout.amount_due == 0


def same_payment(checkout: Checkout, event: PayAsked, _situation: Situation) -> bool:
    """Is this the payment that is under way or done already? A repeated call is answered as the first one was."""
    asked_for = checkout.payment or checkout.wanted
    return asked_for is not None and _is_payment(asked_for, event)


def _is_payment(payment: Payment, event: PayAsked) -> bool:
    return payment.amount == event.amount and payment.method in {event.method, "loyalty"}


def evidence_for_other_amount(checkout: Checkout, event: CashConfirmed, _situation: Situation) -> bool:
    return checkout.payment is None or event.evidence.amount != checkout.payment.amount


def was_interrupted(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.payment is not None and checkout.payment.interrupted


def other_amount_confirmed(checkout: Checkout, event: ConfirmAsked, _situation: Situation) -> bool:
    return checkout.payment is None or event.amount != checkout.payment.amount


def operator_not_needed(checkout: Checkout, _event: ConfirmAsked, _situation: Situation) -> bool:
    return not operator_may_confirm(checkout)


def operator_may_confirm(checkout: Checkout) -> bool:
    """With `operator` in the policy, and always where the drawer cannot tell any more."""
    payment = checkout.payment
    return payment is not None and (
        "operator" in checkout.rules.confirmed_by or payment.interrupted or payment.drawer_trouble is not None
    )


def same_confirmation(checkout: Checkout, event: ConfirmAsked, _situation: Situation) -> bool:
    payment = checkout.payment
    return payment is not None and payment.evidence is not None and payment.evidence.amount == event.amount


def not_confirmed(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    """Cash is booked only after somebody or something said that it is in."""
    payment = checkout.payment
    return payment is not None and payment.method == "cash" and payment.evidence is None


def was_executed(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    """It was executed, though not as shown, or not by us: whatever a later read says, it is not sent again."""
    return checkout.transaction is not None and checkout.transaction.read_status in EXECUTED


def not_confirmed_and_was_executed(checkout: Checkout, event: ConfirmAsked, situation: Situation) -> bool:
    return not_confirmed(checkout, event, situation) and was_executed(checkout, event, situation)


def not_executed_within_late_window(checkout: Checkout, event: ResolveAsked, situation: Situation) -> bool:
    """It may be executed a moment later, and then nobody looks at it again. What was read as over is over."""
    is_over = checkout.transaction is not None and checkout.transaction.read_status in REFUSED | EXECUTED
    return event.outcome != "executed" and not is_over and within_late_window(checkout, situation)


def overdue_and_not_executed_within_late_window(checkout: Checkout, event: ResolveAsked, situation: Situation) -> bool:
    """Before it is overdue it can't be closed at all."""
    return is_overdue(checkout, situation.wall) and not_executed_within_late_window(checkout, event, situation)


def may_replace_transaction(checkout: Checkout, event: RetryAsked, _situation: Situation) -> bool:
    transaction = checkout.transaction
    return event.new_transaction and (
        transaction is None or transaction.read_status in REFUSED or not transaction.start_sent
    )


def replaces_unread(_checkout: Checkout, event: RetryAsked, _situation: Situation) -> bool:
    return event.new_transaction


def same_resolution(checkout: Checkout, event: ResolveAsked, _situation: Situation) -> bool:
    return checkout.resolution is not None and checkout.resolution.outcome == event.outcome
