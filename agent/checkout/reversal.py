"""A completed checkout taken back: an entry of its own, which names the one it reverses. Pure.

It is asked of the API as a start is: never while an earlier request may have worked. An executed loyalty or cash
payment is cancelled; a payment at the terminal by its receipt number, on the same day and before the terminal closes
it, because a terminal begins to count anew: later the number may be a stranger's. The reversed checkout stays
`completed`. These rows come before those of a sale.
"""

from typing import Any

from agent.checkout import answer_acts as note
from agent.checkout import call_acts as ask
from agent.checkout.answer_guards import MOST_REFUSALS, left_to_a_person
from agent.checkout.call_acts import restart, transaction_of
from agent.checkout.effects import (
    BeginReversal,
    CancelTerminalPayment,
    CancelTransaction,
    Effect,
    OpenDrawerToRefund,
    PrintReceipt,
)
from agent.checkout.events import (
    CallNotAuthorised,
    CallNotSent,
    CancelAnswered,
    ReadAnswered,
    Restarted,
    RetryAsked,
    ReverseAsked,
)
from agent.checkout.replacing import replace
from agent.checkout.row import ATTENTION, COMPLETED, FAILED, STARTING, UNSURE, Done, Row, because, go, no
from agent.checkout.state import CancelCall, Checkout, ReceiptLines, Reversal, Rules, Situation
from agent.checkout.transaction_status import CANCELLED, EXECUTED, RUNNING

REFUND_S = 15.0
"""So long the person who reverses stands at the drawer; it is not opened for somebody who has gone."""


def begin_reversal(
    reversed_: Checkout, event: ReverseAsked, rules: Rules, situation: Situation
) -> tuple[Checkout, tuple[Effect, ...]]:
    """Return the reversal of this checkout, and the request that it begins with."""
    call = _call_for(reversed_)
    number = reversed_.receipt_number
    reversal = Reversal(
        reverses=reversed_.id,
        reason=event.reason,
        by=event.by,
        call=call,
        receipt_number=int(number) if call == "cancelTrx" and number is not None else None,
        open_drawer=event.open_drawer,
    )
    checkout = Checkout(
        id=event.reversal_id,
        created=situation.wall,
        updated=situation.wall,
        rules=rules,
        touched_s=situation.now_s,
        phase=STARTING,
        merchantRef=reversed_.merchantRef,
        transactionRef=reversed_.transactionRef,
        basket=reversed_.basket,
        card=reversed_.card,
        use_balance=reversed_.use_balance,
        bonus_products=reversed_.bonus_products,
        amount_due=reversed_.amount_due,
        transaction=replace(transaction_of(reversed_), start_sent=True, read_status=None),
        reversal=reversal,
    )
    return cancel(checkout, event, situation)


def took_nothing_back(reversal: Checkout) -> bool:
    """It came to its end and the payment is as it was: another reversal may be tried."""
    closed = reversal.resolution
    return reversal.phase is FAILED or (closed is not None and closed.outcome == "not_executed")


def reversal_named_by(checkout: Checkout) -> str:
    if checkout.reversed_by is None:
        raise ValueError("this checkout names no reversal")
    return checkout.reversed_by


def _call_for(checkout: Checkout) -> CancelCall:
    return "cancelTrx" if _at_terminal(checkout) else "cancel"


def _at_terminal(checkout: Checkout) -> bool:
    return checkout.payment is not None and checkout.payment.method == "cashless"


# Questions


def is_reversal(checkout: Checkout, _event: object, _situation: Situation) -> bool:
    return checkout.reversal is not None


def _reversed_already(checkout: Checkout, _event: ReverseAsked, situation: Situation) -> bool:
    return checkout.reversed_by is not None and not situation.reversal_over


def _of_another_day(checkout: Checkout, _event: ReverseAsked, situation: Situation) -> bool:
    return _at_terminal(checkout) and _day_is_over(checkout, situation)


