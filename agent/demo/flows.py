"""Every flow of a point of sale, played by a kiosk program at the real agent, and the calls that went to the API.

The letters are those of the vendor's guides as the project's API reference has them (part 8).
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import aiohttp

from agent.checkout.state import Json, Method
from agent.demo.stage import Stage
from agent.demo.story import BASKET, CARD, OPEN_S, Heard
from agent.kiosk.client import KioskClient
from device.simulated_drawer import SimulatedDrawer

CHARGE: Final[Json] = {
    "id": 1,
    "ean": "4260447149502",
    "desc": "Kartenaufladung 15 EUR",
    "quantity": 1,
    "priceOne": 1500,
    "tax": 7,
}
"""A product with one of the reserved EANs loads its price onto the card."""
SANDWICH: Final = BASKET[:1]
"""3.49 EUR: less than the card holds."""
_OF_THE_AGENT: Final = frozenset({"login", "merchant"})
"""Calls that belong to no flow: the agent logs in and asks whether the API is there."""
_ID: Final = re.compile(r"STX_[0-9A-Z]{30}")


@dataclass(slots=True, kw_only=True)
class Hands:
    """What the people at the till do, and what they see. `open_s`: how long a customer counts coins."""

    screen: KioskClient
    operator: KioskClient
    drawer: SimulatedDrawer
    heard: Heard
    open_s: float

    async def begin(self, products: Sequence[Json], card: str | None = None) -> str:
        checkout = await self.screen.begin(products, merchantRef="A-17")
        if card is not None:
            await self.operator.set_card(checkout.id, card)  # a reader would not take the same card twice so soon
            await self.heard.until("the card", lambda heard: _is_checked(heard, checkout.id))
        return checkout.id

    async def apply(self, checkout_id: str, *, use_balance: bool) -> int:
        """Ask what is due, and wait for it: cents."""
        await self.screen.apply(checkout_id, use_balance=use_balance)
        await self.reached(checkout_id, "due")
        return (await self.screen.checkout(checkout_id)).amount_due or 0

    async def pay(self, checkout_id: str, method: Method, amount: int) -> None:
        await self.screen.pay(checkout_id, method, amount)
        if method == "cash":
            await self.heard.drawer_open()
            await asyncio.sleep(self.open_s)
            self.drawer.close_drawer()
        await self.reached(checkout_id, "completed")

    async def reached(self, checkout_id: str, phase: str) -> None:
        await self.heard.until(f"the phase {phase}", lambda heard: _is_in(heard, checkout_id, phase))


def hands_of(stage: Stage, heard: Heard) -> Hands:
    """The hands on the stage of the demo."""
    return Hands(
        screen=stage.screen,
        operator=stage.operator,
        drawer=stage.drawer,
        heard=heard,
        open_s=OPEN_S,
    )


async def collect(hands: Hands) -> None:
    checkout = await hands.begin(BASKET, CARD)
    await hands.pay(checkout, "cash", await hands.apply(checkout, use_balance=False))


async def card_covers_all(hands: Hands) -> None:
    checkout = await hands.begin(SANDWICH, CARD)
    await hands.pay(checkout, "loyalty", await hands.apply(checkout, use_balance=True))


async def card_and_cash(hands: Hands) -> None:
    checkout = await hands.begin(BASKET, CARD)
    await hands.pay(checkout, "cash", await hands.apply(checkout, use_balance=True))


async def card_and_terminal(hands: Hands) -> None:
    checkout = await hands.begin(BASKET, CARD)
    await hands.pay(checkout, "cashless", await hands.apply(checkout, use_balance=True))


async def cash_only(hands: Hands) -> None:
    checkout = await hands.begin(BASKET)
    await hands.pay(checkout, "cash", await hands.apply(checkout, use_balance=False))


async def change_of_mind(hands: Hands) -> None:
    checkout = await hands.begin(BASKET, CARD)
    await hands.apply(checkout, use_balance=True)
    await hands.screen.set_basket(checkout, BASKET[:2])
    await hands.reached(checkout, "draft")
    await hands.pay(checkout, "cash", await hands.apply(checkout, use_balance=True))


async def charge(hands: Hands) -> None:
    checkout = await hands.begin([CHARGE], CARD)
    await hands.pay(checkout, "cash", await hands.apply(checkout, use_balance=False))


async def charge_in_a_mixed_basket(hands: Hands) -> None:
    checkout = await hands.begin([*SANDWICH, CHARGE | {"id": 2}], CARD)
    await hands.pay(checkout, "cash", await hands.apply(checkout, use_balance=False))


async def reversal(hands: Hands) -> None:
    checkout = await hands.begin(BASKET, CARD)
    await hands.pay(checkout, "cash", await hands.apply(checkout, use_balance=True))
    taken_back = await hands.operator.reverse(checkout, "the wrong article", by="Eva")
    await hands.reached(taken_back.id, "completed")


async def reversal_at_the_terminal(hands: Hands) -> None:
    checkout = await hands.begin(BASKET)
    await hands.pay(checkout, "cashless", await hands.apply(checkout, use_balance=False))
    taken_back = await hands.operator.reverse(checkout, "the wrong article", by="Eva")
    await hands.reached(taken_back.id, "completed")


async def check_a_card(hands: Hands) -> None:
    await hands.screen.check_card(CARD)


async def terminals_day(hands: Hands) -> None:
    await hands.operator.end_of_day(by="Eva")


async def abandon(hands: Hands) -> None:
    checkout = await hands.begin(BASKET, CARD)
    await hands.apply(checkout, use_balance=True)
    await hands.screen.cancel(checkout)
    await hands.reached(checkout, "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """One way through a checkout. `last`: the call that ends it, which may come after the checkout is over."""

    letter: str
    title: str
    story: str
    play: Callable[[Hands], Awaitable[None]]
    last: str


FLOWS: Final = {
    "collect": Flow(
        letter="B",
        title="Collect points only",
        story="The card is read, its balance is kept, 7.96 EUR are paid in cash.",
        play=collect,
        last="start/cash",
    ),
    "card-covers-all": Flow(
        letter="C",
        title="The card covers everything",
        story="3.49 EUR are due and the card holds 5.00 EUR: nothing is missing, and the drawer stays closed.",
        play=card_covers_all,
        last="start/loyalty",
    ),
    "card-and-cash": Flow(
        letter="D",
        title="Card and cash",
        story="5.00 EUR from the card, 2.96 EUR in cash. While the drawer is open the transaction is read once.",
        play=card_and_cash,
        last="start/cash",
    ),
    "card-and-terminal": Flow(
        letter="E",
        title="Card and payment terminal",
        story="5.00 EUR from the card, 2.96 EUR at the terminal. The call waits for the terminal.",
        play=card_and_terminal,
        last="start/cashless",
    ),
    "terminals-day": Flow(
        letter="E",
        title="The payment terminal closes its day",
        story="An operator asks for it; the call waits for the terminal.",
        play=terminals_day,
        last="EndOfDay",
    ),
    "cash-only": Flow(
        letter="F",
        title="Cash without a card",
        story="Nobody has a card: the transaction records the payment.",
        play=cash_only,
        last="start/cash",
    ),
    "change-of-mind": Flow(
        letter="G",
        title="A change of mind",
        story="0.98 EUR are due after the water is taken out of the basket: the update takes the applied balance away, "
        "so it is applied again.",
        play=change_of_mind,
        last="start/cash",
    ),
    "charge": Flow(
        letter="H",
        title="Charge a card",
        story="15.00 EUR in cash are loaded onto the card. No balance is used.",
        play=charge,
        last="start/cash",
    ),
    "charge-in-a-mixed-basket": Flow(
        letter="H",
        title="Charge a card in a mixed basket",
        story="A sandwich and 15.00 EUR for the card, 18.49 EUR in cash. No balance is used.",
        play=charge_in_a_mixed_basket,
        last="start/cash",
    ),
    "abandon": Flow(
        letter="J2",
        title="Abandon",
        story="The customer walks away before anything is paid.",
        play=abandon,
        last="abort",
    ),
    "reversal": Flow(
        letter="L",
        title="Reversal",
        story="An operator takes the sale back: a checkout of its own, with its own receipt. The balance is back.",
        play=reversal,
        last="cancel",
    ),
    "reversal-at-the-terminal": Flow(
        letter="L",
        title="Reversal of a terminal payment",
        story="Before the terminal's day is closed, by the number on its receipt.",
        play=reversal_at_the_terminal,
        last="cancelTrx",
    ),
    "check-a-card": Flow(
        letter="M",
        title="Check a card",
        story="What is on the card, without a checkout.",
        play=check_a_card,
        last="cards",
    ),
}


async def played(flow: Flow, hands: Hands, control_url: str) -> list[Json]:
    """Play it in a fresh world and return what was sent to the API for it, in order. Raises WentWrong."""
    async with aiohttp.ClientSession() as control:
        async with control.post(f"{control_url}/reset") as answer:
            answer.raise_for_status()
        await flow.play(hands)
        query = {"call": flow.last, "count": "1", "wait_seconds": "10"}
        async with control.get(f"{control_url}/requests", params=query) as answer:
            answer.raise_for_status()
        async with control.get(f"{control_url}/requests") as answer:
            requests = cast("list[Json]", (await answer.json())["requests"])
    return [request for request in requests if request["call"] not in _OF_THE_AGENT]


def in_words(request: Json) -> str:
    """`POST /api/v2/Smart/Transactions/{id}/start/cash {}`."""
    query = cast("Json", request["query"])
    shown = f"?q={query['q']}" if "q" in query else ""
    body = "" if request["body"] is None else f" {json.dumps(request['body'], ensure_ascii=False)}"
    return f"{request['method']} {_ID.sub('{id}', str(request['path']))}{shown}{body}"


def _is_checked(heard: Heard, checkout_id: str) -> bool:
    checkout = heard.checkout
    return (
        checkout is not None
        and checkout.id == checkout_id
        and checkout.card is not None
        and checkout.card.valid is True
    )


def _is_in(heard: Heard, checkout_id: str, phase: str) -> bool:
    return heard.checkout is not None and (heard.checkout.id, heard.checkout.phase) == (checkout_id, phase)
