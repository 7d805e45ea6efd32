"""The seed's checkout as a story: what is done, what is told, what went over the wire, and in which order."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import aiohttp

from agent.checkout.state import Json
from agent.demo.stage import Stage
from agent.kiosk.checkout_answers import CardAnswer, CheckoutAnswer
from agent.kiosk.client import KioskClient
from agent.kiosk.client_event import Event
from agent.kiosk.event_answers import DeviceAnswer, DrawerAnswer, ScanAnswer

CARD = "9276004429942845"
"""The card of the vendor's documentation; at the simulator it holds 5.00 EUR."""
BASKET: tuple[Json, ...] = (
    {"id": 1, "articleNumber": 30037, "desc": "Sandwich Romano", "quantity": 1, "priceOne": 349, "tax": 7},
    {"id": 2, "articleNumber": 30200, "desc": "Fruit salad, small bowl", "quantity": 1, "priceOne": 249, "tax": 7},
    {
        "id": 3,
        "articleNumber": 51,
        "ean": "4999012345678",
        "desc": "Water, mildly sprinkling, 0.25 ltr.",
        "quantity": 2,
        "priceOne": 99,
        "tax": 19,
    },
)
OPEN_S = 1.2
"""The customer counts coins. Shorter than a second would confirm nothing: [cash] minimum_open_s."""
PATIENCE_S = 20.0
"""No step of the story takes so long; when one does, something is wrong and the demo says so."""


class WentWrong(Exception):
    """The story did not come to its end. The text says what was missing."""


@dataclass(slots=True)
class Teller:
    """Prints what happens, each line with the seconds since the beginning."""

    write: Callable[[str], object]
    began: float = field(default_factory=time.monotonic)

    def tell(self, who: str, what: str) -> None:
        self.write(f"{time.monotonic() - self.began:6.2f} s  {who:<9} {what}\n")

    def head(self, title: str) -> None:
        self.write(f"\n{title}\n{'-' * len(title)}\n")


@dataclass(slots=True)
class Heard:
    """What the event stream has told so far."""

    listens: bool = False  # what happens from now on is told
    checkout: CheckoutAnswer | None = None
    drawer: DrawerAnswer | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, what: str, condition: Callable[["Heard"], bool]) -> None:
        """Wait for it. Raises WentWrong."""
        try:
            async with asyncio.timeout(PATIENCE_S), self.changed:
                await self.changed.wait_for(lambda: condition(self))
        except TimeoutError:
            raise WentWrong(f"{what} did not happen within {PATIENCE_S:.0f} s") from None

    async def phase(self, phase: str) -> None:
        await self.until(
            f"the phase {phase}", lambda heard: heard.checkout is not None and heard.checkout.phase == phase
        )

    async def drawer_open(self) -> None:
        await self.until(
            "the opening of the drawer", lambda heard: heard.drawer is not None and heard.drawer.event == "opened"
        )


async def play(stage: Stage, teller: Teller) -> None:
    """Play it to the end. Raises WentWrong when cash was booked in any other order than the law's."""
    async with listening(stage.screen, teller) as heard:
        teller.tell("screen", "POST /v1/checkouts: sandwich, fruit salad, two waters")
        checkout = await stage.screen.begin(BASKET, merchantRef="A-17")
        await stage.settled()
        teller.tell("customer", "holds the card under the reader")
        await stage.scanner.scan(CARD)
        await heard.until("the card", _card_is_valid)
        teller.tell("screen", "POST …/apply: use the balance")
        await stage.screen.apply(checkout.id, use_balance=True)
        await heard.phase("due")
        due = (await stage.screen.checkout(checkout.id)).amount_due or 0
        teller.tell("screen", f"POST …/pay: {_euros(due)} in cash")
        await stage.screen.pay(checkout.id, "cash", due)
        await heard.drawer_open()
        await asyncio.sleep(OPEN_S)
        teller.tell("customer", "puts the money in and closes the drawer")
        closed_at = time.time()
        stage.drawer.close_drawer()
        await heard.phase("completed")
        receipt = await stage.screen.receipt(checkout.id)
    await _show_wire(stage, teller, closed_at)
    teller.head("The receipt")
    teller.write(receipt)


