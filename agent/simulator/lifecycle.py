"""How a transaction is created, updated, gets balance applied, and is abandoned. Pure; money is in cents.

An update replaces the whole order: what it does not carry is gone, and so is the balance that was applied.
"""

from dataclasses import replace

from agent.simulator.cards import Card
from agent.simulator.orders import Order, bonus_products, total
from agent.simulator.refusals import ALREADY_APPLIED, UNUSABLE_CARD, WRONG_SUM, Refused, wrong_status
from agent.simulator.state import OPEN, Applied, State, Status, Transaction


def create(state: State, order: Order, device: str | None, now: float) -> Transaction:
    """A new transaction with status `created`. Raises Refused."""
    order = _whole(order)
    _check(state, order)
    transaction = Transaction(id=state.identifiers.object_id("STX"), created=now, device=device, order=order)
    return state.put(transaction, now)


def update(state: State, transaction: Transaction, order: Order, now: float) -> Transaction:
    """The transaction with this order instead of its own, nothing applied. Raises Refused."""
    _must_be_open(transaction, "update")
    order = _kept(state, transaction.order, _whole(order))
    _check(state, order)
    status = state.switches.put_after_pretransaction if transaction.applied else transaction.status
    return state.put(replace(transaction, order=order, applied=None, status=status, updated=now), now)


def apply_card(state: State, transaction: Transaction, now: float) -> Transaction:
    """The transaction with its card's balance taken into account (preTransaction). Raises Refused."""
    _must_be_open(transaction, "preTransaction")
    if transaction.applied and state.switches.second_pretransaction == "refused":
        raise Refused(ALREADY_APPLIED)
    card = state.usable_card(transaction.order)
    if card is None and state.switches.pretransaction_without_usable_card == "refused":
        raise Refused(UNUSABLE_CARD)
    applied = _spent(state, transaction, card) if card else Applied(cash=0, bonus=0, products=())
    status: Status = "processing" if applied.cash or applied.products else state.switches.pretransaction_of_nothing
    return state.put(replace(transaction, applied=applied, status=status, updated=now), now)


def abort(state: State, transaction: Transaction, now: float) -> Transaction:
    """The transaction, abandoned. Raises Refused."""
    _must_be_open(transaction, "abort")
    if transaction.applied and state.switches.abort_after_pretransaction == "refused":
        raise wrong_status("abort", transaction.status)
    return state.put(replace(transaction, status="aborted", applied=None, updated=now), now)


def _must_be_open(transaction: Transaction, call: str) -> None:
    if transaction.status not in OPEN or transaction.running:
        raise wrong_status(call, "pending" if transaction.running else transaction.status)


def _whole(order: Order) -> Order:
    """Documented: without both `basket` and `basket_info` the basket is removed and its info falls to the defaults."""
    if order.basket is None or order.basket_info is None:
        return order.model_copy(update={"basket": None, "basket_info": None})
    return order


def _kept(state: State, before: Order, order: Order) -> Order:
    """Documented: `application_context` cannot be changed after the creation."""
    kept: dict[str, object] = {"application_context": before.application_context}
    if order.idents is None and state.switches.put_without_idents == "keeps-card":
        kept["idents"] = before.idents
    return order.model_copy(update=kept)


def _check(state: State, order: Order) -> None:
    if state.switches.wrong_sum == "refused" and order.info.sum != total(order.products):
        raise Refused(WRONG_SUM)
    if order.card_number is None:
        return
    card = state.cards.get(order.card_number)
    if card is None and state.switches.unknown_card == "refused":
        raise Refused(UNUSABLE_CARD)
    if card is not None and card.locked and state.switches.locked_card == "refused":
        raise Refused(UNUSABLE_CARD)


def _spent(state: State, transaction: Transaction, card: Card) -> Applied:
    """Bonus first, then cash balance, as in the documented samples."""
    order = transaction.order
    reserved = state.reserved(card, transaction)
    bonus = min(max(0, card.bonus_balance - reserved.bonus), order.spendable, sum(order.by_vat_rate.values()))
    cash = min(max(0, card.cash_balance - reserved.cash), order.spendable - bonus)
    return Applied(cash=cash, bonus=bonus, products=bonus_products(order, bonus))
