"""Walk 1: every event in every state that a checkout can come to, and what must hold in each of them.

The walk looks at the agent alone: any answer may come to any question. What the server may really do with a request is
walk 2 (test_checkout_server_walk.py).
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checkout.call_acts import is_at_terminal
from agent.checkout.effects import (
    AbortTransaction,
    ApplyBalance,
    CreateTransaction,
    Effect,
    OpenDrawer,
    OpenDrawerToRefund,
    PrintReceipt,
    SendBooked,
    StartTransaction,
    UpdateTransaction,
)
from agent.checkout.events import (
    Answer,
    Applied,
    ApplyAsked,
    BasketSet,
    CallRefused,
    CancelAsked,
    CardRemoved,
    CardSet,
    ConfirmAsked,
    DrawerOpenAsked,
    Event,
    PayAsked,
    ReadAnswered,
    Request,
    ResolveAsked,
    Restarted,
    RetryAsked,
    ReverseAsked,
    StartAnswered,
    TransactionSaved,
    Turn,
    Woke,
)
from agent.checkout.state import AT_TERMINAL_S, Checkout, Phase, Situation, TransactionFacts
from agent.checkout.step import ROWS, NotAllowed, is_active, step, wake_at
from agent.checkout.table import TABLE
from agent.checkout.transaction_status import REFUSED
from agent.kiosk.roles import Role
from agent.kiosk.view import allowed
from tests.checkout_states import CHOOSING, MOVES_MONEY, State, Taken, Walked, may_happen, walk
from tests.checkouts import (
    DISCHARGE,
    NOW_S,
    WALL,
    as_seen_now,
    handed_over,
    new_checkout,
    reversal_of,
    situation,
    sold,
)

MONEY_TAKEN = {Phase.CONFIRMED, Phase.STARTING, Phase.UNSURE, Phase.ATTENTION}
GIVEN_UP = {Phase.DRAFT, Phase.APPLYING, Phase.DUE, Phase.AWAITING_CASH, Phase.CANCELLED, Phase.FAILED}


@pytest.fixture(scope="module")
def walked() -> Walked:
    return walk()


def _told(found: list[Taken]) -> list[str]:
    """Name the first few that break a rule, for a failing test to show."""
    return [f"{one.before.checkout.phase} + {one.event} -> {one.after.phase}, {one.effects}" for one in found[:5]]


def none_of(walked: Walked, breaks_the_rule: Callable[[Taken], bool]) -> bool:
    found = [one for one in walked.taken if breaks_the_rule(one)]
    assert _told(found) == []
    return True


def effects_of(taken: Taken, kind: type) -> list[Effect]:
    return [effect for effect in taken.effects if isinstance(effect, kind)]


def test_the_walk_comes_to_an_end_and_has_seen_every_phase(walked: Walked, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\nwalk of the table: {len(walked.states)} states, {len(walked.taken)} transitions ")
    assert set(Phase) == {state.checkout.phase for state in walked.states}


# Start


def test_cash_is_started_only_with_evidence_of_exactly_what_was_shown(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        payment = taken.after.payment
        if not effects_of(taken, StartTransaction):
            return False
        if payment is None or payment.amount != taken.after.amount_due:
            return True
        return payment.method == "cash" and (payment.evidence is None or payment.evidence.amount != payment.amount)

    assert none_of(walked, breaks)


def test_what_is_started_is_the_payment_and_its_transaction(walked: Walked) -> None:
    """The amount that the API answered for this transaction is the amount of the payment."""

    def breaks(taken: Taken) -> bool:
        transaction, payment = taken.after.transaction, taken.after.payment
        starts = effects_of(taken, StartTransaction)
        if not starts:
            return False
        if transaction is None or payment is None or not transaction.start_sent:
            return True
        amount = transaction.missing_sum if taken.after.use_balance else transaction.sum
        [start] = [effect for effect in taken.effects if isinstance(effect, StartTransaction)]
        return (start.transaction_id, start.method, amount) != (transaction.id, payment.method, payment.amount)

    assert none_of(walked, breaks)


def test_loyalty_is_started_only_where_nothing_is_due(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        starts = [effect for effect in taken.effects if isinstance(effect, StartTransaction)]
        return any((start.method == "loyalty") != (taken.after.amount_due == 0) for start in starts)

    assert none_of(walked, breaks)


def proves_too_early(taken: Taken) -> bool:
    """Is it a read that began before the late window was over."""
    before = taken.before.checkout
    if before.phase is not Phase.UNSURE or not isinstance(taken.event, ReadAnswered):
        return False
    return before.pursuit is None or taken.event.begun_s < before.pursuit.ends_s


def test_nothing_is_started_while_an_earlier_start_may_have_worked_or_may_still_work(walked: Walked) -> None:
    """Only a read that began after the late window, or one that shows it refused, clears the way for another.

    A reversal is as careful.
    """

    def breaks(taken: Taken) -> bool:
        if not any(isinstance(effect, MOVES_MONEY) for effect in taken.effects):
            return False
        return taken.before.last_start not in {"none", "over"} or proves_too_early(taken)

    assert none_of(walked, breaks)


def _is_refusal(event: object) -> bool:
    return isinstance(event, CallRefused) or (isinstance(event, StartAnswered) and event.facts.status in REFUSED)


def test_a_start_without_proof_opens_the_whole_late_window_and_a_restart_opens_it_anew(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        ended = taken.before.last_start == "under way" and taken.reached.last_start == "late"
        restarted = isinstance(taken.event, Restarted) and taken.before.last_start == "late"
        if not (ended or restarted):
            return False
        rules, pursuit = taken.after.rules, taken.after.pursuit
        window_s = rules.late_window_s + rules.stale_read_s
        if is_at_terminal(taken.after) and not _is_refusal(taken.event):
            window_s += AT_TERMINAL_S
        return pursuit is None or pursuit.ends_s != NOW_S + window_s

    assert none_of(walked, breaks)


def test_a_checkout_knows_whether_its_transaction_may_have_been_started(walked: Walked) -> None:
    known = {
        (state.checkout.transaction.start_sent, state.started)
        for state in walked.states
        if state.checkout.transaction is not None
    }
    assert {(False, False), (True, True)} == known


def test_the_choice_is_given_back_only_where_no_start_can_work_any_more(walked: Walked) -> None:
    left = {state.last_start for state in walked.states if state.checkout.phase in GIVEN_UP}
    assert {"none", "over"} == left


# The other effects


def test_a_transaction_that_may_have_been_started_is_never_aborted(walked: Walked) -> None:
    assert none_of(walked, lambda taken: bool(effects_of(taken, AbortTransaction)) and taken.before.started)


def test_the_drawer_is_asked_once_for_a_payment_and_then_only_by_a_person(walked: Walked) -> None:
    """Entering `awaiting_cash` by a payment opens it; nothing else does, and nothing else enters."""

    def breaks(taken: Taken) -> bool:
        enters = taken.before.checkout.phase is not Phase.AWAITING_CASH and taken.after.phase is Phase.AWAITING_CASH
        wanted = isinstance(taken.event, TransactionSaved | ReadAnswered) and taken.before.checkout.wanted is not None
        by_payment = enters and (isinstance(taken.event, PayAsked) or wanted)
        opens = len(effects_of(taken, OpenDrawer))
        return opens != (by_payment or isinstance(taken.event, DrawerOpenAsked)) or (enters and not by_payment)

    assert none_of(walked, breaks)


def test_cash_is_awaited_only_where_something_is_due(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        return taken.after.phase is Phase.AWAITING_CASH and taken.after.amount_due == 0

    assert none_of(walked, breaks)


def test_nothing_is_asked_or_taken_for_a_discharge(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        return taken.after.basket == DISCHARGE and taken.after.phase not in {Phase.DRAFT, Phase.CANCELLED}

    assert none_of(walked, breaks)
    assert any(state.checkout.basket == DISCHARGE for state in walked.states)


def test_a_receipt_is_given_exactly_when_the_payment_is_completed(walked: Walked) -> None:
    """The terminal gives that of a reversal itself; nobody waits for word of a reversal."""

    def breaks(taken: Taken) -> bool:
        completed = taken.after.phase is Phase.COMPLETED and taken.before.checkout.phase is not Phase.COMPLETED
        reversal = taken.after.reversal
        prints = completed and (reversal is None or reversal.call == "cancel")
        given = bool(effects_of(taken, PrintReceipt)), bool(effects_of(taken, SendBooked))
        return given != (prints, completed and reversal is None)

    assert none_of(walked, breaks)


def test_one_request_at_a_time_and_it_carries_the_number_whose_answer_is_waited_for(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        numbers = [number for effect in taken.effects if (number := getattr(effect, "number", None)) is not None]
        asking = taken.after.asking
        return numbers != [] and (asking is None or numbers != [asking.number] or asking.number != taken.after.requests)

    assert none_of(walked, breaks)


def test_a_new_request_has_a_new_number(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        asks = any(hasattr(effect, "number") for effect in taken.effects)
        return taken.after.requests != taken.before.checkout.requests + asks

    assert none_of(walked, breaks)


# Where a checkout may go


def test_the_drawer_opens_for_a_refund_only_when_it_was_taken_back_and_no_other_cash_is_awaited(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        if not effects_of(taken, OpenDrawerToRefund):
            return False
        asked = taken.before.checkout.reversal is not None and taken.before.checkout.reversal.open_drawer
        return not (asked and taken.after.phase is Phase.COMPLETED) or taken.situation.cash_awaited

    assert none_of(walked, breaks)
    assert any(effects_of(taken, OpenDrawerToRefund) for taken in walked.taken)


def test_a_reversal_knows_no_other_phases(walked: Walked) -> None:
    phases = {taken.after.phase for taken in walked.taken if taken.after.reversal is not None}
    ways = {Phase.STARTING, Phase.UNSURE, Phase.ATTENTION}
    assert ways | {Phase.COMPLETED, Phase.FAILED, Phase.RESOLVED} == phases


def test_what_was_handed_over_never_becomes_a_draft(walked: Walked) -> None:
    assert [
        state for state in walked.states if state.checkout.handed_over and state.checkout.phase is Phase.DRAFT
    ] == []


def test_a_transaction_that_was_handed_over_is_never_changed_and_never_aborted(walked: Walked) -> None:
    changes = (UpdateTransaction, CreateTransaction, ApplyBalance, AbortTransaction)

    def breaks(taken: Taken) -> bool:
        return taken.after.handed_over is not None and any(isinstance(effect, changes) for effect in taken.effects)

    assert none_of(walked, breaks)
    assert any(state.checkout.handed_over and state.checkout.phase is Phase.STARTING for state in walked.states)


def test_money_that_was_taken_is_never_given_up(walked: Walked) -> None:
    """With evidence of cash a checkout ends completed, or by a person; until then it is being booked or needs one."""

    def breaks(taken: Taken) -> bool:
        payment = taken.before.checkout.payment
        confirmed = payment is not None and payment.evidence is not None
        return confirmed and taken.after.phase not in MONEY_TAKEN | {Phase.COMPLETED, Phase.RESOLVED}

    assert none_of(walked, breaks)


def test_a_confirmed_payment_is_never_cancelled_failed_or_a_draft_again(walked: Walked) -> None:
    to = {taken.after.phase for taken in walked.taken if taken.before.checkout.phase is Phase.CONFIRMED}
    assert {Phase.CONFIRMED, Phase.STARTING, Phase.ATTENTION, Phase.RESOLVED} == to


def test_evidence_stays_with_its_payment(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        before, after = taken.before.checkout.payment, taken.after.payment
        return before is not None and before.evidence is not None and before != after

    assert none_of(walked, breaks)


def test_nothing_of_the_sale_changes_once_cash_is_awaited_or_money_was_taken(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        before, after = taken.before.checkout, taken.after
        if before.phase not in MONEY_TAKEN | {Phase.AWAITING_CASH} or after.phase in CHOOSING or before.handed_over:
            return False
        return (before.basket, before.card and before.card.number) != (after.basket, after.card and after.card.number)

    assert none_of(walked, breaks)


def read_tells_due(taken: Taken, facts: TransactionFacts) -> bool:
    due, said = taken.after.amount_due, taken.after.handed_over
    if said is not None:
        return due == said.amount_due and due in {facts.sum, facts.missing_sum}
    return due == facts.missing_sum and taken.before.checkout.phase is Phase.APPLYING


def test_the_amount_due_is_what_the_api_answered_to_a_change(walked: Walked) -> None:
    """Or the basket's sum, where the API is away; a read tells it only after a preTransaction without an answer."""

    def breaks(taken: Taken) -> bool:
        due = taken.after.amount_due
        if due is None or due == taken.before.checkout.amount_due:
            return False
        match taken.event:
            case TransactionSaved(facts=facts):
                return due != facts.sum
            case Applied(missing_sum=missing_sum):
                return due != missing_sum
            case ReadAnswered(facts=facts):
                return not read_tells_due(taken, facts)
            case PayAsked(amount=amount):
                offline = taken.situation.api != "online" and taken.after.phase is Phase.AWAITING_CASH
                return not (offline and due == amount == taken.after.basket.sum)
            case _:
                return True

    assert none_of(walked, breaks)