def _begun_on_another_day(checkout: Checkout, _event: ReadAnswered | RetryAsked, situation: Situation) -> bool:
    reversal = checkout.reversal
    return reversal is not None and reversal.call == "cancelTrx" and _day_is_over(checkout, situation)


def _day_is_over(checkout: Checkout, situation: Situation) -> bool:
    """Is this another day than the one on which the payment, or its reversal, was sent first; or did it end since.

    When we learned what became of it does not matter. Each day is as the box counted it then: where an hour was put in
    or left out since, the late evening would be of another day by today's offset from UTC.
    """
    sent = checkout.waiting_since
    if sent is None or sent.date() != situation.wall.date():
        return True
    return situation.end_of_day is not None and sent <= situation.end_of_day


def _without_receipt_number(checkout: Checkout, _event: ReverseAsked, _situation: Situation) -> bool:
    number = checkout.receipt_number or ""
    return _at_terminal(checkout) and not (number.isascii() and number.isdecimal())


def _balance_in_use(_checkout: Checkout, _event: ReverseAsked, situation: Situation) -> bool:
    """What this gave to the card would be missing when the other checkout, which was shown with it, is started."""
    return situation.balance_in_use


def _drawer_in_use(_checkout: Checkout, event: ReverseAsked, situation: Situation) -> bool:
    """The opening would be taken for that of the checkout whose cash is awaited."""
    return event.open_drawer and situation.cash_awaited


def _taken_back(checkout: Checkout, event: CancelAnswered | ReadAnswered, _situation: Situation) -> bool:
    return checkout.reversal is not None and event.facts.status == CANCELLED


def _taken_back_at_the_drawer(checkout: Checkout, event: CancelAnswered, situation: Situation) -> bool:
    return (
        _taken_back(checkout, event, situation)
        and checkout.reversal is not None
        and checkout.reversal.open_drawer
        and not situation.cash_awaited
        and situation.now_s <= checkout.touched_s + REFUND_S
    )


