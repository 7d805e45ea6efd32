"""What is felt: from the closing drawer and the last digit to the request and to the screen, beside the floor.

Every round measures the agent and two identical floors, in an order that changes, so that whatever else the machine
does hits them alike. The rivals (what a user would write instead) take part in the rounds of the closing drawer.
"""

import asyncio
import os
import pty
import random
import time
import tty
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from agent.simulator.certificates import CA_FILE
from tests.bench.processes import Front, front, python, running
from tests.bench.shop import Shop, close_drawer, open_shop, scan_card, until_paid_into_drawer

FLOORS = ("floor", "floor again")
CLOSING, CARD_TO_REQUEST, CARD_TO_SCREEN = "closing", "card to request", "card to screen"
REST_S = 0.005
"""Between two measurements: what the last one left to do is done."""

Samples = dict[tuple[str, str], list[int]]
"""Nanoseconds by what was measured and of whom."""


@dataclass
class Floor:
    """One process of the floor, with its hardware and its screen."""

    front: Front
    reader: int
    drawer: int
    screen: asyncio.StreamReader

    async def closing(self) -> int:
        return await self._until_request(self.drawer, b"\x00")

    async def card_to_request(self) -> int:
        return await self._until_request(self.reader, b"9276004429942845\r")

    async def card_to_screen(self) -> int:
        began = time.monotonic_ns()
        os.write(self.reader, b"S9276004429942845\r")
        await self.screen.readuntil(b"\n\n")
        return time.monotonic_ns() - began

    async def _until_request(self, descriptor: int, data: bytes) -> int:
        began = time.monotonic_ns()
        os.write(descriptor, data)
        return await self.front.arrival("") - began


@asynccontextmanager
async def open_floor(directory: Path) -> AsyncIterator[Floor]:
    async with AsyncExitStack() as stack:
        tls = await stack.enter_async_context(front(0, str(directory / "tls")))
        connected: asyncio.Future[asyncio.StreamReader] = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda reader, _: connected.set_result(reader), "127.0.0.1", 0)
        stack.callback(server.close)
        masters, names = zip(*(terminal(stack) for _ in range(2)), strict=True)
        arguments = (tls.port, directory / "tls" / CA_FILE, directory, *names, server.sockets[0].getsockname()[1])
        process = await stack.enter_async_context(running(*python("-m", "tests.bench.floor", *map(str, arguments))))
        await process.line()
        yield Floor(tls, masters[0], masters[1], await connected)


def terminal(stack: AsyncExitStack) -> tuple[int, str]:
    """Open a pseudo-terminal; return our end, and the name of the other."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    stack.callback(os.close, master)
    stack.callback(os.close, slave)
    return master, os.ttyname(slave)


async def measure(directory: Path, rounds: int, seed: int) -> Samples:
    """Measure everything so many times."""
    samples: Samples = defaultdict(list)
    order = random.Random(seed)  # noqa: S311 - an order, no secret
    async with AsyncExitStack() as stack:
        floors = {}
        for name in FLOORS:
            place = directory / name.replace(" ", "-")
            place.mkdir()
            floors[name] = await stack.enter_async_context(open_floor(place))
        shop = await stack.enter_async_context(open_shop(directory))
        for _ in range(rounds):
            turns: list[Callable[[], Awaitable[None]]] = [
                partial(_agent_round, shop, samples),
                *(partial(_floor_round, name, floor, samples) for name, floor in floors.items()),
            ]
            order.shuffle(turns)
            for turn in turns:
                await turn()
                await asyncio.sleep(REST_S)
    return samples


async def _agent_round(shop: Shop, samples: Samples) -> None:
    checkout_id, sent = await scan_card(shop)
    samples[CARD_TO_REQUEST, "agent"].append(await shop.front.arrival("/validateMerchantcard$") - sent)
    samples[CARD_TO_SCREEN, "agent"].append(await shop.screen.scan() - sent)
    await until_paid_into_drawer(shop, checkout_id)
    await asyncio.sleep(REST_S)
    samples[CLOSING, "agent"].append(await close_drawer(shop, checkout_id))


async def _floor_round(name: str, floor: Floor, samples: Samples) -> None:
    samples[CARD_TO_REQUEST, name].append(await floor.card_to_request())
    await asyncio.sleep(REST_S)
    samples[CARD_TO_SCREEN, name].append(await floor.card_to_screen())
    await asyncio.sleep(REST_S)
    samples[CLOSING, name].append(await floor.closing())
