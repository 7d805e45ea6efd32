"""The JSON of the answers, field by field in the order that the documentation prints. Pure.

Fields that the documented answers before an execution do not have (`receipt`, `payment_method`, `trans_id`) are not
there before it. What differs between a read and other answers are switches.
"""

from agent.simulator.cards import Card
from agent.simulator.orders import CHARGE_EANS, Ident, Product
from agent.simulator.state import Execution, State, Transaction
from agent.simulator.times import iso

Json = dict[str, object]


def transaction_body(state: State, transaction: Transaction) -> Json:
    """The transaction as create, update, abort and cancel answer it."""
    return _transaction(state, transaction, _cards(state, transaction))


def started_body(state: State, transaction: Transaction) -> Json:
    """The transaction as a start answers it: the card is shown as the switch `start-answer` says."""
    answered = transaction.execution.answered_card if transaction.execution else None
    cards = {answered.number: answered} if answered else {}
    return _transaction(state, transaction, _cards(state, transaction) | cards)


def read_body(state: State, transaction: Transaction) -> Json:
    """The transaction as a read shows it."""
    body = transaction_body(state, transaction)
    if transaction.running and transaction.status != "ok" and state.switches.read_while_start_runs != "unchanged":
        body["status"] = state.switches.read_while_start_runs
    if state.switches.read_updated == "absent":
        body.pop("updated", None)
    info = body["basket_info"]
    if state.switches.read_missing_sum == "absent" and isinstance(info, dict):
        info.pop("missing_sum", None)
    return body


def applied_body(transaction: Transaction) -> Json:
    """The answer of preTransaction, which is not a transaction."""
    lines = transaction.applied.products if transaction.applied else ()
    return {"missing_sum": transaction.missing_sum, "bonus_products": [_bonus_line(line) for line in lines]}


def merchant_body(state: State) -> Json:
    world = state.world
    return {"object": "general.merchants", "id": world.merchant_id, "companyname": world.company_name}


def merchantcard_body(state: State, card: Card) -> Json:
    """A `loyalty.merchantcards` object."""
    block = state.world.card_template | {
        "id": card.merchantcard_id,
        "card": {
            "object": "loyalty.cards",
            "id": card.card_id,
            "cardnumber": card.number,
            "created": iso(card.created),
        },
        "customer": state.world.customer,
        "points": card.points,
        "cash_balance": card.cash_balance,
        "bonus_balance": card.bonus_balance,
        "balance": card.balance,
        "last_usage": _time(card.last_usage),
        "last_charge": _time(card.last_charge),
        "stock_status": card.stock_status,
        "lock_status": "locked" if card.locked else "unlocked",
    }
    return block if card.has_customer else {name: value for name, value in block.items() if name != "customer"}


def _transaction(state: State, transaction: Transaction, cards: dict[str, Card]) -> Json:
    order = transaction.order
    return {
        "object": "smart.transactions",
        "id": transaction.id,
        "merchant": merchant_body(state),
        "device_source": _device(transaction.device or state.world.devices[0].id),
        **_terminal(state, transaction.execution),
        "transactions": _loyalty_transactions(transaction.execution),
        "created": iso(transaction.created),
        **({"updated": iso(transaction.updated)} if transaction.updated else {}),
        "status": transaction.status,
        "merchantRef": order.merchantRef,
        "transactionRef": order.transactionRef,
        "intent": order.intent,
        "basket": _basket(state, transaction),
        **_receipts(transaction.execution),
        "basket_info": _basket_info(state, transaction),
        "idents": _idents(state, transaction, cards),
        **_payment(state, transaction.execution),
        "is_demo": order.is_demo,
        "application_context": _context(order.application_context),
        "checkout_links": None,
        "payment_links": None,
    }


def _cards(state: State, transaction: Transaction) -> dict[str, Card]:
    numbers = (ident.value for ident in transaction.order.idents or [])
    return {number: state.cards[number] for number in numbers if number in state.cards}


def _device(device_id: str) -> Json:
    return {"object": "smart.devices", "id": device_id}


def _terminal(state: State, execution: Execution | None) -> Json:
    cashless = execution is not None and execution.method == "cashless"
    return {"device_destination": _device(state.world.terminal_id)} if cashless else {}


def _loyalty_transactions(execution: Execution | None) -> list[Json]:
    if execution is None or execution.loyalty_id is None:
        return []
    return [{"object": "loyalty.transactions", "id": execution.loyalty_id}]


def _receipts(execution: Execution | None) -> Json:
    if execution is None:
        return {}
    lines: Json = {"receipt": list(execution.receipt)}
    if execution.receipt_merchant:
        lines |= {"receipt_merchant": list(execution.receipt_merchant), "receipt_merchant_print": True}
    if execution.receipt_number is not None:
        lines["receipt_number"] = execution.receipt_number
    return lines


def _payment(state: State, execution: Execution | None) -> Json:
    if execution is None:
        return {}
    trans_id = execution.trans_id if state.switches.trans_id == "number" else str(execution.trans_id)
    return {"payment_method": execution.method, "trans_id": trans_id}


def _context(sent: Json | None) -> Json:
    return {"locks": {"customer": False}, "return_urls": None, "iframe_opts": None} | (sent or {})


def _basket(state: State, transaction: Transaction) -> Json:
    executed = transaction.execution is not None
    products = [_product(state, line, executed) for line in transaction.products]
    return {"products": products, "texts": [], "type": "default"}


def _product(state: State, line: Product, executed: bool) -> Json:  # noqa: FBT001 - a state of the line, not a mode
    body = line.model_dump()
    if executed:  # the printed answers of executed transactions have empty text where others have null
        body |= {"articleNumber": _or_empty(line.articleNumber), "ean": _or_empty(line.ean)}
    if state.switches.article_number == "text" and isinstance(line.articleNumber, int):
        body["articleNumber"] = str(line.articleNumber)
    if state.switches.product_id == "text" and line.id is not None:
        body["id"] = str(line.id)
    if state.switches.charge_tax == "zero" and line.ean in CHARGE_EANS:
        body["tax"] = 0
    return body


def _or_empty(value: int | str | None) -> int | str:
    return "" if value is None else value


def _bonus_line(line: Product) -> Json:
    return line.model_dump(include={"id", "articleNumber", "ean", "quantity", "priceOne", "tax", "desc"})


def _basket_info(state: State, transaction: Transaction) -> Json:
    info: Json = transaction.order.info.model_dump()
    if transaction.applied and state.switches.sum_with_bonus == "reduced":
        info["sum"] = transaction.order.info.sum - transaction.applied.bonus
    missing_sum = transaction.missing_sum
    return info if missing_sum is None else info | {"missing_sum": missing_sum}


def _idents(state: State, transaction: Transaction, cards: dict[str, Card]) -> list[Json] | None:
    idents = transaction.order.idents or []
    if not idents and state.switches.no_idents == "null":
        return None
    return [_ident(state, ident, cards.get(ident.value)) for ident in idents]


def _ident(state: State, ident: Ident, card: Card | None) -> Json:
    body: Json = {
        "object": "smart.idents",
        "id": "smi_1",
        "prefix": "9276",
        "name": "secucard Kundenkarte",
        "type": ident.type,
        "value": ident.value,
        "valid": card is not None and (not card.locked or state.switches.locked_card == "ident-valid"),
    }
    if card is None or ident.type != "card":
        return body | {"valid": False}
    customer = {"customer": state.world.customer} if card.has_customer else {}
    return body | {"merchantcard": merchantcard_body(state, card)} | customer


def _time(at: float | None) -> str | None:
    return None if at is None else iso(at)
