"""What a drawer reported, for a test to wait on, and a drawer that runs for the time of a test."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Protocol, TypeVar

from device.interface import DeviceState, DrawerLevel, Receiver, Report

PATIENCE_S = 60.0  # a test that waits longer has failed

Kind = TypeVar("Kind", bound=Report)


class Runs(Protocol):
    """Anything that reports until it is cancelled."""

    async def run(self, report: Receiver) -> None: ...


class Reports:
    """A receiver that remembers. Each wait looks at what came after the report that the last one found."""

    def __init__(self) -> None:
        self.all: list[Report] = []
        self._seen = 0
        self._more = asyncio.Event()

    def __call__(self, report: Report) -> None:
        self.all.append(report)
        self._more.set()

    async def next(self, kind: type[Kind], fits: Callable[[Kind], bool] | None = None) -> Kind:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while self._seen < len(self.all):
                    report = self.all[self._seen]
                    self._seen += 1
                    if isinstance(report, kind) and (fits is None or fits(report)):
                        return report
                self._more.clear()
                await self._more.wait()

    async def level(self, level: str | None = None) -> DrawerLevel:
        """The next level, or the next one that is this."""
        return await self.next(DrawerLevel, lambda report: level in (None, report.level))

    async def state(self, state: str) -> DeviceState:
        return await self.next(DeviceState, lambda report: report.state == state)

    @property
    def levels(self) -> list[str]:
        return [report.level for report in self.all if isinstance(report, DrawerLevel)]


@contextlib.asynccontextmanager
async def running(device: Runs) -> AsyncIterator[Reports]:
    """Run a device, and stop it cleanly."""
    reports = Reports()
    task = asyncio.create_task(device.run(reports))
    try:
        yield reports
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    """Let everybody else go on until something of the simulated world is so that nobody reports."""
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - a simulated device sets no event for each of its bytes
            await asyncio.sleep(0)
