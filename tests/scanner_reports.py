"""What a device reported, in its order, for a test to wait for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

from device.interface import DeviceState, Report, Scan, Scanner, Torn, TornScan

WAIT_S = 60.0  # ends a hang; what is waited for comes at once

Kind = TypeVar("Kind", Scan, TornScan, DeviceState)


class Reports:
    """A receiver that keeps everything."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Report] = asyncio.Queue()

    def __call__(self, report: Report) -> None:
        self._queue.put_nowait(report)

    async def next(self, kind: type[Kind]) -> Kind:
        """The next report, which must be of this kind."""
        async with asyncio.timeout(WAIT_S):
            report = await self._queue.get()
        assert isinstance(report, kind), report
        return report

    async def text(self) -> str:
        return (await self.next(Scan)).text

    async def torn(self) -> Torn:
        return (await self.next(TornScan)).reason

    async def state(self) -> str:
        return (await self.next(DeviceState)).state

    @property
    def nothing_more(self) -> bool:
        return self._queue.empty()


@asynccontextmanager
async def running(scanner: Scanner) -> AsyncIterator[Reports]:
    """Run a scanner for the block; what it raises ends the test."""
    reports = Reports()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(scanner.run(reports))
        yield reports
        task.cancel()