def _is_read_again(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    """Still executed, or too early: a read that is stale may show the payment before it was executed.

    Whoever decided by that, while what was sent may still be carried out, could have it taken back twice.
    """
    if checkout.reversal is None:
        return False
    return event.facts.status in EXECUTED | RUNNING or not _window_is_over(checkout, event)


def _proven_not_taken_back(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    return checkout.reversal is not None and event.facts.status in EXECUTED and _window_is_over(checkout, event)


def _left_to_a_person(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return _proven_not_taken_back(checkout, event, situation) and left_to_a_person(checkout, event, situation)


def _window_is_over(checkout: Checkout, event: ReadAnswered) -> bool:
    return checkout.pursuit is not None and event.begun_s >= checkout.pursuit.ends_s


def _refused_and_not_taken_back(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """In the API's own words; an answer that only names no reversal is asked for again."""
    return checkout.refusals > 0 and checkout.error is not None and _proven_not_taken_back(checkout, event, situation)


def _answered_in_vain(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    """Cancel was answered as often as a start may be, and nothing came of it that a read shows."""
    return checkout.refusals >= MOST_REFUSALS and _proven_not_taken_back(checkout, event, situation)


def _not_taken_back_on_its_day(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return _proven_not_taken_back(checkout, event, situation) and _begun_on_another_day(checkout, event, situation)


def _replaces(checkout: Checkout, event: RetryAsked, _situation: Situation) -> bool:
    return checkout.reversal is not None and event.new_transaction


# What is done


def note_reversal(checkout: Checkout, event: ReverseAsked, _situation: Situation) -> Done:
    """The reversed checkout stays as it is, and names its reversal."""
    return replace(checkout, reversed_by=event.reversal_id), (BeginReversal(),)


def cancel(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """Ask the API to take it back."""
    reversal = reversal_of(checkout)
    checkout = replace(
        ask.awaiting(checkout, "cancel"),
        transaction=replace(transaction_of(checkout), read_status=None),
        pursuit=None,
        waiting_since=checkout.waiting_since or situation.wall,
    )
    number, transaction_id = checkout.requests, transaction_of(checkout).id
    if reversal.call == "cancelTrx" and reversal.receipt_number is not None:
        effect = CancelTerminalPayment(
            number=number, transaction_id=transaction_id, receipt_number=reversal.receipt_number
        )
        return checkout, (effect,)
    return checkout, (CancelTransaction(number=number, transaction_id=transaction_id, action_id=checkout.action_id),)


def reversal_of(checkout: Checkout) -> Reversal:
    if checkout.reversal is None:
        raise ValueError("this row needs a reversal")
    return checkout.reversal


def keep_reversal(checkout: Checkout, event: CancelAnswered | ReadAnswered, situation: Situation) -> Done:
    """Keep its receipt. The answer to `cancelTrx` has that of the payment, unchanged (smart-api 3.1)."""
    checkout, effects = note.keep_result(checkout, event, situation)
    if reversal_of(checkout).call == "cancel":
        return checkout, (*effects, PrintReceipt())
    return replace(checkout, receipt=ReceiptLines()), effects


def open_drawer_to_refund(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    reversal = reversal_of(checkout)
    return checkout, (OpenDrawerToRefund(reason=reversal.reason, by=reversal.by),)


def forget_drawer(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """Whoever stood at the drawer may have gone: they open it themselves."""
    return replace(checkout, reversal=replace(reversal_of(checkout), open_drawer=False)), ()


ROWS_OF_REVERSAL: tuple[Row[Any], ...] = (
    # completed: a person takes it back
    no(COMPLETED, ReverseAsked, "not_reversible", when=is_reversal),
    go(COMPLETED, ReverseAsked, "same", when=_reversed_already),
    no(COMPLETED, ReverseAsked, "no_receipt_number", when=_without_receipt_number),
    no(COMPLETED, ReverseAsked, "not_same_day", when=_of_another_day),
    no(COMPLETED, ReverseAsked, "balance_in_use", when=_balance_in_use),
    no(COMPLETED, ReverseAsked, "drawer_in_use", when=_drawer_in_use),
    go(COMPLETED, ReverseAsked, "same", note_reversal),
    # starting: the API is being asked to take it back
    go(STARTING, CancelAnswered, COMPLETED, keep_reversal, open_drawer_to_refund, when=_taken_back_at_the_drawer),
    go(STARTING, CancelAnswered, COMPLETED, keep_reversal, when=_taken_back),
    go(STARTING, CancelAnswered, UNSURE, note.count_answer, ask.open_window_unanswered, ask.read),
    go(STARTING, CallNotSent, FAILED, note.forget_asking, because("offline"), when=is_reversal),
    go(STARTING, CallNotAuthorised, FAILED, note.keep_problem, because("not_authorised"), when=is_reversal),
    go(STARTING, Restarted, UNSURE, restart, forget_drawer, ask.open_window_unanswered, ask.read, when=is_reversal),
    # unsure: what a read says
    go(UNSURE, ReadAnswered, COMPLETED, keep_reversal, when=_taken_back),
    go(UNSURE, ReadAnswered, FAILED, note.keep_status, because("refused"), when=_refused_and_not_taken_back),
    go(UNSURE, ReadAnswered, ATTENTION, note.forget_asking, because("not_executed"), when=_answered_in_vain),
    go(UNSURE, ReadAnswered, ATTENTION, note.forget_asking, because("not_same_day"), when=_not_taken_back_on_its_day),
    go(UNSURE, ReadAnswered, "same", ask.read_later, when=_left_to_a_person),
    go(UNSURE, ReadAnswered, STARTING, cancel, when=_proven_not_taken_back),
    go(UNSURE, ReadAnswered, "same", ask.read_later, when=_is_read_again),
    go(UNSURE, ReadAnswered, ATTENTION, note.keep_status, because("changed"), when=is_reversal),
    go(UNSURE, Restarted, "same", restart, forget_drawer, ask.read, when=is_reversal),
    # attention: a person decides
    no(ATTENTION, RetryAsked, "not_allowed", when=_replaces),
    no(ATTENTION, RetryAsked, "not_same_day", when=_begun_on_another_day),
)
