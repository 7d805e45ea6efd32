"""Every rule about what may follow what in a checkout: one table, and the step that applies it.

A checkout is a frozen value. `step(checkout, event, situation)` looks for the first row of TABLE whose phase and event
fit and whose guard holds, and returns the changed checkout with the effects to carry out after it is durable. Where no
row fits, or the row refuses, NotAllowed is raised and nothing happens. Nothing here reads a clock, makes an id, or
knows another checkout: the situation says what the till knew when it took the event.

Two thoughts carry the table. *No usable answer is not a failure*: a start without one is unsure, and is sent again only
when a read that began after the late window shows that it was not executed. *What is started is what was shown*: a
transaction whose create or update got no usable answer is abandoned and made anew, so no late request can change what
the customer saw. The acts that the rows name are in `agent/checkout_*_acts.py` (`sale`: basket, card and choice; `ask`:
what the API is asked; `note`: what it answered; `pay`: drawer and cash), the questions in `agent/checkout_*_guards.py`
(`asked`: by a person, a program or the drawer; `told`: by an answer of the API; `is_`: how the checkout stands). The
picture in docs/checkout.md is drawn from this table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from agent import checkout_answer_acts as note
from agent import checkout_answer_guards as told
from agent import checkout_call_acts as ask
from agent import checkout_payment_acts as pay
from agent import checkout_request_guards as asked
from agent import checkout_sale_acts as sale
from agent import checkout_standing_guards as is_
from agent.checkout_call_acts import restart
from agent.checkout_effects import Effect
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
    because,
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
    go(D, BasketSet, "same", sale.set_basket, sale.touch),
    go(D, CardSet, "same", when=asked.same_card),
    no(D, CardSet, "card_present", when=asked.other_card),
    go(D, CardSet, "same", sale.set_card, sale.touch, ask.check_card, when=is_.checkable),
    go(D, CardSet, "same", sale.set_card, sale.touch),
    go(D, CardRemoved, "same", when=is_.no_card),
    go(D, CardRemoved, "same", sale.drop_card, ask.abandon, sale.touch),
    go(D, CardChecked, "same", sale.drop_card, when=told.refused_card),
    go(D, CardChecked, "same", note.keep_card_facts),
    go(D, CallRefused, "same", note.forget_asking),
    go(D, CallNotSent, "same", note.forget_asking),
    go(D, CallUnknown, "same", note.forget_asking),
    go(D, CallNotAuthorised, "same", note.forget_asking),
    no(D, ApplyAsked, "empty_basket", when=asked.nothing_to_sell),
    no(D, ApplyAsked, "no_card", when=asked.balance_without_card),
    no(D, ApplyAsked, "card_waiting", when=asked.balance_while_card_waits),
    no(D, ApplyAsked, "charge_without_balance", when=asked.balance_for_charge),
    go(D, ApplyAsked, A, sale.want_balance, ask.update, when=is_.has_transaction),
    go(D, ApplyAsked, A, sale.want_balance, ask.create),
    no(D, PayAsked, "empty_basket", when=asked.nothing_to_sell),
    no(D, PayAsked, "drawer_open", when=asked.cash_into_open_drawer),
    no(D, PayAsked, "no_room", when=asked.cash_without_room),
    no(D, PayAsked, "offline", when=asked.not_offline),
    no(D, PayAsked, "amount_differs", when=asked.other_sum_offline),
    go(D, PayAsked, CASH, pay.take_payment_offline, pay.open_drawer, when=asked.cash_offline),
    go(D, PayAsked, A, sale.want_payment, ask.update, when=is_.has_transaction),
    go(D, PayAsked, A, sale.want_payment, ask.create),
    go(D, CancelAsked, CANCELLED, ask.abandon),
    go(D, Woke, CANCELLED, ask.abandon, because("idle"), when=is_.idle),
    go(D, Restarted, "same", restart),
    # applying: one transaction whole, and the balance if it is wanted
    no(A, BasketSet, "busy"),
    no(A, CardSet, "busy"),
    no(A, CardRemoved, "busy"),
    go(A, ApplyAsked, "same", when=asked.same_apply),
    no(A, ApplyAsked, "busy"),
    go(A, PayAsked, "same", when=asked.same_payment),
    no(A, PayAsked, "busy"),
    go(A, CancelAsked, CANCELLED, ask.abandon),
    go(
        A,
        TransactionSaved,
        D,
        note.keep_transaction,
        sale.drop_card,
        sale.give_up("card_refused"),
        when=told.card_not_taken,
    ),
    go(
        A, TransactionSaved, D, note.keep_transaction, sale.give_up("card_refused"), when=told.card_not_valid_for_charge
    ),
    go(A, TransactionSaved, D, note.keep_transaction, sale.give_up("not_payable"), when=told.not_payable),
    go(A, TransactionSaved, "same", note.keep_transaction, ask.apply_balance, when=is_.balance_wanted),
    go(A, TransactionSaved, STARTING, note.show_sum, pay.pay_nothing, ask.start, when=told.wanted_nothing),
    go(A, TransactionSaved, DUE, note.stop_at_sum("drawer_open"), when=told.wanted_cash_into_open_drawer),
    go(A, TransactionSaved, DUE, note.stop_at_sum("no_room"), when=told.wanted_cash_without_room),
    go(A, TransactionSaved, CASH, note.show_sum, pay.take_wanted, pay.open_drawer, when=told.wanted_cash),
    go(A, TransactionSaved, STARTING, note.show_sum, pay.take_wanted, ask.start, when=told.wanted_terminal),
    go(A, TransactionSaved, DUE, note.stop_at_sum("amount_changed"), when=told.wanted_other_amount),
    go(A, TransactionSaved, DUE, note.show_sum),
    go(A, Applied, DUE, note.show_missing_sum),
    go(A, CallRefused, D, note.keep_problem, sale.give_up("refused")),
    go(A, CallNotSent, D, sale.give_up("offline"), when=is_.asked("read")),
    go(A, CallNotSent, D, sale.clear_amount, because("offline")),
    go(A, CallNotAuthorised, D, note.keep_problem, sale.give_up("not_authorised"), when=is_.asked("read")),
    go(A, CallNotAuthorised, D, note.keep_problem, sale.clear_amount, because("not_authorised")),
    go(A, CallUnknown, "same", ask.read, when=is_.asked_balance_of_new_transaction),
    go(A, CallUnknown, D, sale.give_up("no_answer"), when=is_.too_many_creates),
    go(A, CallUnknown, "same", ask.abandon, ask.create),
    go(A, ReadAnswered, DUE, note.show_applied, when=told.balance_was_applied),
    go(A, ReadAnswered, D, sale.give_up("no_answer"), when=is_.too_many_creates),
    go(A, ReadAnswered, "same", ask.abandon, ask.create),
    go(A, Restarted, "same", restart, ask.abandon, ask.create),
    # due: the amount is shown, nothing is booked
    go(DUE, BasketSet, D, sale.set_basket, sale.touch, sale.clear_amount),
    go(DUE, CardSet, "same", when=asked.same_card),
    no(DUE, CardSet, "card_present", when=asked.other_card),
    go(DUE, CardSet, D, sale.clear_amount, sale.set_card, sale.touch, ask.check_card, when=is_.checkable),
    go(DUE, CardSet, D, sale.clear_amount, sale.set_card, sale.touch),
    go(DUE, CardRemoved, "same", when=is_.no_card),
    go(DUE, CardRemoved, D, sale.drop_card, ask.abandon, sale.clear_amount, sale.touch),
    go(DUE, ApplyAsked, "same", when=asked.same_apply),
    no(DUE, ApplyAsked, "no_card", when=asked.balance_without_card),
    no(DUE, ApplyAsked, "card_waiting", when=asked.balance_while_card_waits),
    no(DUE, ApplyAsked, "charge_without_balance", when=asked.balance_for_charge),
    go(DUE, ApplyAsked, A, sale.touch, sale.clear_amount, sale.want_balance, ask.update),
    no(DUE, PayAsked, "amount_differs", when=asked.other_amount_asked),
    go(DUE, PayAsked, STARTING, pay.pay_nothing, ask.start, when=asked.nothing_due),
    no(DUE, PayAsked, "drawer_open", when=asked.cash_into_open_drawer),
    no(DUE, PayAsked, "no_room", when=asked.cash_without_room),
    no(DUE, PayAsked, "offline", when=asked.not_offline_without_balance),
    go(DUE, PayAsked, CASH, pay.take_payment, pay.open_drawer, when=asked.by_cash),
    go(DUE, PayAsked, STARTING, pay.take_payment, ask.start, when=asked.by_terminal),
    no(DUE, PayAsked, "something_due"),
    go(DUE, CancelAsked, CANCELLED, ask.abandon),
    go(DUE, Woke, CANCELLED, ask.abandon, because("idle"), when=is_.idle),
    go(DUE, Woke, D, sale.clear_amount, because("amount_expired"), when=is_.old_amount),
    go(DUE, Restarted, D, restart, sale.clear_amount, because("restarted")),
    # awaiting cash: for exactly this amount
    no(CASH, BasketSet, "too_late"),
    no(CASH, CardSet, "too_late"),
    no(CASH, CardRemoved, "too_late"),
    no(CASH, ApplyAsked, "too_late"),
    go(CASH, PayAsked, "same", when=asked.same_payment),
    no(CASH, PayAsked, "too_late"),
    no(CASH, DrawerOpenAsked, "no_room", when=is_.no_room),
    go(CASH, DrawerOpenAsked, "same", pay.await_anew, pay.open_drawer),
    go(CASH, DrawerOpened, "same", pay.note_opened, ask.read, when=is_.first_opening),
    go(CASH, DrawerOpened, "same", pay.note_opened),
    go(CASH, DrawerTroubled, "same", pay.note_trouble),
    go(CASH, ReadAnswered, "same", note.forget_asking, when=told.as_shown),
    go(
        CASH,
        ReadAnswered,
        ATTENTION,
        pay.note_waiting,
        ask.abandon,
        because("amount_changed"),
        when=is_.person_must_decide,
    ),
    go(CASH, ReadAnswered, A, sale.clear_amount, ask.update, because("amount_changed"), when=told.still_payable),
    go(CASH, ReadAnswered, D, sale.forget_transaction, sale.clear_amount, because("amount_changed")),
    go(CASH, CallRefused, "same", note.forget_asking),
    go(CASH, CallNotSent, "same", note.forget_asking),
    go(CASH, CallUnknown, "same", note.forget_asking),
    go(CASH, CallNotAuthorised, "same", note.forget_asking),
    no(CASH, CashConfirmed, "interrupted", when=asked.was_interrupted),
    no(CASH, CashConfirmed, "amount_differs", when=asked.evidence_for_other_amount),
    go(CASH, CashConfirmed, STARTING, pay.keep_evidence, ask.start, when=is_.ready_to_start),
    go(CASH, CashConfirmed, CONFIRMED, pay.keep_evidence),
    go(CASH, OtherAmountPaid, ATTENTION, pay.note_waiting, because("other_amount_paid")),
    no(CASH, ConfirmAsked, "amount_differs", when=asked.other_amount_confirmed),
    no(CASH, ConfirmAsked, "operator_not_needed", when=asked.operator_not_needed),
    go(CASH, ConfirmAsked, STARTING, pay.keep_operators_word, ask.start, when=is_.ready_to_start),
    go(CASH, ConfirmAsked, CONFIRMED, pay.keep_operators_word),
    go(CASH, CancelAsked, CANCELLED, ask.abandon),
    go(CASH, Restarted, "same", restart, pay.note_interrupted, ask.read, when=is_.has_transaction),
    go(CASH, Restarted, "same", restart, pay.note_interrupted),
    # confirmed: the cash is in, nothing was sent
    no(CONFIRMED, Turn, "busy", when=is_.waits_for_answer),
    go(CONFIRMED, Turn, STARTING, ask.start, when=is_.transaction_fits),
    go(CONFIRMED, Turn, "same", ask.abandon, ask.create),
    go(CONFIRMED, TransactionSaved, ATTENTION, note.keep_refused("card_refused"), when=told.card_not_taken),
    go(CONFIRMED, TransactionSaved, ATTENTION, note.keep_refused("card_refused"), when=told.card_not_valid_for_charge),
    go(CONFIRMED, TransactionSaved, ATTENTION, note.keep_refused("not_payable"), when=told.not_payable),
    go(CONFIRMED, TransactionSaved, ATTENTION, note.keep_refused("card_waiting"), when=is_.card_waits_elsewhere),
    go(CONFIRMED, TransactionSaved, "same", note.keep_transaction, ask.apply_balance, when=is_.balance_wanted),
    go(CONFIRMED, TransactionSaved, STARTING, note.keep_transaction, ask.start, when=told.paid_amount_is_due),
    go(CONFIRMED, TransactionSaved, ATTENTION, note.keep_refused("amount_changed")),
    go(CONFIRMED, Applied, STARTING, note.show_missing_sum, ask.start, when=told.paid_amount_is_missing),
    go(CONFIRMED, Applied, ATTENTION, note.show_missing_sum, because("amount_changed")),
    go(CONFIRMED, CallRefused, ATTENTION, note.keep_problem, because("refused")),
    go(CONFIRMED, CallUnknown, "same", note.forget_asking),
    go(CONFIRMED, CallNotSent, "same", note.forget_asking, ask.forget_creates),
    go(CONFIRMED, CallNotAuthorised, "same", note.keep_problem, ask.forget_creates, because("not_authorised")),
    go(CONFIRMED, RetryAsked, "same", ask.forget_creates, when=is_.overdue_and_quiet),
    go(CONFIRMED, ResolveAsked, RESOLVED, pay.resolve, when=is_.overdue),
    go(CONFIRMED, Restarted, "same", restart),
    # starting: start was or may have been sent
    go(
        STARTING,
        StartAnswered,
        ATTENTION,
        note.keep_status,
        because("executed_otherwise"),
        when=told.executed_otherwise,
    ),
    go(STARTING, StartAnswered, COMPLETED, note.keep_result, pay.give_receipt, when=told.executed),
    go(
        STARTING,
        StartAnswered,
        UNSURE,
        note.count_useless_answer,
        note.doubt_remainder,
        ask.open_window,
        ask.read,
        when=told.says_nothing_of_the_start,
    ),
    go(STARTING, StartAnswered, UNSURE, note.usable_answer, ask.open_window, ask.read),
    go(STARTING, CallRefused, UNSURE, note.count_refusal, ask.open_window, ask.read),
    go(STARTING, CallUnknown, UNSURE, ask.open_window, ask.read),
    go(STARTING, CallNotSent, FAILED, note.forget_asking, because("offline"), when=is_.not_cash_and_nobody_waits),
    go(STARTING, CallNotSent, DUE, pay.give_back_choice, because("offline"), when=is_.not_cash),
    go(STARTING, CallNotSent, CONFIRMED, note.forget_asking, because("offline")),
    go(
        STARTING,
        CallNotAuthorised,
        FAILED,
        note.keep_problem,
        because("not_authorised"),
        when=is_.not_cash_and_nobody_waits,
    ),
    go(
        STARTING,
        CallNotAuthorised,
        DUE,
        note.keep_problem,
        pay.give_back_choice,
        because("not_authorised"),
        when=is_.not_cash,
    ),
    go(STARTING, CallNotAuthorised, CONFIRMED, note.keep_problem, because("not_authorised")),
    go(STARTING, Restarted, UNSURE, restart, ask.open_window, ask.read),
    # unsure: being asked
    go(UNSURE, Woke, "same", ask.pursue, when=is_.time_to_read),
    no(UNSURE, Turn, "busy", when=is_.waits_for_answer),
    go(UNSURE, Turn, "same", ask.pursue),
    go(UNSURE, ReadAnswered, ATTENTION, note.keep_status, because("executed_otherwise"), when=told.executed_otherwise),
    go(UNSURE, ReadAnswered, COMPLETED, note.keep_result, pay.give_receipt, when=told.executed),
    go(UNSURE, ReadAnswered, "same", ask.read_later, when=told.running),
    go(UNSURE, ReadAnswered, FAILED, note.keep_status, because("amount_changed"), when=told.unfit_and_nobody_waits),
    go(UNSURE, ReadAnswered, D, pay.give_back_choice, sale.give_up("amount_changed"), when=told.unfit_and_not_cash),
    go(UNSURE, ReadAnswered, FAILED, note.keep_status, because("refused"), when=told.refused_and_nobody_waits),
    go(UNSURE, ReadAnswered, DUE, pay.give_back_choice, because("refused"), when=told.refused_and_not_cash),
    go(UNSURE, ReadAnswered, ATTENTION, note.keep_status, because("refused"), when=told.refused_too_often),
    go(UNSURE, ReadAnswered, FAILED, note.keep_status, because("not_executed"), when=told.terminal_and_nobody_waits),
    go(UNSURE, ReadAnswered, STARTING, ask.start, when=told.proven_not_executed_and_fits),
    go(UNSURE, ReadAnswered, ATTENTION, note.keep_status, because("amount_changed"), when=told.proven_not_executed),
    go(UNSURE, ReadAnswered, "same", ask.read_later, when=told.too_early_to_tell),
    go(UNSURE, ReadAnswered, FAILED, note.keep_status, because("refused"), when=told.refused_status_and_nobody_waits),
    go(UNSURE, ReadAnswered, D, pay.give_back_choice, sale.give_up("refused"), when=told.refused_status_and_not_cash),
    go(UNSURE, ReadAnswered, ATTENTION, note.keep_status, because("refused"), when=told.was_refused),
    go(UNSURE, ReadAnswered, ATTENTION, note.keep_status, because("changed")),
    go(UNSURE, CallRefused, "same", ask.read_later),
    go(UNSURE, CallUnknown, "same", ask.read_later),
    go(UNSURE, CallNotSent, "same", ask.read_later),
    go(UNSURE, CallNotAuthorised, "same", ask.read_later),
    no(UNSURE, RetryAsked, "read_first", when=asked.replaces_unread),
    go(UNSURE, RetryAsked, "same", ask.pursue, when=is_.overdue_and_quiet),
    go(UNSURE, RetryAsked, "same", when=is_.overdue),
    go(UNSURE, ResolveAsked, RESOLVED, pay.resolve, when=is_.overdue),
    go(UNSURE, Restarted, "same", restart, ask.read),
    # attention: a person decides
    no(ATTENTION, RetryAsked, "not_confirmed", when=asked.not_confirmed),
    no(ATTENTION, RetryAsked, "executed", when=asked.was_executed),
    go(ATTENTION, RetryAsked, CONFIRMED, ask.replace_transaction, when=asked.may_replace_transaction),
    no(ATTENTION, RetryAsked, "read_first", when=asked.replaces_unread),
    go(ATTENTION, RetryAsked, UNSURE, pay.forget_refusals, ask.ensure_window, ask.pursue, when=is_.has_transaction),
    go(ATTENTION, RetryAsked, CONFIRMED, pay.forget_refusals),
    no(ATTENTION, ConfirmAsked, "amount_differs", when=asked.other_amount_confirmed),
    go(ATTENTION, ConfirmAsked, CONFIRMED, pay.keep_operators_word, when=asked.not_confirmed),
    go(ATTENTION, ResolveAsked, RESOLVED, pay.resolve),
    go(ATTENTION, Restarted, "same", restart),
    # money was or may have been taken: nothing of the sale can change any more
    go((*MONEY_TAKEN, COMPLETED), PayAsked, "same", when=asked.same_payment),
    go((*MONEY_TAKEN, COMPLETED), ConfirmAsked, "same", when=asked.same_confirmation),
    *(
        no((*MONEY_TAKEN, *sorted(FINAL)), event, "too_late")
        for event in (BasketSet, CardSet, CardRemoved, ApplyAsked, PayAsked, ConfirmAsked)
    ),
    go(CANCELLED, CancelAsked, "same"),
    no((*MONEY_TAKEN, *sorted(FINAL)), CancelAsked, "too_late"),
    go(RESOLVED, ResolveAsked, "same", when=asked.same_resolution),
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
