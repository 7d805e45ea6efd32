"""One customer after the other, and what goes wrong meanwhile. Each payment is checked against the API's ledger."""

import asyncio
from collections import Counter
from collections.abc import Set as AbstractSet
from random import Random

from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.client import Refused
from agent.simulator.world import CARD_NUMBER
from tests.soak.shop import Shop

PRODUCTS = ({"id": 1, "articleNumber": 30037, "desc": "Sandwich Romano", "quantity": 1, "priceOne": 796, "tax": 7},)
CLOSED = "connection=closed"
FAULTS = (
    f"start/cash:no-answer-after-executing:1:{CLOSED}",
    f"start/cash:no-answer-before-executing:1:{CLOSED}",
    "start/cash:server-error:1:executes=true",
    "start/cash:cut-in-body",
    "start/cash:expired-token",
    f"create:no-answer-after-executing:1:{CLOSED}",
    f"read:no-answer-before-executing:1:{CLOSED}",
    "read:not-json",
    "preTransaction:server-error",
    "connect:refused-connection:1:seconds=0.5",
)
OFTEN = 0.005
"""So many checkouts meet a fault: each costs a second of back-off on average, and the soak is about growth."""
SETTLES_S = 120.0
"""Within this time of the last fault every payment has come to its end."""
LOOK_S = 0.01
ENDS = frozenset({"completed", "cancelled", "failed"})
OVER = ENDS | {"unsure", "confirmed", "attention"}
"""What lets the next customer begin, by and by."""


class Trade:
    """Sells, and knows what must be in the ledger."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self._shop = shop
        self._dice = Random(seed)  # noqa: S311 - dice
        self._shown: dict[str, tuple[str, int]] = {}  # by merchantRef: the checkout, and what was to pay
        self.ends: Counter[str] = Counter()
        self.faults = 0
        self.wrong: list[str] = []

    async def sell(self, number: int) -> None:
        """Serve one customer, who pays in cash or walks away."""
        shop, ref = self._shop, f"A-{number}"
        if self._dice.random() < OFTEN:
            self.faults += 1
            shop.simulator.add_fault(self._dice.choice(FAULTS))
        shop.simulator.set_card(CARD_NUMBER, cash_balance=500)
        checkout = await self._begin(ref)
        self._shown[ref] = (checkout.id, 0)
        if self._dice.random() < 0.5:
            await shop.kiosk.set_card(checkout.id, CARD_NUMBER)
        if await self._is_due(checkout.id):
            amount = shop.screen.amount_due(checkout.id)
            self._shown[ref] = (checkout.id, amount)
            if self._dice.random() < 0.1:
                await shop.kiosk.cancel(checkout.id)
            else:
                await self._pay(checkout.id, amount)
        else:
            await shop.kiosk.cancel(checkout.id)
        await self._phase(checkout.id, OVER)

    async def settle(self) -> None:
        """Wait until all is over, compare with the ledger, and let the simulated API begin anew."""
        shop = self._shop
        shop.simulator.faults.clear()
        async with asyncio.timeout(SETTLES_S):
            for checkout_id, _ in self._shown.values():
                await self._phase(checkout_id, ENDS)
        for ref, (checkout_id, shown) in self._shown.items():
            booked = [booking.amount for booking in shop.simulator.ledger if booking.merchantRef == ref]
            phase = shop.screen.checkouts[checkout_id].phase
            self.ends[phase] += 1
            if booked != ([shown] if phase == "completed" else []):
                self.wrong.append(f"{ref} is {phase}, {shown} were shown, executed {booked}")
        self._forget()
        await shop.simulator.reset()

    def _forget(self) -> None:
        for checkout_id, _ in self._shown.values():
            del self._shop.screen.checkouts[checkout_id]
        self._shown.clear()

    async def _begin(self, ref: str) -> CheckoutAnswer:
        """Begin as soon as the till is free: a payment that nobody answered keeps it for a while."""
        while True:
            try:
                return await self._shop.kiosk.begin(PRODUCTS, merchantRef=ref)
            except Refused as refused:
                if refused.name != "another-is-active":
                    raise
            await asyncio.sleep(LOOK_S)

    async def _is_due(self, checkout_id: str) -> bool:
        """Ask what is due until it is told; False when the API does not tell."""
        for _ in range(5):
            self._shop.screen.take(await self._shop.kiosk.apply(checkout_id, use_balance=False))
            if await self._phase(checkout_id, {"due", "draft"}) == "due":
                return True
        return False

    async def _pay(self, checkout_id: str, amount: int) -> None:
        shop = self._shop
        await shop.kiosk.pay(checkout_id, "cash", amount)
        await shop.screen.until_open()
        shop.drawer.close_drawer()

    async def _phase(self, checkout_id: str, phases: AbstractSet[str]) -> str:
        return await self._shop.screen.until_one_of(checkout_id, phases)
