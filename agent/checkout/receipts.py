"""Which receipts a checkout has, and the lines of each. Pure.

The customer's and the merchant's are the API's, kept as they came. Until they are there, a payment whose booking is not
confirmed has a provisional one, ours: it says what it is and what it is not, in German, as the API's receipts are, and
in English.
"""

from collections.abc import Iterator
from typing import Literal

from agent.checkout.row import MONEY_TAKEN
from agent.checkout.state import Checkout, Json
from agent.checkout.waiting import waits_since
from agent.receipt import Alignment, Line, NameValue, Separator, Space, TextLine, as_json, parse_lines

ReceiptCopy = Literal["customer", "merchant", "provisional"]
MOST_PRODUCTS = 100
"""Product lines on a provisional receipt: half a metre of paper. A longer basket shows its sum only."""


def receipts_of(checkout: Checkout) -> tuple[ReceiptCopy, ...]:
    """Return which receipts there are now."""
    there: dict[ReceiptCopy, bool] = {
        "customer": bool(checkout.receipt.customer),
        "merchant": bool(checkout.receipt.merchant),
        "provisional": owes_receipt(checkout),
    }
    return tuple(copy for copy, is_there in there.items() if is_there)


def receipt_lines(checkout: Checkout, copy: ReceiptCopy) -> tuple[Line, ...]:
    """Return the lines of this receipt; none where the checkout has no such receipt."""
    match copy:
        case "customer":
            return parse_lines(list(checkout.receipt.customer))
        case "merchant":
            return parse_lines(list(checkout.receipt.merchant))
        case "provisional":
            if not owes_receipt(checkout):
                return ()
            return parse_lines(as_json(_provisional(checkout)))  # makes safe what came from outside, as everywhere


def owes_receipt(checkout: Checkout) -> bool:
    """Say whether money was taken through this till, and is not known to be booked. A card terminal prints its own."""
    payment = checkout.payment
    if payment is None or checkout.phase not in MONEY_TAKEN:
        return False
    return payment.method == "loyalty" or (payment.method == "cash" and payment.evidence is not None)


def _provisional(checkout: Checkout) -> Iterator[Line]:
    currency = checkout.basket.currency
    yield Separator("Vorläufiger Beleg")
    yield TextLine("KEIN KASSENBELEG", important=True, alignment=Alignment.CENTER)
    yield TextLine("Provisional, not a fiscal receipt", important=True, alignment=Alignment.CENTER)
    yield Space()
    yield NameValue("Datum:", f"{waits_since(checkout):%d.%m.%Y %H:%M:%S}")
    if checkout.merchantRef is not None:
        yield NameValue("Referenz:", checkout.merchantRef)
    yield NameValue("Vorgang:", checkout.id)
    if checkout.card is not None:
        yield NameValue("Kartennummer:", checkout.card.number)
    yield Separator()
    if len(checkout.basket.products) <= MOST_PRODUCTS:
        yield from (_product(line, currency) for line in checkout.basket.products)
    yield NameValue("Summe:", _money(checkout.basket.sum, currency), important=True)
    if checkout.payment is not None and checkout.payment.method == "cash":
        yield NameValue("Bar bezahlt:", _money(checkout.payment.amount, currency), important=True)
    yield Separator()
    yield TextLine("Die Zahlung wird noch gebucht. Den endgültigen Beleg gibt es danach an dieser Kasse.")
    yield TextLine("Your payment is still being booked. Ask at this till for the receipt.")


def _product(line: Json, currency: str) -> NameValue:
    """Show a product line as the screen sent it; where it has no text, by its number."""
    quantity, price = line.get("quantity"), line.get("priceOne")
    name = line.get("desc") or line.get("articleNumber") or line.get("ean") or ""
    cents = quantity * price if isinstance(quantity, int) and isinstance(price, int) else 0
    return NameValue(f"{quantity} x {name}", _money(cents, currency))


def _money(cents: int, currency: str) -> str:
    """Write an amount as the API's receipts do: 7,96 EUR."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100},{abs(cents) % 100:02d} {currency}"
