"""A line with a round trip of 40 ms: what a connection that is not there would cost.

Measured is until the request has arrived, and half a round trip, the answer's way back, is added. The time of the
server is not in it.
"""

import asyncio
from pathlib import Path

from tests.bench.figures import Figure, milliseconds
from tests.bench.result import Row
from tests.bench.shop import READ, Shop, close_drawer, open_shop, scan_card, until_cash_awaited

ROUND_TRIP_MS = 40.0
GOAL = 1.1
OPEN_S = 1.0
"""So long the drawer is open."""
SETTLED_S = 0.5
"""Some round trips: what was closed is opened anew, if somebody does it."""


async def measure(directory: Path, rounds: int) -> list[Row]:
    cash, first = [], []
    async with open_shop(directory, round_trip_ms=ROUND_TRIP_MS, opened_by="register") as shop:
        for _ in range(rounds):
            cash.append(await _cash_after_a_long_wait(shop))
            first.append(await _first_after_idle(shop))
    return [
        _row("slow cash", "40 ms line: start/cash, no connection left, drawer opened 1 s before it closes", cash),
        _row("slow first", "40 ms line: first request after the server closed the idle connection", first),
    ]


async def _cash_after_a_long_wait(shop: Shop) -> int:
    """Ten minutes in `awaiting_cash` leave no connection: they are closed here, also those that took their place."""
    checkout_id, _ = await scan_card(shop)
    await until_cash_awaited(shop, checkout_id)
    for _ in range(2):
        await shop.front.close_connections()
        await asyncio.sleep(SETTLED_S)
    shop.drawer.open_by_key()
    await shop.front.arrival(READ)
    await asyncio.sleep(OPEN_S)
    return await close_drawer(shop, checkout_id)


async def _first_after_idle(shop: Shop) -> int:
    """The idle connection is closed while a checkout waits for its card."""
    checkout = await shop.begin()
    await asyncio.sleep(SETTLED_S)
    await shop.front.close_connections()
    await asyncio.sleep(SETTLED_S)
    sent = await shop.scan()
    took = await shop.front.arrival("/validateMerchantcard$") - sent
    await shop.screen.until_card(checkout)
    await shop.kiosk.cancel(checkout)
    return took


def _row(key: str, words: str, took: list[int]) -> Row:
    there = milliseconds(took)
    back = ROUND_TRIP_MS / 2
    whole = Figure(median=there.median + back, p95=there.p95 + back, rounds=there.rounds)
    line = Figure(median=ROUND_TRIP_MS, p95=ROUND_TRIP_MS, rounds=there.rounds)
    return Row(key=key, words=words, unit="ms", measured=whole, beside=line, beside_words="one round trip", goal=GOAL)
