"""A checkout as a person reads it: a line of the list, or everything that is known of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from agent.checkout.receipts import ReceiptCopy
from agent.checkout.state import FINAL, Json, Phase
from agent.commands.checkout_history import history_lines
from agent.commands.plain_text import moment, money, plain
from agent.commands.table import table
from agent.kiosk.checkout_answers import CheckoutAnswer, HappenedAnswer
from agent.receipt import Line, as_text

RECEIPT_COLUMNS = 42
_COLUMNS = ("ID", "PHASE", "DUE", "METHOD", "SINCE", "REASON")
_URGENT = (Phase.ATTENTION, Phase.UNSURE, Phase.CONFIRMED, Phase.STARTING, Phase.AWAITING_CASH)
_STILL_OPEN, _OVER = len(_URGENT), len(_URGENT) + 1


# The list


def most_urgent_first(checkouts: Iterable[CheckoutAnswer]) -> list[CheckoutAnswer]:
    """Sort: what needs a person, where money was taken, what a customer stands before, what is over.

    Among the urgent the one that waits longest comes first, among the others the newest.
    """
    return sorted(checkouts, key=_place)


def _place(checkout: CheckoutAnswer) -> tuple[int, float]:
    if checkout.phase in _URGENT:
        return _URGENT.index(checkout.phase), _since(checkout).timestamp()
    return _OVER if checkout.phase in FINAL else _STILL_OPEN, -_since(checkout).timestamp()


def _since(checkout: CheckoutAnswer) -> datetime:
    return checkout.waiting_since or checkout.updated


def list_lines(checkouts: Iterable[CheckoutAnswer]) -> Iterator[str]:
    """Yield a header and a line for each checkout. A time without a date is of today."""
    return table([_COLUMNS, *map(_row, checkouts)], right=[_COLUMNS.index("DUE")])


def _row(checkout: CheckoutAnswer) -> tuple[str, ...]:
    since = _since(checkout).astimezone()
    today = since.date() == datetime.now().astimezone().date()
    due = checkout.amount_due
    return (
        checkout.id,
        checkout.phase,
        "" if due is None else money(due, checkout.basket_info.currency),
        checkout.method or "",
        since.strftime("%H:%M" if today else "%m-%d %H:%M"),
        _reason(checkout),
    )


def _reason(checkout: CheckoutAnswer) -> str:
    return checkout.reason or checkout.drawer_trouble or ("interrupted" if checkout.interrupted else "")


# One checkout


def checkout_lines(
    checkout: CheckoutAnswer, history: Sequence[HappenedAnswer], receipts: Mapping[ReceiptCopy, tuple[Line, ...]]
) -> Iterator[str]:
    """Yield everything that is known, section by section."""
    currency = checkout.basket_info.currency
    yield f"Checkout {checkout.id}"
    yield from _indented(table([(name, plain(value)) for name, value in _facts(checkout) if value]))
    yield from _section("Basket", _product_lines(checkout.basket.products, currency))
    yield from _section("Bonus", _product_lines(checkout.bonus_products, currency))
    yield from _section("History", history_lines(history, currency))
    for copy, lines in receipts.items():
        yield from _section(f"Receipt ({copy})", as_text(lines, RECEIPT_COLUMNS).splitlines())
    yield from _section("What you can do", _ways_on(checkout))


def _facts(checkout: CheckoutAnswer) -> Iterator[tuple[str, str]]:
    currency = checkout.basket_info.currency
    yield "reverses", checkout.reverses or ""
    yield "reversed by", checkout.reversed_by or ""
    yield "phase", checkout.phase
    yield "reason", checkout.reason or ""
    yield "waiting since", moment(checkout.waiting_since) if checkout.waiting_since else ""
    yield "created", moment(checkout.created)
    yield "updated", moment(checkout.updated)
    yield "merchantRef", checkout.merchantRef or ""
    yield "transactionRef", checkout.transactionRef or ""
    yield "transaction_id", checkout.transaction_id or ""
    yield "sum", money(checkout.basket_info.sum, currency)
    yield "card", _card(checkout)
    yield "amount due", "" if checkout.amount_due is None else money(checkout.amount_due, currency)
    yield "split", _split(checkout)
    yield "method", checkout.method or ""
    yield "evidence", _evidence(checkout)
    yield "drawer", checkout.drawer_trouble or ""
    yield "interrupted", "the agent was restarted while the cash was awaited" if checkout.interrupted else ""
    yield "API's error", _error(checkout)
    yield "trans_id", checkout.trans_id or ""
    yield "receipt_number", checkout.receipt_number or ""
    yield "resolved", _resolution(checkout)
    yield "reversal", _reversal(checkout)


def _card(checkout: CheckoutAnswer) -> str:
    card = checkout.card
    if card is None:
        return ""
    known = {None: "not checked", True: "valid", False: "invalid"}[card.valid]
    balance = "" if card.balance is None else f", balance {money(card.balance, checkout.basket_info.currency)}"
    return f"{card.number} ({'locked' if card.locked else known}{balance})"


def _split(checkout: CheckoutAnswer) -> str:
    if checkout.split is None:
        return ""
    parts = [(name, cents) for name, cents in checkout.split if cents]
    return ", ".join(f"{name} {money(cents, checkout.basket_info.currency)}" for name, cents in parts)


def _evidence(checkout: CheckoutAnswer) -> str:
    evidence = checkout.evidence
    if evidence is None:
        return ""
    open_for = "" if evidence.open_s is None else f", open for {evidence.open_s:.1f} s"
    by = f", by {evidence.by}" if evidence.by else ""
    amount = money(evidence.amount, checkout.basket_info.currency)
    return f"{evidence.kind}, {amount}, {moment(evidence.at)}{open_for}{by}"


def _error(checkout: CheckoutAnswer) -> str:
    error = checkout.error
    if error is None:
        return ""
    code = f"code {error.code}" if error.code else None
    return ", ".join(
        part for part in (error.error_user, error.error, error.error_details, code, error.supportId) if part
    )


def _resolution(checkout: CheckoutAnswer) -> str:
    closed = checkout.resolution
    return f"{closed.outcome}, by {closed.by}: {closed.note}" if closed else ""


def _reversal(checkout: CheckoutAnswer) -> str:
    asked = checkout.reversal
    return f"by {asked.call}, asked by {asked.by}: {asked.reason}" if asked else ""


def _product_lines(products: Sequence[Json], currency: str) -> Iterator[str]:
    rows = [
        (str(line.get("quantity", 1)), plain(str(line.get("desc", ""))), money(line.get("priceOne"), currency))
        for line in products
    ]
    return table(rows, right=[0, 2])


def _ways_on(checkout: CheckoutAnswer) -> Iterator[str]:
    command = "tillwire checkouts"
    if "retry" in checkout.allowed:
        yield f"{command} retry {checkout.id}"
    if "resolve" in checkout.allowed:
        yield f"{command} resolve {checkout.id} --outcome executed|not_executed|refunded --note TEXT"
    if "reverse" in checkout.allowed:
        yield f"{command} reverse {checkout.id} --reason TEXT [--open-drawer]"


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a title and its lines, or nothing where there are none."""
    body = list(_indented(lines))
    if body:
        yield from ("", title, *body)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}".rstrip() for line in lines)
