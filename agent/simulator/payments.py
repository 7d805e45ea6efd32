"""How a transaction is executed: the start, and what it moves. Pure; money is in cents.

A start has two steps, because it takes time: `begin_start` decides whether it runs, `finish_start` checks card and
amounts as they are by then and books. In between a read shows the status that `read-while-start-runs` names.
"""

from dataclasses import dataclass, replace
from typing import Final

from agent.simulator import receipts
from agent.simulator.cards import Card, Movement, can_bear, moved
from agent.simulator.ledger import Booking
from agent.simulator.refusals import (
    ANOTHER_DEVICE,
    BALANCE_TOO_LOW,
    NOTHING_MISSING,
    SOMETHING_MISSING,
    UNUSABLE_CARD,
    Refused,
    wrong_status,
)
from agent.simulator.state import OPEN, Applied, Execution, State, Transaction
from agent.simulator.world import printed_card

METHODS: Final = frozenset({"cash", "loyalty", "cashless"})
"""The methods of `start` at the point of sale."""

_EXECUTABLE: Final = OPEN | {"ok"}
_TRACE_OFFSET: Final = 8  # the SmartZVT guide prints Beleg-Nr. 0003 together with Trace-Nr. 000011


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A start that is being executed."""

    transaction: str
    method: str
    request: int  # the number of the request that began it


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settlement:
    """What an execution moves: the card's part, and what is paid beside it."""

    card: Card | None
    movement: Movement
    amount: int

    @property
    def redeemed(self) -> int:
        return self.movement.redeemed + self.movement.bonus_redeemed


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What the answer says of the card: the truth, or what the seed page prints."""

    card: Card | None
    redeemed: int
    missing_sum: int | None


def begin_start(
    state: State, transaction: Transaction, method: str, *, device: str | None, request: int, now: float
) -> Running | Transaction:
    """The start, now running; or the executed transaction, where a second start repeats the answer. Raises Refused."""
    if transaction.device != device and state.switches.start_by_another_device == "refuses":
        raise Refused(ANOTHER_DEVICE)
    running = Running(transaction=transaction.id, method=method, request=request)
    if transaction.status == "ok" or transaction.running:
        return _second_start(state, transaction, running)
    if transaction.status not in OPEN:
        raise wrong_status("start", transaction.status)
    state.put(replace(transaction, running=method), now)
    return running


def finish_start(state: State, running: Running, now: float) -> Transaction:
    """Executes the start. Raises Refused; what that leaves behind is the switch `refused-start`."""
    transaction = state.transaction(running.transaction, now)
    try:
        settlement = _settle(state, transaction, running.method)
    except Refused:
        left = state.put(_after_refusal(state, transaction, now), now)
        if left.status == "failed" and state.switches.refused_start == "answers-failed":
            return left
        raise
    if settlement is None:
        return state.put(replace(_with_what_is_there(state, transaction), running=None, updated=now), now)
    return _execute(state, transaction, settlement, running, now)


def fail_start(state: State, running: Running, now: float) -> Transaction:
    """The start fails, which the documentation allows in a good answer: nothing is booked, the status is `failed`."""
    transaction = state.transaction(running.transaction, now)
    if transaction.status not in OPEN:  # a second start; what became of the first stands
        return transaction
    return state.put(replace(transaction, status="failed", running=None, updated=now), now)


def _second_start(state: State, transaction: Transaction, running: Running) -> Running | Transaction:
    if state.switches.second_start == "refuses":
        raise wrong_status("start", "pending" if transaction.running else transaction.status)
    return transaction if state.switches.second_start == "repeats-answer" else running


def _settle(state: State, transaction: Transaction, method: str) -> _Settlement | None:
    """What there is to book; None where a new remainder is answered instead. Raises Refused."""
    if transaction.status not in _EXECUTABLE:  # failed or cancelled since this start began
        raise wrong_status("start", transaction.status)
    card = state.usable_card(transaction.order)
    wanted = _wanted(transaction)
    if card is None and wanted != Movement():
        raise Refused(UNUSABLE_CARD)
    movement = wanted
    if card is not None and not can_bear(card, wanted):
        if _answers_remainder(state, transaction):
            return None
        movement = _less(state, card, wanted)
    amount = transaction.order.payable - movement.redeemed - movement.bonus_redeemed
    _check_method(state, transaction, method, amount)
    return _Settlement(card=card, movement=movement, amount=amount)


def _wanted(transaction: Transaction) -> Movement:
    applied, order = transaction.applied, transaction.order
    return Movement(
        redeemed=applied.cash if applied else 0,
        bonus_redeemed=applied.bonus if applied else 0,
        charged=order.charged,
        discharged=order.discharged,
    )


def _answers_remainder(state: State, transaction: Transaction) -> bool:
    applied_before = transaction.applied is not None and transaction.status in OPEN
    return applied_before and state.switches.start_with_less_balance == "answers-remainder"


def _less(state: State, card: Card, wanted: Movement) -> Movement:
    """As much of the redemption as the card can bear. Raises Refused where the switch or a discharge forbids that."""
    cash = card.cash_balance - wanted.discharged
    if state.switches.start_with_less_balance != "executes-less" or cash < 0:
        raise Refused(BALANCE_TOO_LOW)
    bonus = min(wanted.bonus_redeemed, card.bonus_balance)
    return replace(wanted, redeemed=min(wanted.redeemed, cash), bonus_redeemed=bonus)


def _check_method(state: State, transaction: Transaction, method: str, amount: int) -> None:
    if method == "loyalty" and amount > 0 and state.switches.loyalty_start_with_missing_sum == "refuses":
        raise Refused(SOMETHING_MISSING)
    nothing_missing = transaction.applied is not None and amount == 0
    if method == "cash" and nothing_missing and state.switches.cash_start_with_nothing_missing == "refuses":
        raise Refused(NOTHING_MISSING)


def _with_what_is_there(state: State, transaction: Transaction) -> Transaction:
    """The transaction with no more applied than its card holds now."""
    card, applied = state.usable_card(transaction.order), transaction.applied
    if card is None or applied is None:
        return transaction
    bonus = applied.bonus if card.bonus_balance >= applied.bonus else 0
    cash = min(applied.cash, max(0, card.cash_balance - transaction.order.discharged))
    return replace(transaction, applied=Applied(cash=cash, bonus=bonus, products=applied.products if bonus else ()))


def _after_refusal(state: State, transaction: Transaction, now: float) -> Transaction:
    if transaction.status not in OPEN or state.switches.refused_start == "leaves-unchanged":
        return replace(transaction, running=None)
    return replace(transaction, status="failed", running=None, updated=now)


def _execute(
    state: State, transaction: Transaction, settlement: _Settlement, running: Running, now: float
) -> Transaction:
    after = moved(settlement.card, settlement.movement, now) if settlement.card else None
    if after:
        state.cards[after.number] = after
    state.bookings.append(_booking(state, transaction, settlement, running, now))
    told = _told(state, transaction, settlement, running.method, after)
    execution = _execution(state, transaction, settlement, method=running.method, told=told, now=now)
    return state.put(replace(transaction, status="ok", running=None, updated=now, execution=execution), now)


def _booking(state: State, transaction: Transaction, settlement: _Settlement, running: Running, now: float) -> Booking:
    return Booking(
        number=len(state.bookings) + 1,
        kind="start",
        transaction=transaction.id,
        merchantRef=transaction.order.merchantRef,
        method=running.method,
        sum=transaction.order.info.sum,
        amount=settlement.amount,
        movement=settlement.movement,
        card=settlement.card.number if settlement.card else None,
        request=running.request,
        at=now,
    )


def _told(state: State, transaction: Transaction, settlement: _Settlement, method: str, after: Card | None) -> _Told:
    """The seed page is printed for `start/cash`, and `start/loyalty` is said to answer like it."""
    printed = state.switches.start_answer == "as-printed" and method != "cashless"
    if printed and settlement.redeemed and settlement.card:
        on_the_page = printed_card()
        card = on_the_page if settlement.card.number == on_the_page.number else settlement.card
        return _Told(card=card, redeemed=0, missing_sum=0)
    missing_sum = settlement.amount if transaction.applied else None
    return _Told(card=after, redeemed=settlement.redeemed, missing_sum=missing_sum)


def _execution(
    state: State, transaction: Transaction, settlement: _Settlement, *, method: str, told: _Told, now: float
) -> Execution:
    trans_id = state.take_trans_id()
    through_terminal = method == "cashless" and settlement.amount > 0
    receipt_number = state.take_receipt_number() if through_terminal else None
    loyalty = _loyalty_receipt(transaction, settlement, told, trans_id, now)
    return Execution(
        method=method,
        trans_id=trans_id,
        loyalty_id=state.identifiers.object_id("LTX") if settlement.card else None,
        missing_sum=told.missing_sum,
        receipt=(*_terminal_receipt("Kundenbeleg", receipt_number, settlement.amount), *loyalty),
        receipt_merchant=_terminal_receipt("Händlerbeleg", receipt_number, settlement.amount),
        receipt_number=receipt_number,
        answered_card=told.card,
    )


def _loyalty_receipt(
    transaction: Transaction, settlement: _Settlement, told: _Told, trans_id: int, now: float
) -> tuple[receipts.Line, ...]:
    if told.card is None:
        return ()
    charged = settlement.movement.charged
    revenue = transaction.order.info.sum - charged
    shown = () if charged and not revenue else receipts.revenue(told.card, trans_id, revenue, told.redeemed)
    loaded = receipts.charge(told.card, trans_id, settlement.amount, charged, now) if charged else ()
    return (*shown, *loaded)


def _terminal_receipt(title: str, receipt_number: int | None, amount: int) -> tuple[receipts.Line, ...]:
    if receipt_number is None:
        return ()
    return receipts.terminal(title, receipt_number, receipt_number + _TRACE_OFFSET, amount)
