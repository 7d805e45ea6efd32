"""Every rule about what may follow what in a checkout: one table, and the step that applies it.

A checkout is a frozen value. `step(checkout, event, situation)` looks for the first row of TABLE whose phase and event
fit and whose guard holds, and returns the changed checkout with the effects to carry out after it is durable. Where no
row fits, or the row refuses, NotAllowed is raised and nothing happens. Nothing here reads a clock, makes an id, or
knows another checkout: the situation says what the till knew when it took the event.

Two thoughts carry the table. *No usable answer is not a failure*: a start without one is unsure, and is sent again only
when a read that began after the late window shows that it was not executed. *What is started is what was shown*: a
transaction whose create or update got no usable answer is abandoned and made anew, so no late request can change what
the customer saw. The acts that the rows name are in `agent/checkout_acts.py`, the questions in
`agent/checkout_guards.py`; the picture in docs/checkout.md is drawn from this table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agent import checkout_acts as do
from agent import checkout_guards as is_
from agent.checkout_events import (
    Applied,
    ApplyAsked,
    BasketSet,
    CallNotAuthorised,
    CallNotSent,
    CallRefused,
    CallUnknown,
    CancelAsked,
    CardChecked,
    CardRemoved,
    CardSet,
    CashConfirmed,
    ConfirmAsked,
    DrawerOpenAsked,
    DrawerOpened,
    DrawerTroubled,
    Effect,
    Event,
    OtherAmountPaid,
    PayAsked,
    ReadAnswered,
    ResolveAsked,
    Restarted,
    RetryAsked,
    StartAnswered,
    TransactionSaved,
    Turn,
    Woke,
)
from agent.checkout_handed_over import ROWS_OF_HANDED_OVER
from agent.checkout_reversal import ROWS_OF_REVERSAL
from agent.checkout_row import (
    ATTENTION,
    CANCELLED,
    CASH,
    COMPLETED,
    CONFIRMED,
    DUE,
    FAILED,
    MONEY_TAKEN,
    RESOLVED,
    STARTING,
    UNSURE,
    A,
    D,
    Row,
    go,
    no,
)
from agent.checkout_state import FINAL, Checkout, Phase, Situation


class NotAllowed(Exception):
    """The table has no way for this event from this phase; the checkout is unchanged."""

    def __init__(self, reason: str, phase: Phase, event: object) -> None:
        super().__init__(f"{type(event).__name__} in {phase}: {reason}")
        self.reason = reason


CHOOSING = frozenset({D, DUE})
ACTIVE = frozenset({D, A, DUE, CASH})
STARTED = frozenset({STARTING, UNSURE, ATTENTION})

TABLE: tuple[Row[Any], ...] = (
    *ROWS_OF_REVERSAL,
    *ROWS_OF_HANDED_OVER,
    # draft: basket and card may change
    go(D, BasketSet, "same", do.set_basket, do.touch),
    go(D, CardSet, "same", when=is_.same_card),
    no(D, CardSet, "card_present", when=is_.other_card),
    go(D, CardSet, "same", do.set_card, do.touch, do.check_card, when=is_.checkable),
    go(D, CardSet, "same", do.set_card, do.touch),
    go(D, CardRemoved, "same", when=is_.no_card),
    go(D, CardRemoved, "same", do.drop_card, do.abandon, do.touch),
    go(D, CardChecked, "same", do.drop_card, when=is_.refused_card),
    go(D, CardChecked, "same", do.keep_card_facts),
    go(D, CallRefused, "same", do.forget_asking),
    go(D, CallNotSent, "same", do.forget_asking),
    go(D, CallUnknown, "same", do.forget_asking),
    go(D, CallNotAuthorised, "same", do.forget_asking),
    no(D, ApplyAsked, "empty_basket", when=is_.nothing_to_sell),
    no(D, ApplyAsked, "no_card", when=is_.balance_without_card),
    no(D, ApplyAsked, "card_waiting", when=is_.balance_while_card_waits),
    no(D, ApplyAsked, "charge_without_balance", when=is_.balance_for_charge),
    go(D, ApplyAsked, A, do.want_balance, do.update, when=is_.has_transaction),
    go(D, ApplyAsked, A, do.want_balance, do.create),
    no(D, PayAsked, "empty_basket", when=is_.nothing_to_sell),
    no(D, PayAsked, "drawer_open", when=is_.cash_into_open_drawer),
    no(D, PayAsked, "no_room", when=is_.cash_without_room),
    no(D, PayAsked, "offline", when=is_.not_offline),
    no(D, PayAsked, "amount_differs", when=is_.other_sum_offline),
    go(D, PayAsked, CASH, do.take_payment_offline, do.open_drawer, when=is_.cash_offline),
    go(D, PayAsked, A, do.want_payment, do.update, when=is_.has_transaction),
    go(D, PayAsked, A, do.want_payment, do.create),
    go(D, CancelAsked, CANCELLED, do.abandon),
    go(D, Woke, CANCELLED, do.abandon, do.because("idle"), when=is_.idle),
    go(D, Restarted, "same", do.restart),
    # applying: one transaction whole, and the balance if it is wanted
    no(A, BasketSet, "busy"),
    no(A, CardSet, "busy"),
    no(A, CardRemoved, "busy"),
    go(A, ApplyAsked, "same", when=is_.same_apply),
    no(A, ApplyAsked, "busy"),
    go(A, PayAsked, "same", when=is_.same_payment),
    no(A, PayAsked, "busy"),
    go(A, CancelAsked, CANCELLED, do.abandon),
    go(A, TransactionSaved, D, do.keep_transaction, do.drop_card, do.give_up("card_refused"), when=is_.card_not_taken),
    go(A, TransactionSaved, D, do.keep_transaction, do.give_up("card_refused"), when=is_.card_not_valid_for_charge),
    go(A, TransactionSaved, D, do.keep_transaction, do.give_up("not_payable"), when=is_.not_payable),
    go(A, TransactionSaved, "same", do.keep_transaction, do.apply_balance, when=is_.balance_wanted),
    go(A, TransactionSaved, STARTING, do.show_sum, do.pay_nothing, do.start, when=is_.wanted_nothing),
    go(A, TransactionSaved, DUE, do.stop_at_sum("drawer_open"), when=is_.wanted_cash_into_open_drawer),
    go(A, TransactionSaved, DUE, do.stop_at_sum("no_room"), when=is_.wanted_cash_without_room),
    go(A, TransactionSaved, CASH, do.show_sum, do.take_wanted, do.open_drawer, when=is_.wanted_cash),
    go(A, TransactionSaved, STARTING, do.show_sum, do.take_wanted, do.start, when=is_.wanted_terminal),
    go(A, TransactionSaved, DUE, do.stop_at_sum("amount_changed"), when=is_.wanted_other_amount),
    go(A, TransactionSaved, DUE, do.show_sum),
    go(A, Applied, DUE, do.show_missing_sum),
    go(A, CallRefused, D, do.keep_problem, do.give_up("refused")),
    go(A, CallNotSent, D, do.give_up("offline"), when=is_.asked("read")),
    go(A, CallNotSent, D, do.clear_amount, do.because("offline")),
    go(A, CallNotAuthorised, D, do.keep_problem, do.give_up("not_authorised"), when=is_.asked("read")),
    go(A, CallNotAuthorised, D, do.keep_problem, do.clear_amount, do.because("not_authorised")),
    go(A, CallUnknown, "same", do.read, when=is_.asked_balance_of_new_transaction),
    go(A, CallUnknown, D, do.give_up("no_answer"), when=is_.too_many_creates),
    go(A, CallUnknown, "same", do.abandon, do.create),
    go(A, ReadAnswered, DUE, do.show_applied, when=is_.balance_was_applied),
    go(A, ReadAnswered, D, do.give_up("no_answer"), when=is_.too_many_creates),
    go(A, ReadAnswered, "same", do.abandon, do.create),
    go(A, Restarted, "same", do.restart, do.abandon, do.create),
    # due: the amount is shown, nothing is booked
    go(DUE, BasketSet, D, do.set_basket, do.touch, do.clear_amount),
    go(DUE, CardSet, "same", when=is_.same_card),
    no(DUE, CardSet, "card_present", when=is_.other_card),
    go(DUE, CardSet, D, do.clear_amount, do.set_card, do.touch, do.check_card, when=is_.checkable),
    go(DUE, CardSet, D, do.clear_amount, do.set_card, do.touch),
    go(DUE, CardRemoved, "same", when=is_.no_card),
    go(DUE, CardRemoved, D, do.drop_card, do.abandon, do.clear_amount, do.touch),
    go(DUE, ApplyAsked, "same", when=is_.same_apply),
    no(DUE, ApplyAsked, "no_card", when=is_.balance_without_card),
    no(DUE, ApplyAsked, "card_waiting", when=is_.balance_while_card_waits),
    no(DUE, ApplyAsked, "charge_without_balance", when=is_.balance_for_charge),
    go(DUE, ApplyAsked, A, do.touch, do.clear_amount, do.want_balance, do.update),
    no(DUE, PayAsked, "amount_differs", when=is_.other_amount_asked),
    go(DUE, PayAsked, STARTING, do.pay_nothing, do.start, when=is_.nothing_due),
    no(DUE, PayAsked, "drawer_open", when=is_.cash_into_open_drawer),
    no(DUE, PayAsked, "no_room", when=is_.cash_without_room),
    no(DUE, PayAsked, "offline", when=is_.not_offline_without_balance),
    go(DUE, PayAsked, CASH, do.take_payment, do.open_drawer, when=is_.by_cash),
    go(DUE, PayAsked, STARTING, do.take_payment, do.start, when=is_.by_terminal),
    no(DUE, PayAsked, "something_due"),
    go(DUE, CancelAsked, CANCELLED, do.abandon),
    go(DUE, Woke, CANCELLED, do.abandon, do.because("idle"), when=is_.idle),
    go(DUE, Woke, D, do.clear_amount, do.because("amount_expired"), when=is_.old_amount),
    go(DUE, Restarted, D, do.restart, do.clear_amount, do.because("restarted")),
    # awaiting cash: for exactly this amount
    no(CASH, BasketSet, "too_late"),
    no(CASH, CardSet, "too_late"),
    no(CASH, CardRemoved, "too_late"),
    no(CASH, ApplyAsked, "too_late"),
    go(CASH, PayAsked, "same", when=is_.same_payment),
    no(CASH, PayAsked, "too_late"),
    no(CASH, DrawerOpenAsked, "no_room", when=is_.no_room),
    go(CASH, DrawerOpenAsked, "same", do.await_anew, do.open_drawer),
    go(CASH, DrawerOpened, "same", do.note_opened, do.read, when=is_.first_opening),
    go(CASH, DrawerOpened, "same", do.note_opened),
    go(CASH, DrawerTroubled, "same", do.note_trouble),
    go(CASH, ReadAnswered, "same", do.forget_asking, when=is_.as_shown),
    go(
        CASH,
        ReadAnswered,
        ATTENTION,
        do.note_waiting,
        do.abandon,
        do.because("amount_changed"),
        when=is_.person_must_decide,
    ),
    go(CASH, ReadAnswered, A, do.clear_amount, do.update, do.because("amount_changed"), when=is_.still_payable),
    go(CASH, ReadAnswered, D, do.forget_transaction, do.clear_amount, do.because("amount_changed")),
    go(CASH, CallRefused, "same", do.forget_asking),
    go(CASH, CallNotSent, "same", do.forget_asking),
    go(CASH, CallUnknown, "same", do.forget_asking),
    go(CASH, CallNotAuthorised, "same", do.forget_asking),
    no(CASH, CashConfirmed, "interrupted", when=is_.was_interrupted),
    no(CASH, CashConfirmed, "amount_differs", when=is_.evidence_for_other_amount),
    go(CASH, CashConfirmed, STARTING, do.keep_evidence, do.start, when=is_.ready_to_start),
    go(CASH, CashConfirmed, CONFIRMED, do.keep_evidence),
    go(CASH, OtherAmountPaid, ATTENTION, do.note_waiting, do.because("other_amount_paid")),
    no(CASH, ConfirmAsked, "amount_differs", when=is_.other_amount_confirmed),
    no(CASH, ConfirmAsked, "operator_not_needed", when=is_.operator_not_needed),
    go(CASH, ConfirmAsked, STARTING, do.keep_operators_word, do.start, when=is_.ready_to_start),
    go(CASH, ConfirmAsked, CONFIRMED, do.keep_operators_word),
    go(CASH, CancelAsked, CANCELLED, do.abandon),
    go(CASH, Restarted, "same", do.restart, do.note_interrupted, do.read, when=is_.has_transaction),
    go(CASH, Restarted, "same", do.restart, do.note_interrupted),
    # confirmed: the cash is in, nothing was sent
    no(CONFIRMED, Turn, "busy", when=is_.waits_for_answer),
    go(CONFIRMED, Turn, STARTING, do.start, when=is_.transaction_fits),
    go(CONFIRMED, Turn, "same", do.abandon, do.create),
    go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("card_refused"), when=is_.card_not_taken),
    go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("card_refused"), when=is_.card_not_valid_for_charge),
    go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("not_payable"), when=is_.not_payable),
    go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("card_waiting"), when=is_.card_waits_elsewhere),
    go(CONFIRMED, TransactionSaved, "same", do.keep_transaction, do.apply_balance, when=is_.balance_wanted),
    go(CONFIRMED, TransactionSaved, STARTING, do.keep_transaction, do.start, when=is_.paid_amount_is_due),
    go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("amount_changed")),
    go(CONFIRMED, Applied, STARTING, do.show_missing_sum, do.start, when=is_.paid_amount_is_missing),
    go(CONFIRMED, Applied, ATTENTION, do.show_missing_sum, do.because("amount_changed")),
    go(CONFIRMED, CallRefused, ATTENTION, do.keep_problem, do.because("refused")),
    go(CONFIRMED, CallUnknown, "same", do.forget_asking),
    go(CONFIRMED, CallNotSent, "same", do.forget_asking, do.forget_creates),
    go(CONFIRMED, CallNotAuthorised, "same", do.keep_problem, do.forget_creates, do.because("not_authorised")),
    go(CONFIRMED, RetryAsked, "same", do.forget_creates, when=is_.overdue_and_quiet),
    go(CONFIRMED, ResolveAsked, RESOLVED, do.resolve, when=is_.overdue),
    go(CONFIRMED, Restarted, "same", do.restart),
    # starting: start was or may have been sent
    go(
        STARTING,
        StartAnswered,
        ATTENTION,
        do.note_status,
        do.because("executed_otherwise"),
        when=is_.executed_otherwise,
    ),
    go(STARTING, StartAnswered, COMPLETED, do.keep_result, do.give_receipt, when=is_.executed),
    go(
        STARTING,
        StartAnswered,
        UNSURE,
        do.count_useless_answer,
        do.doubt_remainder,
        do.open_window,
        do.read,
        when=is_.says_nothing_of_the_start,
    ),
    go(STARTING, StartAnswered, UNSURE, do.usable_answer, do.open_window, do.read),
    go(STARTING, CallRefused, UNSURE, do.count_refusal, do.open_window, do.read),
    go(STARTING, CallUnknown, UNSURE, do.open_window, do.read),
    go(STARTING, CallNotSent, FAILED, do.forget_asking, do.because("offline"), when=is_.not_cash_and_nobody_waits),
    go(STARTING, CallNotSent, DUE, do.give_back_choice, do.because("offline"), when=is_.not_cash),
    go(STARTING, CallNotSent, CONFIRMED, do.forget_asking, do.because("offline")),
    go(
        STARTING,
        CallNotAuthorised,
        FAILED,
        do.keep_problem,
        do.because("not_authorised"),
        when=is_.not_cash_and_nobody_waits,
    ),
    go(
        STARTING,
        CallNotAuthorised,
        DUE,
        do.keep_problem,
        do.give_back_choice,
        do.because("not_authorised"),
        when=is_.not_cash,
    ),
    go(STARTING, CallNotAuthorised, CONFIRMED, do.keep_problem, do.because("not_authorised")),
    go(STARTING, Restarted, UNSURE, do.restart, do.open_window, do.read),
    # unsure: being asked
    go(UNSURE, Woke, "same", do.pursue, when=is_.time_to_read),
    no(UNSURE, Turn, "busy", when=is_.waits_for_answer),
    go(UNSURE, Turn, "same", do.pursue),
    go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("executed_otherwise"), when=is_.executed_otherwise),
    go(UNSURE, ReadAnswered, COMPLETED, do.keep_result, do.give_receipt, when=is_.executed),
    go(UNSURE, ReadAnswered, "same", do.read_later, when=is_.running),
    go(UNSURE, ReadAnswered, FAILED, do.note_status, do.because("amount_changed"), when=is_.unfit_and_nobody_waits),
    go(UNSURE, ReadAnswered, D, do.give_back_choice, do.give_up("amount_changed"), when=is_.unfit_and_not_cash),
    go(UNSURE, ReadAnswered, FAILED, do.note_status, do.because("refused"), when=is_.refused_and_nobody_waits),
    go(UNSURE, ReadAnswered, DUE, do.give_back_choice, do.because("refused"), when=is_.refused_and_not_cash),
    go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("refused"), when=is_.refused_too_often),
    go(UNSURE, ReadAnswered, FAILED, do.note_status, do.because("not_executed"), when=is_.terminal_and_nobody_waits),
    go(UNSURE, ReadAnswered, STARTING, do.start, when=is_.proven_not_executed_and_fits),
    go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("amount_changed"), when=is_.proven_not_executed),
    go(UNSURE, ReadAnswered, "same", do.read_later, when=is_.too_early_to_tell),
    go(UNSURE, ReadAnswered, FAILED, do.note_status, do.because("refused"), when=is_.refused_status_and_nobody_waits),
    go(UNSURE, ReadAnswered, D, do.give_back_choice, do.give_up("refused"), when=is_.refused_status_and_not_cash),
    go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("refused"), when=is_.was_refused),
    go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("changed")),
    go(UNSURE, CallRefused, "same", do.read_later),
    go(UNSURE, CallUnknown, "same", do.read_later),
    go(UNSURE, CallNotSent, "same", do.read_later),
    go(UNSURE, CallNotAuthorised, "same", do.read_later),
    no(UNSURE, RetryAsked, "read_first", when=is_.replaces_unread),
    go(UNSURE, RetryAsked, "same", do.pursue, when=is_.overdue_and_quiet),
    go(UNSURE, RetryAsked, "same", when=is_.overdue),
    go(UNSURE, ResolveAsked, RESOLVED, do.resolve, when=is_.overdue),
    go(UNSURE, Restarted, "same", do.restart, do.read),
    # attention: a person decides
    no(ATTENTION, RetryAsked, "not_confirmed", when=is_.not_confirmed),
    no(ATTENTION, RetryAsked, "executed", when=is_.was_executed),
    go(ATTENTION, RetryAsked, CONFIRMED, do.replace_transaction, when=is_.may_replace_transaction),
    no(ATTENTION, RetryAsked, "read_first", when=is_.replaces_unread),
    go(ATTENTION, RetryAsked, UNSURE, do.forget_refusals, do.ensure_window, do.pursue, when=is_.has_transaction),
    go(ATTENTION, RetryAsked, CONFIRMED, do.forget_refusals),
    no(ATTENTION, ConfirmAsked, "amount_differs", when=is_.other_amount_confirmed),
    go(ATTENTION, ConfirmAsked, CONFIRMED, do.keep_operators_word, when=is_.not_confirmed),
    go(ATTENTION, ResolveAsked, RESOLVED, do.resolve),
    go(ATTENTION, Restarted, "same", do.restart),
    # money was or may have been taken: nothing of the sale can change any more
    go((*MONEY_TAKEN, COMPLETED), PayAsked, "same", when=is_.same_payment),
    go((*MONEY_TAKEN, COMPLETED), ConfirmAsked, "same", when=is_.same_confirmation),
    *(
        no((*MONEY_TAKEN, *sorted(FINAL)), event, "too_late")
        for event in (BasketSet, CardSet, CardRemoved, ApplyAsked, PayAsked, ConfirmAsked)
    ),
    go(CANCELLED, CancelAsked, "same"),
    no((*MONEY_TAKEN, *sorted(FINAL)), CancelAsked, "too_late"),
    go(RESOLVED, ResolveAsked, "same", when=is_.same_resolution),
)


Rows = Mapping[tuple[Phase, type], tuple[Row[Any], ...]]


def by_phase_and_event(table: Iterable[Row[Any]]) -> Rows:
    """Sort rows for `step`, each phase and event with its rows in the table's order."""
    rows: dict[tuple[Phase, type], tuple[Row[Any], ...]] = {}
    for row in table:
        for phase in row.phases:
            rows[phase, row.event] = (*rows.get((phase, row.event), ()), row)
    return rows


