"""What the tests of the journal write into it, and how they open it."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from agent.card import CardNumber
from agent.checkout.events import ApplyAsked, BasketSet, CardSet, CashConfirmed, PayAsked, StartAnswered
from agent.checkout.state import (
    Basket,
    Card,
    Checkout,
    Evidence,
    Payment,
    Phase,
    Rules,
    Situation,
    TransactionFacts,
)
from agent.journal.journal import Journal, open_journal
from agent.journal.records import CardRow, Entry

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

P = ParamSpec("P")
T = TypeVar("T")

DIGITS = "9276004429942845"
WALL = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PRODUCTS = ({"id": 1, "desc": "Brötchen", "quantity": 2, "priceOne": 398, "tax": 7},)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerOpening:
    """An event without a checkout."""

    reason: str
    by: str


def situation(wall: datetime = WALL) -> Situation:
    return Situation(now_s=1.5, wall=wall, api="online", drawer="closed")


def new(checkout_id: str, wall: datetime = WALL) -> Entry:
    basket = Basket(products=PRODUCTS)
    checkout = Checkout(id=checkout_id, created=wall, updated=wall, rules=Rules(), touched_s=1.5, basket=basket)
    return Entry(event=BasketSet(basket=basket), situation=situation(wall), checkout=checkout)


def lone(wall: datetime = WALL) -> Entry:
    return Entry(event=DrawerOpening(reason="change", by="Erika"), situation=situation(wall))


def sale(checkout_id: str, wall: datetime = WALL) -> list[Entry]:
    """Return the entries of a whole sale, one second apart: with a card, paid in cash, completed."""
    entries = [new(checkout_id, wall)]
    masked = str(CardNumber(DIGITS))
    evidence = Evidence(kind="drawer-closed", amount=296, at=wall, open_s=3.25)
    payment = Payment(method="cash", amount=296)
    facts = TransactionFacts(id="STX_1", status="ok", sum=796, products=PRODUCTS)
    entries.append(after(entries[-1], CardSet(number=masked), CardNumber(DIGITS), card=Card(number=masked)))
    entries.append(after(entries[-1], ApplyAsked(use_balance=True), phase=Phase.APPLYING, use_balance=True))
    entries.append(
        after(
            entries[-1], PayAsked(method="cash", amount=296), phase=Phase.AWAITING_CASH, amount_due=296, payment=payment
        )
    )
    paid = replace(payment, evidence=evidence)
    entries.append(
        after(entries[-1], CashConfirmed(evidence=evidence), phase=Phase.STARTING, payment=paid, started_s=9.5)
    )
    entries.append(after(entries[-1], StartAnswered(number=3, facts=facts), phase=Phase.COMPLETED, trans_id="7"))
    return entries


def after(
    entry: Entry, event: "DataclassInstance", number: CardNumber | CardRow = CardRow.KEPT, **changes: object
) -> Entry:
    """Return the entry that follows this one a second later and changes these fields of its checkout."""
    before = entry.checkout
    assert before is not None
    wall = before.updated + timedelta(seconds=1)
    checkout = replace(before, updated=wall, **changes)  # type: ignore[arg-type]  # the tests name real fields
    return Entry(event=event, situation=situation(wall), checkout=checkout, before=before, card=number)


@asynccontextmanager
async def journal_at(path: Path) -> AsyncIterator[Journal]:
    with ThreadPoolExecutor(max_workers=1) as executor:
        journal = await open_journal(path, executor)
        try:
            yield journal
        finally:
            await journal.close()


class HeldExecutor(Executor):
    """An executor that carries a job out when the test says so."""

    def __init__(self) -> None:
        self.held: list[Callable[[], None]] = []
        self.closed = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        if self.closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        future: Future[T] = Future()
        self.held.append(partial(_carry_out, future, partial(fn, *args, **kwargs)))
        return future

    def release(self) -> None:
        self.held.pop(0)()


def _carry_out(future: Future[T], job: Callable[[], T]) -> None:
    try:
        future.set_result(job())
    except Exception as error:  # noqa: BLE001  # as every executor does
        future.set_exception(error)
