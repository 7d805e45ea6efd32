"""What is felt: from the closing drawer and the last digit to the request and to the screen, beside the floor.

Every round measures the agent, two identical floors and the rivals (what a user would write instead), in an order that
changes, so that whatever else the machine does hits them alike.
"""

import asyncio
import os
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from agent.simulator.certificates import CA_FILE
from tests.bench.figures import is_same, milliseconds, single
from tests.bench.processes import Front, Process, front, python, running
from tests.bench.result import Row
from tests.bench.rival import RIVALS, Rival, open_rival
from tests.bench.shop import Shop, close_drawer, open_shop, scan_card, until_paid_into_drawer
from tests.bench.terminals import terminal, timed

FLOORS = ("floor", "floor again")
CLOSING, CARD_TO_REQUEST, CARD_TO_SCREEN = "closing", "card to request", "card to screen"
FELT = {
    CLOSING: ("closing byte to start/cash at the API", 1.25, 2.0),
    CARD_TO_REQUEST: ("last byte of a card to the request it causes", 1.4, None),
    CARD_TO_SCREEN: ("last byte of a card to the event at the screen", 2.0, None),
}
"""What is measured, and how many times the floor it may be at the median and at p95."""
REST_S = 0.005
"""Between two measurements: what the last one left to do is done."""


@dataclass
class Samples:
    """Nanoseconds by what was measured and of whom; CPU seconds, written bytes and commits of all rounds."""

    rounds: int
    times: dict[tuple[str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    agent_cpu_s: float = 0.0
    floor_cpu_s: float = 0.0
    written_bytes: int = 0
    commits: int = 0

    def counts(self) -> bool:
        """Whether two identical floors measured the same."""
        return all(is_same(*(milliseconds(self.times[what, floor]) for floor in FLOORS)) for what in FELT)


@dataclass
class Floor:
    """One process of the floor, with its hardware and its screen."""

    process: Process
    front: Front
    reader: int
    drawer: int
    screen: asyncio.StreamReader

    async def closing(self) -> int:
        return await timed(self.front, self.drawer, b"\x00", "/start/cash")

    async def card_to_request(self) -> int:
        return await timed(self.front, self.reader, b"9276004429942845\r", "/validateMerchantcard")

    async def card_to_screen(self) -> int:
        began = time.monotonic_ns()
        os.write(self.reader, b"S9276004429942845\r")
        await self.screen.readuntil(b"\n\n")
        return time.monotonic_ns() - began


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
        yield Floor(process, tls, masters[0], masters[1], await connected)


async def measure(directory: Path, rounds: int, seed: int, rivals: Sequence[str]) -> Samples:
    """Measure everything so many times."""
    samples = Samples(rounds)
    order = random.Random(seed)  # noqa: S311 - an order, no secret
    async with AsyncExitStack() as stack:
        floors = {}
        others = {}
        for name in (*FLOORS, *rivals):
            (place := directory / name.replace(" ", "-")).mkdir()
            if name in FLOORS:
                floors[name] = await stack.enter_async_context(open_floor(place))
            else:
                others[name] = await stack.enter_async_context(open_rival(name, place))
        shop = await stack.enter_async_context(open_shop(directory))
        floor = floors[FLOORS[0]].process
        commits = await shop.commits()
        before = shop.agent.cpu_s, floor.cpu_s, shop.agent.written_bytes
        for _ in range(rounds):
            turns: list[Callable[[], Awaitable[None]]] = [
                partial(_agent_round, shop, samples),
                *(partial(_floor_round, name, floor, samples) for name, floor in floors.items()),
                *(partial(_rival_round, name, rival, samples) for name, rival in others.items()),
            ]
            order.shuffle(turns)
            for turn in turns:
                await turn()
                await asyncio.sleep(REST_S)
        samples.agent_cpu_s = shop.agent.cpu_s - before[0]
        samples.floor_cpu_s = floor.cpu_s - before[1]
        samples.written_bytes = shop.agent.written_bytes - before[2]
        samples.commits = await shop.commits() - commits
    return samples


def rows(samples: Samples) -> list[Row]:
    """Say what the samples mean."""
    floors = {what: milliseconds(samples.times[what, FLOORS[0]]) for what in FELT}
    found = [
        Row(
            key=what,
            words=words,
            unit="ms",
            measured=milliseconds(samples.times[what, "agent"]),
            beside=floors[what],
            beside_words="the floor",
            goal=goal,
            goal_p95=goal_p95,
        )
        for what, (words, goal, goal_p95) in FELT.items()
    ]
    found += [
        Row(
            key=name,
            words=f"the same closing byte, {words}",
            unit="ms",
            measured=milliseconds(times),
            beside=floors[CLOSING],
            beside_words="the floor",
        )
        for name, words in RIVALS.items()
        if (times := samples.times.get((CLOSING, name)))
    ]
    each = samples.rounds
    return [
        *found,
        Row(
            key="cpu",
            words="CPU of a whole checkout; the floor: three commits, two requests, one event",
            unit="ms",
            measured=single(samples.agent_cpu_s / each * 1000, each),
            beside=single(samples.floor_cpu_s / each * 1000, each),
            beside_words="the floor",
        ),
        Row(
            key="bytes",
            words="written to the disk for a whole checkout",
            unit="KiB",
            measured=single(samples.written_bytes / each / 1024, each),
        ),
        Row(
            key="syncs",
            words="commits of a whole checkout: a sync of the disk each, and one more to wipe the card",
            unit="",
            measured=single(samples.commits / each, each),
        ),
    ]


async def _agent_round(shop: Shop, samples: Samples) -> None:
    checkout_id, sent = await scan_card(shop)
    samples.times[CARD_TO_REQUEST, "agent"].append(await shop.front.arrival("/validateMerchantcard$") - sent)
    samples.times[CARD_TO_SCREEN, "agent"].append(await shop.screen.scan() - sent)
    await until_paid_into_drawer(shop, checkout_id)
    await asyncio.sleep(REST_S)
    samples.times[CLOSING, "agent"].append(await close_drawer(shop, checkout_id))


async def _floor_round(name: str, floor: Floor, samples: Samples) -> None:
    samples.times[CARD_TO_REQUEST, name].append(await floor.card_to_request())
    await asyncio.sleep(REST_S)
    samples.times[CARD_TO_SCREEN, name].append(await floor.card_to_screen())
    await asyncio.sleep(REST_S)
    samples.times[CLOSING, name].append(await floor.closing())


async def _rival_round(name: str, rival: Rival, samples: Samples) -> None:
    samples.times[CLOSING, name].append(await rival.closing())