ROWS = by_phase_and_event(TABLE)


def step(
    checkout: Checkout, event: Event, situation: Situation, rows: Rows = ROWS
) -> tuple[Checkout, tuple[Effect, ...]]:
    """Apply one event. The same object comes back when the event had its effect already.

    Raises NotAllowed, with the checkout unchanged, where the table has no way or refuses. Only tests give other rows,
    to see that a seeded mistake is found.
    """
    number = getattr(event, "number", None)
    if isinstance(number, int) and (checkout.asking is None or checkout.asking.number != number):
        raise NotAllowed("late", checkout.phase, event)
    for row in rows.get((checkout.phase, type(event)), ()):
        if row.when is None or row.when(checkout, event, situation):
            return _apply(row, checkout, event, situation)
    raise NotAllowed("not_allowed", checkout.phase, event)


def _apply(
    row: Row[Any], checkout: Checkout, event: Event, situation: Situation
) -> tuple[Checkout, tuple[Effect, ...]]:
    if row.refuse is not None:
        raise NotAllowed(row.refuse, checkout.phase, event)
    if not row.then:
        return checkout, ()
    changed = checkout
    effects: tuple[Effect, ...] = ()
    for act in row.then:
        changed, more = act(changed, event, situation)
        effects += more
    updated = checkout.updated if checkout.final else situation.wall  # when it came to its end
    changed = replace(changed, phase=row.to or checkout.phase, updated=updated)
    return _with_times(checkout.phase, changed, situation.now_s), effects


