"""What the journal may keep of an answer: an allow-list, so that a field nobody thought of is left out.

Never customer, contact, date of birth or card number, and no serial number of a gift card. Texts that people read are
printable and masked.
"""

from collections.abc import Iterable

from agent.card import mask_numbers
from agent.checkout.state import ApiProblem, Card, ReceiptLines, TransactionFacts
from agent.smart.errors import ApiError, JsonObject
from agent.smart.models import Ident, MerchantCard, SmartTransaction
from agent.smart.text import presentable

_PRODUCT_FIELDS = (
    "id",
    "parent",
    "articleNumber",
    "ean",
    "desc",
    "quantity",
    "priceOne",
    "tax",
    "group",
    "item_type",
)
_RECEIPT_VALUE_FIELDS = ("caption", "text", "name", "value", "decoration")
_LONGEST_NAME = 100  # characters: statuses, times, numbers
_LONGEST_LINE = 500  # characters: long texts wrap, but no receipt has a page in one line


def known_facts(transaction: SmartTransaction) -> TransactionFacts:
    """Return what may be kept of this transaction. The status has one spelling."""
    info = transaction.basket_info
    return TransactionFacts(
        id=transaction.id,
        status=presentable(transaction.canonical_status, _LONGEST_NAME),
        sum=info.sum if info else None,
        missing_sum=info.missing_sum if info else None,
        updated=transaction.updated and presentable(transaction.updated, _LONGEST_NAME),
        card=_card(transaction.idents or []),
        products=known_products((transaction.basket and transaction.basket.products) or []),
        currency=_as_text(info.currency) if info else None,
        merchantRef=_as_text(transaction.merchantRef),
        transactionRef=_as_text(transaction.transactionRef),
        receipt=ReceiptLines(customer=_receipt(transaction.receipt), merchant=_receipt(transaction.receipt_merchant)),
        trans_id=_as_text(transaction.trans_id),
        receipt_number=_as_text(transaction.receipt_number),
    )


def known_products(lines: Iterable[JsonObject]) -> tuple[JsonObject, ...]:
    """Return what may be kept of product lines, bonus products among them."""
    return tuple(map(_product, lines))


def known_problem(error: ApiError) -> ApiProblem:
    """Return the API's own words about a refusal."""
    return ApiProblem(
        error=error.error,
        error_details=error.error_details,
        error_user=error.error_user,
        code=_as_text(error.code),
        supportId=error.supportId,
    )


def locked(card: MerchantCard) -> bool | None:
    """Say whether the card is locked; None where the API does not say."""
    return None if card.lock_status is None else card.lock_status == "locked"


def _card(idents: list[Ident]) -> Card | None:
    ident = next((ident for ident in idents if ident.type == "card" and ident.value is not None), None)
    if ident is None:
        return None
    held = ident.merchantcard
    return Card(
        number=mask_numbers(str(ident.value)),
        valid=ident.valid,
        locked=locked(held) if held else None,
        balance=held.balance if held else None,
    )


def _product(line: JsonObject) -> JsonObject:
    kept = {name: line[name] for name in _PRODUCT_FIELDS if name in line}
    if isinstance(desc := kept.get("desc"), str):
        kept["desc"] = presentable(desc, _LONGEST_LINE)
    return kept


def _receipt(lines: list[JsonObject] | None) -> tuple[JsonObject, ...]:
    return tuple(map(_receipt_line, lines or []))


def _receipt_line(line: JsonObject) -> JsonObject:
    kept: JsonObject = {"type": _receipt_text(line.get("type"))}
    if isinstance(value := line.get("value"), dict):
        kept["value"] = {name: _receipt_text(value[name]) for name in _RECEIPT_VALUE_FIELDS if name in value}
    return kept


def _receipt_text(value: object) -> object:
    """Return a text as it may be printed, a list of them likewise; anything else has no place on a receipt."""
    if isinstance(value, str):
        return presentable(value, _LONGEST_LINE)
    return [_receipt_text(each) for each in value if isinstance(each, str)] if isinstance(value, list) else None


def _as_text(value: int | str | None) -> str | None:
    return None if value is None else presentable(str(value), _LONGEST_NAME)
