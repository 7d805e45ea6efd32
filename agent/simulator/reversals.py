"""How an executed transaction is taken back, and how a terminal's day ends. Pure; money is in cents."""

from dataclasses import replace

from agent.simulator import receipts
from agent.simulator.cards import Movement, moved
from agent.simulator.ledger import Booking, Kind
from agent.simulator.orders import Order
from agent.simulator.refusals import NOT_CANCELLABLE, Refused, unknown
from agent.simulator.state import Execution, State, Transaction


def cancel(state: State, transaction: Transaction, *, request: int, now: float) -> Transaction:
    """The transaction, cancelled, with the lines of the reversal as its receipt. Raises Refused."""
    if _is_second_cancel(state, transaction) and state.switches.second_cancel == "repeats-answer":
        return transaction
    executed = _starts(state, transaction)
    if not executed or (transaction.status == "ok" and _only_at_the_terminal(executed)):
        raise Refused(NOT_CANCELLABLE)
    return _cancel(state, transaction, executed, request=request, now=now)


def cancel_at_terminal(state: State, receipt_number: int, *, request: int, now: float) -> Transaction:
    """The terminal's payment, cancelled before its end of day; its receipts are kept as documented. Raises Refused."""
    transaction = _with_receipt_number(state, receipt_number)
    if receipt_number <= state.closed_receipt_number:
        raise Refused(NOT_CANCELLABLE)
    if _is_second_cancel(state, transaction) and state.switches.second_cancel == "repeats-answer":
        return transaction
    executed = _starts(state, transaction)
    _check_balance(state, executed)
    for booking in executed:
        _reverse(state, booking, "cancelTrx", amount=booking.amount, request=request, now=now)
    return state.put(replace(transaction, status=state.switches.cancelled_status, updated=now), now)


def end_of_day(state: State, device: str | None, now: float) -> Transaction:
    """A transaction that tracks the terminal's report. Payments before it can't be cancelled there any more."""
    payments = [each for each in state.bookings[state.closed_booking :] if each.method == "cashless"]
    trans_id = state.take_trans_id()
    state.closed_booking = len(state.bookings)
    state.closed_receipt_number = state.next_receipt_number - 1
    report = receipts.end_of_day(trans_id, len(payments), sum(each.amount for each in payments), now)
    return _tracking(state, Execution(method="cashless", trans_id=trans_id, receipt_merchant=report), device, now)


def diagnosis(state: State, device: str | None, now: float) -> Transaction:
    """A transaction that tracks the terminal's diagnosis. What it answers beside that is not documented."""
    return _tracking(state, Execution(method="cashless", trans_id=state.take_trans_id()), device, now)


def _tracking(state: State, execution: Execution, device: str | None, now: float) -> Transaction:
    transaction = Transaction(
        id=state.identifiers.object_id("STX"),
        created=now,
        updated=now,
        device=device,
        order=Order(),
        status="ok",
        execution=execution,
    )
    return state.put(transaction, now)


def _is_second_cancel(state: State, transaction: Transaction) -> bool:
    """Whether it was cancelled before. Raises Refused where there is nothing to cancel."""
    if transaction.status in {"cancelled", "canceled"} and state.switches.second_cancel != "refuses":
        return True
    if transaction.status != "ok":
        raise Refused(NOT_CANCELLABLE)
    return False


def _cancel(
    state: State, transaction: Transaction, executed: list[Booking], *, request: int, now: float
) -> Transaction:
    amounts = [_cancelled_amount(state, booking) for booking in executed]
    _check_balance(state, executed)
    for booking, amount in zip(executed, amounts, strict=True):
        _reverse(state, booking, "cancel", amount=amount, request=request, now=now)
    execution = _with_reversal_receipt(state, transaction, sum(booking.sum for booking in executed), now)
    status = state.switches.cancelled_status
    return state.put(replace(transaction, status=status, updated=now, execution=execution), now)


def _with_reversal_receipt(state: State, transaction: Transaction, amount: int, now: float) -> Execution | None:
    card = state.cards.get(transaction.order.card_number or "")
    if card is None or transaction.execution is None:
        return transaction.execution
    return replace(transaction.execution, receipt=receipts.reversal(card, state.take_trans_id(), amount, now))


def _check_balance(state: State, executed: list[Booking]) -> None:
    """What was charged and is spent already can't be taken back. Raises Refused."""
    charged: dict[str, int] = {}
    for booking in executed:
        if booking.card:
            charged[booking.card] = charged.get(booking.card, 0) + booking.movement.charged
    if any(state.cards[number].cash_balance < amount for number, amount in charged.items()):
        raise Refused(NOT_CANCELLABLE)


def _cancelled_amount(state: State, booking: Booking) -> int:
    """What is given back beside the card. Raises Refused."""
    if not _is_mixed(booking) or state.switches.cancel_of_mixed_payment == "cancels-all":
        return booking.amount
    if state.switches.cancel_of_mixed_payment == "refused":
        raise Refused(NOT_CANCELLABLE)
    return 0


def _reverse(state: State, booking: Booking, kind: Kind, *, amount: int, request: int, now: float) -> None:
    movement = booking.movement.reversed()
    if booking.card:
        state.cards[booking.card] = moved(state.cards[booking.card], movement, now)
    state.bookings.append(
        replace(
            booking,
            number=len(state.bookings) + 1,
            kind=kind,
            sum=-booking.sum,
            amount=-amount,
            movement=movement,
            request=request,
            at=now,
            reverses=booking.number,
        )
    )


def _starts(state: State, transaction: Transaction) -> list[Booking]:
    return [each for each in state.bookings if each.transaction == transaction.id and each.kind == "start"]


def _with_receipt_number(state: State, receipt_number: int) -> Transaction:
    for transaction in state.transactions.values():
        if transaction.execution and transaction.execution.receipt_number == receipt_number:
            return transaction
    raise unknown("Receipt number")


def _is_mixed(booking: Booking) -> bool:
    return booking.amount > 0 and booking.movement.redeemed + booking.movement.bonus_redeemed > 0


def _only_at_the_terminal(executed: list[Booking]) -> bool:
    """Terminal payments without a card's part are cancelled by their receipt number (documented)."""
    return all(each.method == "cashless" and each.amount > 0 and each.movement == Movement() for each in executed)