def _with_times(before: Phase, checkout: Checkout, now_s: float) -> Checkout:
    """What the new phase means to the customer's time: has it back, waits for the start, need not wait."""
    if checkout.phase in CHOOSING and before not in CHOOSING:
        return replace(checkout, touched_s=now_s, amount_shown_s=now_s)
    if checkout.phase in STARTED and before in ACTIVE:
        return replace(checkout, started_s=now_s)
    if checkout.phase is CONFIRMED:
        return replace(checkout, started_s=None)
    return checkout


def wake_at(checkout: Checkout) -> float | None:
    """When, in monotonic seconds, this checkout wants a Woke; None: never by itself."""
    match checkout.phase:
        case Phase.DRAFT:
            return checkout.touched_s + checkout.rules.idle_s
        case Phase.DUE:
            return min(checkout.touched_s + checkout.rules.idle_s, checkout.amount_shown_s + is_.SHOWN_AMOUNT_S)
        case Phase.UNSURE:
            return checkout.pursuit.next_read_s if checkout.pursuit is not None else None
        case _:
            return None


BACKGROUND_AFTER_S = 15.0
"""So long the customer in front of the till is kept waiting for a start; then the next checkout may begin."""


def background_at(checkout: Checkout) -> float | None:
    """When a checkout that is being started stops holding the till; None: it holds it, or does not, regardless."""
    if checkout.phase in STARTED and checkout.started_s is not None:
        return checkout.started_s + BACKGROUND_AFTER_S
    return None


def is_active(checkout: Checkout, now_s: float) -> bool:
    """Does a customer stand in front of the till with this checkout."""
    if checkout.phase in ACTIVE:
        return True
    until = background_at(checkout)
    return until is not None and now_s < until
