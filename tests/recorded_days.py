"""A till at work whose day is recorded: the real agent in this process, against the real simulator."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.kiosk.client import kiosk_at
from agent.outside import Outside
from agent.recording.records import Begun, Happened, read_recording
from agent.service import serve
from config.settings import load
from tests.test_killing import Screen, Shop, sell, shop

__all__ = ["Day", "recorded_day", "sell"]


@dataclass(frozen=True)
class Day:
    """What stands around the agent, and the file it records into."""

    shop: Shop
    screen: Screen
    file: Path

    @property
    def recorded(self) -> tuple[Begun, Sequence[Happened]]:
        """The last start of the agent; complete once the day is over."""
        return read_recording(self.file)[-1]


@asynccontextmanager
async def recorded_day(
    directory: Path, *faults: str, file: Path | None = None, recharge_s: int = 0
) -> AsyncIterator[Day]:
    """Run the agent until the end of the block. `recharge_s`: how long its drawer rests after a pulse."""
    async with shop(directory) as the_shop:
        resting = the_shop.config.read_text().replace("[drawer]", f"[drawer]\nrecharge_s = {recharge_s}")
        the_shop.config.write_text(resting)
        for fault in faults:
            the_shop.simulator.add_fault(fault)
        record = file or directory / "day.jsonl"
        stop = asyncio.Event()
        address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                serve(
                    load(the_shop.config, {}),
                    stop.wait,
                    environment={},
                    ready=lambda url: address.set_result(str(url)),
                    outside=Outside(settling_s=0.0, record=record),
                )
            )
            token = (await _token(address, directory)).strip()
            async with kiosk_at(await address, token) as kiosk:
                screen = Screen(kiosk, await address)
                following = tasks.create_task(screen.follow())
                await screen.connected()
                try:
                    yield Day(the_shop, screen, record)
                finally:
                    following.cancel()
                    stop.set()


async def _token(address: "asyncio.Future[str]", directory: Path) -> str:
    await address
    return (directory / "state" / "tokens" / "operator").read_text()