def test_balance_is_not_applied_while_another_payment_with_the_card_waits(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        asks = taken.after.asking is not None and taken.after.asking.call == "pre_transaction" and taken.effects != ()
        return asks and taken.situation.card_waiting and taken.before.checkout.phase is not Phase.APPLYING

    assert none_of(walked, breaks)


def test_final_is_final(walked: Walked) -> None:
    """A completed checkout only comes to name its reversal."""

    def breaks(taken: Taken) -> bool:
        before = taken.before.checkout
        names_reversal = isinstance(taken.event, ReverseAsked) and taken.after.phase is Phase.COMPLETED
        return before.final and not (names_reversal and replace(taken.after, reversed_by=before.reversed_by) == before)

    assert none_of(walked, breaks)


def test_a_checkout_never_comes_back_to_a_till_that_it_left_or_that_is_taken(walked: Walked) -> None:
    """A stranger's card would go to it. It left the till with a confirmation, and with a restart."""

    def breaks(taken: Taken) -> bool:
        before = taken.before.checkout
        comes_back = not is_active(before, NOW_S) and is_active(taken.after, NOW_S)
        return comes_back and (before.started_s is None or taken.situation.front_taken)

    assert none_of(walked, breaks)


# There is always a way forward


def test_the_end_can_be_reached_from_everywhere(walked: Walked) -> None:
    steps = [(taken.before, taken.reached) for taken in walked.taken] + walked.time
    came_from: dict[State, list[State]] = {}
    for before, reached in steps:
        came_from.setdefault(reached, []).append(before)
    waiting = [state for state in walked.states if state.checkout.final]
    can_end = set(waiting)
    while waiting:
        for before in came_from.get(waiting.pop(), []):
            if before not in can_end:
                can_end.add(before)
                waiting.append(before)
    assert walked.states == can_end


def test_no_state_waits_for_nothing(walked: Walked) -> None:
    """An answer is on its way, a time will come, the till gives it its turn, or a person can go on."""
    asked_on = {taken.before for taken in walked.taken if isinstance(taken.event, Request)}
    turns = {taken.before for taken in walked.taken if isinstance(taken.event, Turn)}

    def goes_on(state: State) -> bool:
        checkout = state.checkout
        if checkout.asking is not None or checkout.final:
            return True
        if checkout.phase in MONEY_TAKEN - {Phase.ATTENTION}:
            return state in turns and (checkout.phase is Phase.CONFIRMED or wake_at(checkout) is not None)
        return checkout.phase not in {Phase.APPLYING, Phase.STARTING} and state in asked_on

    assert [state for state in walked.states if not goes_on(state)] == []


def test_waking_at_the_time_it_asked_for_does_something_and_asks_for_a_later_time(walked: Walked) -> None:
    for checkout in {state.checkout for state in walked.states}:
        at_s = wake_at(checkout)
        if at_s is not None:
            woken, _ = step(checkout, Woke(), situation(now_s=at_s))
            again_s = wake_at(woken)
            assert again_s is None or again_s > at_s


ACTS = {
    BasketSet: "basket",
    CardSet: "card",
    CardRemoved: "card",
    ApplyAsked: "apply",
    PayAsked: "pay",
    CancelAsked: "cancel",
    ConfirmAsked: "confirm",
    RetryAsked: "retry",
    ResolveAsked: "resolve",
    ReverseAsked: "reverse",
}


def test_a_request_that_has_an_effect_is_among_what_the_screen_is_told(walked: Walked) -> None:
    def breaks(taken: Taken) -> bool:
        act = ACTS.get(type(taken.event))
        if act is None or taken.situation.reversal_over:  # what became of another checkout only the till knows
            return False
        now = replace(taken.before.checkout, updated=taken.situation.wall)
        return act not in allowed(now, Role.OPERATOR)

    assert none_of(walked, breaks)


def test_no_row_of_the_table_is_superfluous(walked: Walked) -> None:
    """Each is the first that fits, for some checkout, event and situation."""
    found = set()
    for checkout in {state.checkout for state in walked.states}:
        for event, now in may_happen(checkout):
            if not isinstance(event, Answer) or checkout.asking is not None:
                rows = ROWS.get((checkout.phase, type(event)), ())
                fits = (row for row in rows if row.when is None or row.when(checkout, event, now))
                found.add(id(next(fits, None)))
    assert [row for row in TABLE if id(row) not in found] == []


# The walk may forget what it forgets


@given(
    st.sampled_from((new_checkout(), handed_over(), reversal_of(sold(), open_drawer=True), sold("cashless"))),
    st.lists(st.integers(min_value=0, max_value=10_000), max_size=40),
    st.integers(min_value=0, max_value=9000).map(lambda days: timedelta(days=days)),
)
def test_what_the_walk_forgets_no_rule_looks_at(whole: Checkout, choices: list[int], later: timedelta) -> None:
    """A whole checkout and what the walk keeps of it go the same way, on any day and beside any closed drawer."""
    whole = replace(whole, updated=whole.updated + later)
    for choice in choices:
        whole = replace(whole, waiting_since=whole.waiting_since and WALL + later)  # no clock is set back here
        possible = list(may_happen(whole))
        event, now = possible[choice % len(possible)]
        told = _with_number_of(whole, event)
        other = replace(
            now,
            now_s=_pause_over(whole, now.now_s),
            wall=now.wall + later,
            drawer="open" if now.drawer == "open" else "unknown",
        )
        assert _way(as_seen_now(whole), event, now) == _way(whole, told, other)
        whole = _next(whole, told, other)
        whole = replace(whole, rules=as_seen_now(whole).rules)  # each restart may bring others, and the walk has both


def _pause_over(checkout: Checkout, now_s: float) -> float:
    """In the walk any pause has passed when its end is awaited."""
    next_read_s = checkout.pursuit.next_read_s if checkout.phase is Phase.UNSURE and checkout.pursuit else None
    return max(now_s, next_read_s or now_s)


def _with_number_of(checkout: Checkout, event: Event) -> Event:
    if isinstance(event, Answer) and checkout.asking is not None:
        return replace(event, number=checkout.asking.number)
    return event


def _way(checkout: Checkout, event: Event, now: Situation) -> object:
    try:
        after, effects = step(checkout, event, now)
    except NotAllowed as refused:
        return refused.reason
    return as_seen_now(after), [type(effect) for effect in effects]


def _next(checkout: Checkout, event: Event, now: Situation) -> Checkout:
    try:
        return step(checkout, event, now)[0]
    except NotAllowed:
        return checkout