@asynccontextmanager
async def listening(screen: KioskClient, teller: Teller) -> AsyncIterator[Heard]:
    """Tell what the event stream tells, while inside. Raises WentWrong when there is none."""
    heard = Heard()
    listener = asyncio.create_task(_listen(screen, teller, heard))
    try:
        await heard.until("listening to the agent", lambda heard: heard.listens)
        yield heard
    finally:
        listener.cancel()
        await asyncio.wait([listener])


async def _listen(screen: KioskClient, teller: Teller, heard: Heard) -> None:
    async with aclosing(screen.follow()) as events:
        async for event in events:
            told = _in_words(event, heard.checkout)
            if told is not None:
                teller.tell(*told)
            async with heard.changed:
                heard.listens = True
                if isinstance(event.data, CheckoutAnswer):
                    heard.checkout = event.data
                elif isinstance(event.data, DrawerAnswer):
                    heard.drawer = event.data
                heard.changed.notify_all()


def _in_words(event: Event, before: CheckoutAnswer | None) -> tuple[str, str] | None:
    match event.data:
        case CheckoutAnswer() as checkout if before is None or checkout.phase != before.phase:
            return "agent", f"checkout is {checkout.phase}{_amount(checkout)}"
        case CheckoutAnswer(card=CardAnswer() as card) if before is None or card != before.card:
            return "agent", f"card {card.number}: {_balance(card)}"
        case ScanAnswer() as scan:
            return "reader", f"read {scan.card or scan.code or scan.refused}"
        case DrawerAnswer() as drawer:
            lasted = f" after {drawer.open_s:.1f} s" if drawer.open_s is not None else ""
            said = "was asked to open" if drawer.event == "asked" else drawer.event.replace("_", " ")
            unasked = ", and nobody had asked" if drawer.by == "unasked" else ""
            return "drawer", f"{said}{lasted}{unasked}"
        case DeviceAnswer() as device:
            return "device", f"{device.name} is {device.state}"
        case _:
            return None


def _card_is_valid(heard: Heard) -> bool:
    return heard.checkout is not None and heard.checkout.card is not None and heard.checkout.card.valid is True


def _balance(card: CardAnswer) -> str:
    return f"valid, holds {_euros(card.balance or 0)}" if card.valid else "is being checked"


def _amount(checkout: CheckoutAnswer) -> str:
    return f", {_euros(checkout.amount_due or 0)} to pay" if checkout.phase == "due" else ""


def _euros(cents: int) -> str:
    return f"{cents / 100:.2f} EUR"


async def _show_wire(stage: Stage, teller: Teller, closed_at: float) -> None:
    """Show what the API saw and booked, and check that the cash came first."""
    requests, bookings = await asyncio.gather(
        _simulator(stage, "requests", "requests"), _simulator(stage, "ledger", "bookings")
    )
    teller.head("What went over the wire")
    for request in requests:
        teller.write(f"  {request['method']:<4} {request['path']}  {request['status']}\n")
    starts = [request for request in requests if request["call"] == "start/cash"]
    if len(starts) != 1 or len(bookings) != 1:
        raise WentWrong(f"{len(starts)} requests of start/cash and {len(bookings)} bookings, one of each was due")
    after_s = datetime.fromisoformat(cast("str", starts[0]["at"])).timestamp() - closed_at
    if after_s < 0:
        raise WentWrong("start/cash was sent before the drawer had closed")
    teller.write(f"\nstart/cash was sent once, {after_s * 1000:.0f} ms after the drawer had closed; booked once.\n")


async def _simulator(stage: Stage, what: str, field_name: str) -> list[Json]:
    async with aiohttp.ClientSession() as session, session.get(f"{stage.simulator_url}/{what}") as response:
        response.raise_for_status()
        return cast("list[Json]", (await response.json())[field_name])
