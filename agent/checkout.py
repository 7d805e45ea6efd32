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

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Literal, TypeVar

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
from agent.checkout_state import FINAL, Checkout, Phase, Situation

E = TypeVar("E")
Guard = Callable[[Checkout, E, Situation], bool]
Act = Callable[[Checkout, E, Situation], tuple[Checkout, tuple[Effect, ...]]]


class NotAllowed(Exception):
    """The table has no way for this event from this phase; the checkout is unchanged."""

    def __init__(self, reason: str, phase: Phase, event: object) -> None:
        super().__init__(f"{type(event).__name__} in {phase}: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Generic[E]):
    """From these phases, on this event, if the guard holds: do the acts and go to the phase, or refuse."""

    phases: tuple[Phase, ...]
    event: type[E]
    to: Phase | None
    when: Guard[E] | None = None
    then: tuple[Act[E], ...] = ()
    refuse: str | None = None


def _go(
    phase: Phase | tuple[Phase, ...],
    event: type[E],
    to: Phase | Literal["same"],
    *then: Act[E],
    when: Guard[E] | None = None,
) -> Row[E]:
    phases = phase if isinstance(phase, tuple) else (phase,)
    return Row(phases=phases, event=event, to=None if to == "same" else to, when=when, then=then)


def _no(phase: Phase | tuple[Phase, ...], event: type[E], reason: str, *, when: Guard[E] | None = None) -> Row[E]:
    phases = phase if isinstance(phase, tuple) else (phase,)
    return Row(phases=phases, event=event, to=None, when=when, refuse=reason)


D, A, DUE, CASH = Phase.DRAFT, Phase.APPLYING, Phase.DUE, Phase.AWAITING_CASH
CONFIRMED, STARTING, UNSURE, ATTENTION = Phase.CONFIRMED, Phase.STARTING, Phase.UNSURE, Phase.ATTENTION
COMPLETED, CANCELLED, FAILED, RESOLVED = Phase.COMPLETED, Phase.CANCELLED, Phase.FAILED, Phase.RESOLVED
MONEY_TAKEN = (CONFIRMED, STARTING, UNSURE, ATTENTION)
CHOOSING = frozenset({D, DUE})
ACTIVE = frozenset({D, A, DUE, CASH})
STARTED = frozenset({STARTING, UNSURE, ATTENTION})

TABLE: tuple[Row[Any], ...] = (
    # draft: basket and card may change
    _go(D, BasketSet, "same", do.set_basket, do.touch),
    _go(D, CardSet, "same", when=is_.same_card),
    _no(D, CardSet, "card_present", when=is_.other_card),
    _go(D, CardSet, "same", do.set_card, do.touch, do.check_card, when=is_.checkable),
    _go(D, CardSet, "same", do.set_card, do.touch),
    _go(D, CardRemoved, "same", when=is_.no_card),
    _go(D, CardRemoved, "same", do.drop_card, do.abandon, do.touch),
    _go(D, CardChecked, "same", do.drop_card, when=is_.refused_card),
    _go(D, CardChecked, "same", do.keep_card_facts),
    _go(D, CallRefused, "same", do.forget_asking),
    _go(D, CallNotSent, "same", do.forget_asking),
    _go(D, CallUnknown, "same", do.forget_asking),
    _go(D, CallNotAuthorised, "same", do.forget_asking),
    _no(D, ApplyAsked, "empty_basket", when=is_.nothing_to_sell),
    _no(D, ApplyAsked, "no_card", when=is_.balance_without_card),
    _no(D, ApplyAsked, "card_waiting", when=is_.balance_while_card_waits),
    _no(D, ApplyAsked, "charge_without_balance", when=is_.balance_for_charge),
    _go(D, ApplyAsked, A, do.want_balance, do.update, when=is_.has_transaction),
    _go(D, ApplyAsked, A, do.want_balance, do.create),
    _no(D, PayAsked, "empty_basket", when=is_.nothing_to_sell),
    _no(D, PayAsked, "drawer_open", when=is_.cash_into_open_drawer),
    _no(D, PayAsked, "offline", when=is_.not_offline),
    _no(D, PayAsked, "amount_differs", when=is_.other_sum_offline),
    _go(D, PayAsked, CASH, do.take_payment_offline, do.open_drawer, when=is_.cash_offline),
    _go(D, PayAsked, A, do.want_payment, do.update, when=is_.has_transaction),
    _go(D, PayAsked, A, do.want_payment, do.create),
    _go(D, CancelAsked, CANCELLED, do.abandon),
    _go(D, Woke, CANCELLED, do.abandon, do.because("idle"), when=is_.idle),
    _go(D, Restarted, "same", do.restart),
    # applying: one transaction whole, and the balance if it is wanted
    _no(A, BasketSet, "busy"),
    _no(A, CardSet, "busy"),
    _no(A, CardRemoved, "busy"),
    _go(A, ApplyAsked, "same", when=is_.same_apply),
    _no(A, ApplyAsked, "busy"),
    _go(A, PayAsked, "same", when=is_.same_payment),
    _no(A, PayAsked, "busy"),
    _go(A, CancelAsked, CANCELLED, do.abandon),
    _go(A, TransactionSaved, D, do.keep_transaction, do.drop_card, do.give_up("card_refused"), when=is_.card_not_taken),
    _go(A, TransactionSaved, D, do.keep_transaction, do.give_up("card_refused"), when=is_.card_not_valid_for_charge),
    _go(A, TransactionSaved, D, do.keep_transaction, do.give_up("not_payable"), when=is_.not_payable),
    _go(A, TransactionSaved, "same", do.keep_transaction, do.apply_balance, when=is_.balance_wanted),
    _go(A, TransactionSaved, STARTING, do.show_sum, do.pay_nothing, do.start, when=is_.wanted_nothing),
    _go(A, TransactionSaved, DUE, do.stop_at_sum("drawer_open"), when=is_.wanted_cash_into_open_drawer),
    _go(A, TransactionSaved, CASH, do.show_sum, do.take_wanted, do.open_drawer, when=is_.wanted_cash),
    _go(A, TransactionSaved, STARTING, do.show_sum, do.take_wanted, do.start, when=is_.wanted_terminal),
    _go(A, TransactionSaved, DUE, do.stop_at_sum("amount_changed"), when=is_.wanted_other_amount),
    _go(A, TransactionSaved, DUE, do.show_sum),
    _go(A, Applied, DUE, do.show_missing_sum),
    _go(A, CallRefused, D, do.keep_problem, do.give_up("refused")),
    _go(A, CallNotSent, D, do.give_up("offline"), when=is_.asked("read")),
    _go(A, CallNotSent, D, do.clear_amount, do.because("offline")),
    _go(A, CallNotAuthorised, D, do.give_up("not_authorised"), when=is_.asked("read")),
    _go(A, CallNotAuthorised, D, do.clear_amount, do.because("not_authorised")),
    _go(A, CallUnknown, "same", do.read, when=is_.asked_balance_of_new_transaction),
    _go(A, CallUnknown, D, do.give_up("no_answer"), when=is_.too_many_creates),
    _go(A, CallUnknown, "same", do.abandon, do.create),
    _go(A, ReadAnswered, DUE, do.show_applied, when=is_.balance_was_applied),
    _go(A, ReadAnswered, D, do.give_up("no_answer"), when=is_.too_many_creates),
    _go(A, ReadAnswered, "same", do.abandon, do.create),
    _go(A, Restarted, "same", do.restart, do.abandon, do.create),
    # due: the amount is shown, nothing is booked
    _go(DUE, BasketSet, D, do.set_basket, do.touch, do.clear_amount),
    _go(DUE, CardSet, "same", when=is_.same_card),
    _no(DUE, CardSet, "card_present", when=is_.other_card),
    _go(DUE, CardSet, D, do.clear_amount, do.set_card, do.touch, do.check_card, when=is_.checkable),
    _go(DUE, CardSet, D, do.clear_amount, do.set_card, do.touch),
    _go(DUE, CardRemoved, "same", when=is_.no_card),
    _go(DUE, CardRemoved, D, do.drop_card, do.abandon, do.clear_amount, do.touch),
    _go(DUE, ApplyAsked, "same", when=is_.same_apply),
    _no(DUE, ApplyAsked, "no_card", when=is_.balance_without_card),
    _no(DUE, ApplyAsked, "card_waiting", when=is_.balance_while_card_waits),
    _no(DUE, ApplyAsked, "charge_without_balance", when=is_.balance_for_charge),
    _go(DUE, ApplyAsked, A, do.touch, do.clear_amount, do.want_balance, do.update),
    _no(DUE, PayAsked, "amount_differs", when=is_.other_amount_asked),
    _go(DUE, PayAsked, STARTING, do.pay_nothing, do.start, when=is_.nothing_due),
    _no(DUE, PayAsked, "drawer_open", when=is_.cash_into_open_drawer),
    _no(DUE, PayAsked, "offline", when=is_.not_offline_without_balance),
    _go(DUE, PayAsked, CASH, do.take_payment, do.open_drawer, when=is_.by_cash),
    _go(DUE, PayAsked, STARTING, do.take_payment, do.start, when=is_.by_terminal),
    _no(DUE, PayAsked, "something_due"),
    _go(DUE, CancelAsked, CANCELLED, do.abandon),
    _go(DUE, Woke, CANCELLED, do.abandon, do.because("idle"), when=is_.idle),
    _go(DUE, Woke, D, do.clear_amount, do.because("amount_expired"), when=is_.old_amount),
    _go(DUE, Restarted, D, do.restart, do.clear_amount, do.because("restarted")),
    # awaiting cash: for exactly this amount
    _no(CASH, BasketSet, "too_late"),
    _no(CASH, CardSet, "too_late"),
    _no(CASH, CardRemoved, "too_late"),
    _no(CASH, ApplyAsked, "too_late"),
    _go(CASH, PayAsked, "same", when=is_.same_payment),
    _no(CASH, PayAsked, "too_late"),
    _go(CASH, DrawerOpenAsked, "same", do.await_anew, do.open_drawer),
    _go(CASH, DrawerOpened, "same", do.note_opened, do.read, when=is_.first_opening),
    _go(CASH, DrawerOpened, "same", do.note_opened),
    _go(CASH, DrawerTroubled, "same", do.note_trouble),
    _go(CASH, ReadAnswered, "same", do.forget_asking, when=is_.as_shown),
    _go(
        CASH,
        ReadAnswered,
        ATTENTION,
        do.note_waiting,
        do.abandon,
        do.because("amount_changed"),
        when=is_.person_must_decide,
    ),
    _go(CASH, ReadAnswered, A, do.clear_amount, do.update, do.because("amount_changed"), when=is_.still_payable),
    _go(CASH, ReadAnswered, D, do.forget_transaction, do.clear_amount, do.because("amount_changed")),
    _go(CASH, CallRefused, "same", do.forget_asking),
    _go(CASH, CallNotSent, "same", do.forget_asking),
    _go(CASH, CallUnknown, "same", do.forget_asking),
    _go(CASH, CallNotAuthorised, "same", do.forget_asking),
    _no(CASH, CashConfirmed, "interrupted", when=is_.was_interrupted),
    _no(CASH, CashConfirmed, "amount_differs", when=is_.evidence_for_other_amount),
    _go(CASH, CashConfirmed, STARTING, do.keep_evidence, do.start, when=is_.ready_to_start),
    _go(CASH, CashConfirmed, CONFIRMED, do.keep_evidence),
    _go(CASH, OtherAmountPaid, ATTENTION, do.note_waiting, do.because("other_amount_paid")),
    _no(CASH, ConfirmAsked, "amount_differs", when=is_.other_amount_confirmed),
    _no(CASH, ConfirmAsked, "operator_not_needed", when=is_.operator_not_needed),
    _go(CASH, ConfirmAsked, STARTING, do.keep_operators_word, do.start, when=is_.ready_to_start),
    _go(CASH, ConfirmAsked, CONFIRMED, do.keep_operators_word),
    _go(CASH, CancelAsked, CANCELLED, do.abandon),
    _go(CASH, Restarted, "same", do.restart, do.note_interrupted, do.read, when=is_.has_transaction),
    _go(CASH, Restarted, "same", do.restart, do.note_interrupted),
    # confirmed: the cash is in, nothing was sent
    _no(CONFIRMED, Turn, "busy", when=is_.waits_for_answer),
    _go(CONFIRMED, Turn, STARTING, do.start, when=is_.transaction_fits),
    _go(CONFIRMED, Turn, "same", do.abandon, do.create),
    _go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("card_refused"), when=is_.card_not_taken),
    _go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("not_payable"), when=is_.not_payable),
    _go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("card_waiting"), when=is_.card_waits_elsewhere),
    _go(CONFIRMED, TransactionSaved, "same", do.keep_transaction, do.apply_balance, when=is_.balance_wanted),
    _go(CONFIRMED, TransactionSaved, STARTING, do.keep_transaction, do.start, when=is_.paid_amount_is_due),
    _go(CONFIRMED, TransactionSaved, ATTENTION, do.keep_refused("amount_changed")),
    _go(CONFIRMED, Applied, STARTING, do.show_missing_sum, do.start, when=is_.paid_amount_is_missing),
    _go(CONFIRMED, Applied, ATTENTION, do.show_missing_sum, do.because("amount_changed")),
    _go(CONFIRMED, CallRefused, ATTENTION, do.keep_problem, do.because("refused")),
    _go(CONFIRMED, CallUnknown, "same", do.forget_asking),
    _go(CONFIRMED, CallNotSent, "same", do.forget_asking),
    _go(CONFIRMED, CallNotAuthorised, "same", do.forget_asking, do.because("not_authorised")),
    _go(CONFIRMED, Restarted, "same", do.restart),
    # starting: start was or may have been sent
    _go(
        STARTING,
        StartAnswered,
        ATTENTION,
        do.note_status,
        do.because("executed_otherwise"),
        when=is_.executed_otherwise,
    ),
    _go(STARTING, StartAnswered, COMPLETED, do.keep_result, do.give_receipt, when=is_.executed),
    _go(STARTING, StartAnswered, UNSURE, do.open_window, do.read, when=is_.says_nothing_of_the_start),
    _go(STARTING, StartAnswered, UNSURE, do.usable_answer, do.open_window, do.read),
    _go(STARTING, CallRefused, UNSURE, do.count_refusal, do.open_window, do.read),
    _go(STARTING, CallUnknown, UNSURE, do.open_window, do.read),
    _go(STARTING, CallNotSent, FAILED, do.forget_asking, do.because("offline"), when=is_.not_cash_and_nobody_waits),
    _go(STARTING, CallNotSent, DUE, do.give_back_choice, do.because("offline"), when=is_.not_cash),
    _go(STARTING, CallNotSent, CONFIRMED, do.forget_asking, do.because("offline")),
    _go(
        STARTING,
        CallNotAuthorised,
        FAILED,
        do.forget_asking,
        do.because("not_authorised"),
        when=is_.not_cash_and_nobody_waits,
    ),
    _go(STARTING, CallNotAuthorised, DUE, do.give_back_choice, do.because("not_authorised"), when=is_.not_cash),
    _go(STARTING, CallNotAuthorised, CONFIRMED, do.forget_asking, do.because("not_authorised")),
    _go(STARTING, Restarted, UNSURE, do.restart, do.open_window, do.read),
    # unsure: being asked
    _go(UNSURE, Woke, "same", do.pursue, when=is_.time_to_read),
    _no(UNSURE, Turn, "busy", when=is_.waits_for_answer),
    _go(UNSURE, Turn, "same", do.pursue),
    _go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("executed_otherwise"), when=is_.executed_otherwise),
    _go(UNSURE, ReadAnswered, COMPLETED, do.keep_result, do.give_receipt, when=is_.executed),
    _go(UNSURE, ReadAnswered, "same", do.read_later, when=is_.running),
    _go(UNSURE, ReadAnswered, FAILED, do.note_status, do.because("refused"), when=is_.refused_and_nobody_waits),
    _go(UNSURE, ReadAnswered, DUE, do.give_back_choice, do.because("refused"), when=is_.refused_and_not_cash),
    _go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("refused"), when=is_.refused_too_often),
    _go(UNSURE, ReadAnswered, FAILED, do.note_status, do.because("not_executed"), when=is_.terminal_and_nobody_waits),
    _go(UNSURE, ReadAnswered, STARTING, do.start, when=is_.proven_not_executed_and_fits),
    _go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("amount_changed"), when=is_.proven_not_executed),
    _go(UNSURE, ReadAnswered, "same", do.read_later, when=is_.too_early_to_tell),
    _go(UNSURE, ReadAnswered, FAILED, do.note_status, do.because("refused"), when=is_.refused_status_and_nobody_waits),
    _go(UNSURE, ReadAnswered, D, do.give_back_choice, do.give_up("refused"), when=is_.refused_status_and_not_cash),
    _go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("refused"), when=is_.was_refused),
    _go(UNSURE, ReadAnswered, ATTENTION, do.note_status, do.because("changed")),
    _go(UNSURE, CallRefused, "same", do.read_later),
    _go(UNSURE, CallUnknown, "same", do.read_later),
    _go(UNSURE, CallNotSent, "same", do.read_later),
    _go(UNSURE, CallNotAuthorised, "same", do.read_later),
    _go(UNSURE, Restarted, "same", do.restart, do.read),
    # attention: a person decides
    _no(ATTENTION, RetryAsked, "not_confirmed", when=is_.not_confirmed),
    _no(ATTENTION, RetryAsked, "executed", when=is_.was_executed),
    _go(ATTENTION, RetryAsked, CONFIRMED, do.replace_transaction, when=is_.may_replace_transaction),
    _no(ATTENTION, RetryAsked, "read_first", when=is_.replaces_unread),
    _go(ATTENTION, RetryAsked, UNSURE, do.forget_refusals, do.ensure_window, do.pursue, when=is_.has_transaction),
    _go(ATTENTION, RetryAsked, CONFIRMED, do.forget_refusals),
    _no(ATTENTION, ConfirmAsked, "amount_differs", when=is_.other_amount_confirmed),
    _go(ATTENTION, ConfirmAsked, CONFIRMED, do.keep_operators_word, when=is_.not_confirmed),
    _go(ATTENTION, ResolveAsked, RESOLVED, do.resolve),
    _go(ATTENTION, Restarted, "same", do.restart),
    # money was or may have been taken: nothing of the sale can change any more
    _go((*MONEY_TAKEN, COMPLETED), PayAsked, "same", when=is_.same_payment),
    _go((*MONEY_TAKEN, COMPLETED), ConfirmAsked, "same", when=is_.same_confirmation),
    *(
        _no((*MONEY_TAKEN, *sorted(FINAL)), event, "too_late")
        for event in (BasketSet, CardSet, CardRemoved, ApplyAsked, PayAsked, ConfirmAsked)
    ),
    _go(CANCELLED, CancelAsked, "same"),
    _no((*MONEY_TAKEN, *sorted(FINAL)), CancelAsked, "too_late"),
    _go(RESOLVED, ResolveAsked, "same", when=is_.same_resolution),
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
    changed = replace(changed, phase=row.to or checkout.phase, updated=situation.wall)
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
