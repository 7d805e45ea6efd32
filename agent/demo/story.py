"""The seed's checkout as a story: what is done, what is told, what went over the wire, and in which order."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

import aiohttp

from agent.demo.screen import Json, Screen
from agent.demo.stage import Stage

CARD = "9276004429942845"
"""The card of the vendor's documentation; at the simulator it holds 5.00 EUR."""
BASKET: Json = {
    "products": [
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
    ]
}
OPEN_S = 1.2
"""The customer counts coins. Shorter than a second would confirm nothing: [cash] minimum_open_s."""
SETTLING_S = 2.2
"""Within 2 s of opening the drawer's port nothing is evidence."""
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

    checkout: Json = field(default_factory=dict)
    drawer: Json = field(default_factory=dict)
    closed_at: float | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, what: str, condition: Callable[["Heard"], bool]) -> None:
        """Wait for it. Raises WentWrong."""
        try:
            async with asyncio.timeout(PATIENCE_S), self.changed:
                await self.changed.wait_for(lambda: condition(self))
        except TimeoutError:
            raise WentWrong(f"{what} did not happen within {PATIENCE_S:.0f} s") from None

    async def phase(self, phase: str) -> None:
        await self.until(f"the phase {phase}", lambda heard: heard.checkout.get("phase") == phase)


async def play(stage: Stage, teller: Teller) -> None:
    """Play it to the end. Raises WentWrong when cash was booked in any other order than the law's."""
    async with listening(stage.screen, teller) as heard:
        teller.tell("screen", "POST /v1/checkouts: sandwich, fruit salad, two waters")
        checkout = await stage.screen.call("POST", "/v1/checkouts", {"merchantRef": "A-17", "basket": BASKET})
        path = f"/v1/checkouts/{checkout['id']}"
        await asyncio.sleep(SETTLING_S)
        teller.tell("customer", "holds the card under the reader")
        await stage.scanner.scan(CARD)
        await heard.until("the card", lambda heard: _card(heard.checkout).get("valid") is True)
        teller.tell("screen", "POST …/apply: use the balance")
        await stage.screen.call("POST", f"{path}/apply", {"use_balance": True})
        await heard.phase("due")
        due = heard.checkout["amount_due"]
        teller.tell("screen", f"POST …/pay: {_euros(due)} in cash")
        await stage.screen.call("POST", f"{path}/pay", {"method": "cash", "amount": due})
        await heard.until("the opening of the drawer", lambda heard: heard.drawer.get("event") == "opened")
        await asyncio.sleep(OPEN_S)
        teller.tell("customer", "puts the money in and closes the drawer")
        closed_at = time.time()
        stage.drawer.close_drawer()
        await heard.phase("completed")
        receipt = await stage.screen.text(f"{path}/receipt")
    await _show_wire(stage, teller, closed_at)
    teller.head("The receipt")
    teller.write(receipt)


@asynccontextmanager
async def listening(screen: Screen, teller: Teller) -> AsyncIterator[Heard]:
    """Tell what the event stream tells, while inside."""
    heard = Heard()
    listener = asyncio.create_task(_listen(screen, teller, heard))
    try:
        yield heard
    finally:
        listener.cancel()
        await asyncio.wait([listener])


async def _listen(screen: Screen, teller: Teller, heard: Heard) -> None:
    async for name, data in screen.events():
        told = _in_words(name, data, heard)
        if told is not None:
            teller.tell(*told)
        async with heard.changed:
            if name == "checkout":
                heard.checkout = data
            elif name == "drawer":
                heard.drawer = data
            heard.changed.notify_all()


def _in_words(name: str, data: Json, heard: Heard) -> tuple[str, str] | None:
    match name:
        case "checkout" if data.get("phase") != heard.checkout.get("phase"):
            return "agent", f"checkout is {data['phase']}{_amount(data)}"
        case "checkout" if _card(data) != _card(heard.checkout):
            return "agent", f"card {_card(data).get('number')}: {_balance(_card(data))}"
        case "scan":
            return "reader", f"read {data.get('card') or data.get('refused')}"
        case "drawer":
            open_s = data.get("open_s")
            lasted = f" after {open_s:.1f} s" if isinstance(open_s, float) else ""
            said = "was asked to open" if data["event"] == "asked" else str(data["event"]).replace("_", " ")
            unasked = ", and nobody had asked" if data.get("by") == "unasked" else ""
            return "drawer", f"{said}{lasted}{unasked}"
        case "device":
            return "device", f"{data['name']} is {data['state']}"
        case _:
            return None


def _card(checkout: Json) -> Json:
    return cast("Json", checkout.get("card") or {})


def _balance(card: Json) -> str:
    return f"valid, holds {_euros(card['balance'])}" if card.get("valid") else "is being checked"


def _amount(checkout: Json) -> str:
    return f", {_euros(checkout['amount_due'])} to pay" if checkout.get("phase") == "due" else ""


def _euros(cents: object) -> str:
    return f"{cast('int', cents) / 100:.2f} EUR"


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
