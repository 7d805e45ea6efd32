"""A journal with one checkout of each kind that a person may find in it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.card import CardNumber
from agent.checkout.events import (
    ApplyAsked,
    CancelAsked,
    CardSet,
    DrawerTroubled,
    Event,
    OtherAmountPaid,
    PayAsked,
    StartAnswered,
)
from agent.checkout.state import Basket, Checkout, Json, ReceiptLines, Rules, TransactionFacts
from agent.checkout.step import step
from agent.journal.journal import Journal
from agent.journal.records import CardRow, Entry
from agent.till.order import Order
from tests import checkouts as c
from tests.journal_entries import DIGITS, journal_at

BASKET = Basket(products=({"id": 1, "desc": "Sandwich \x1b[31mRomano", "quantity": 2, "priceOne": 398, "tax": 7},))
TO_THE_DRAWER: tuple[Event | c.Numbered, ...] = (
    CardSet(number=c.MASKED),
    c.checked(),
    ApplyAsked(use_balance=True),
    c.saved(),
    c.applied(),
    PayAsked(method="cash", amount=296),
)
RECEIPT: tuple[Json, ...] = (
    {"type": "textline", "value": {"text": "John's Bakery", "decoration": ["align-center"]}},
    {"type": "name-value", "value": {"name": "Karte", "value": f"{DIGITS[:12]}0000"}},
)
"""A card as the API would send it, whole: the till masks it before it is written, and what shows it does so again."""
ATTENTION, UNSURE, AWAITING, DRAFT, CANCELLED, COMPLETED = (
    f"co_{number:020x}" for number in (0xA77, 0x54, 0xCA54, 0xD4, 0xCA, 0xD0)
)


async def fill(path: Path) -> None:
    """Write them, in an order that is not the one a list shows them in."""
    now = datetime.now(UTC)
    async with journal_at(path) as journal:
        await put(journal, COMPLETED, now - timedelta(hours=5), *TO_THE_DRAWER, c.cash_in(296), _executed)
        await put(journal, UNSURE, now - timedelta(minutes=9), *TO_THE_DRAWER, c.cash_in(296), c.unknown)
        await put(journal, CANCELLED, now - timedelta(minutes=7), *TO_THE_DRAWER, CancelAsked())
        await put(journal, DRAFT, now - timedelta(minutes=1))
        trouble = DrawerTroubled(trouble="did_not_open")
        await put(journal, AWAITING, now - timedelta(minutes=3), *TO_THE_DRAWER, trouble)
        refused = (c.refused("ProductInternalException", "1234"), c.read("failed"))
        await put(journal, ATTENTION, now - timedelta(minutes=2), *TO_THE_DRAWER, c.cash_in(296), *refused)


async def fill_with_one(path: Path, *happened: Event | c.Numbered) -> Checkout:
    async with journal_at(path) as journal:
        return await put(journal, ATTENTION, datetime.now(UTC), *TO_THE_DRAWER, *happened)


OTHER_AMOUNT = OtherAmountPaid(amount=500)


async def put(journal: Journal, checkout_id: str, wall: datetime, *happened: Event | c.Numbered) -> Checkout:
    """Write one checkout and everything that happened to it, a second apart."""
    order = Order(basket=BASKET, merchantRef="A-17")
    checkout, _ = order.begin(checkout_id, Rules(), c.NOW_S, wall)
    situation = replace(c.situation(), wall=wall)
    await journal.commit(Entry(event=order, situation=situation, checkout=checkout))
    for thing in happened:
        situation = replace(situation, wall=situation.wall + timedelta(seconds=1))
        event = c.as_event(checkout, thing)
        after, _ = step(checkout, event, situation)
        card = CardNumber(DIGITS) if isinstance(event, CardSet) else CardRow.KEPT
        await journal.commit(Entry(event=event, situation=situation, checkout=after, before=checkout, card=card))
        checkout = after
    return checkout


def _executed(number: int) -> StartAnswered:
    receipt = ReceiptLines(customer=RECEIPT)
    facts = TransactionFacts(id="STX_1", status="ok", receipt=receipt, trans_id="29187332", receipt_number="3")
    return StartAnswered(number=number, facts=facts)
