"""What time it is for the simulator, and how it waits. A test moves time itself and never sleeps."""

import asyncio
import heapq
import itertools
import time
from contextlib import suppress
from typing import Protocol


class Clock(Protocol):
    """Seconds since 1970, and waiting for such a time; one that is past is not waited for."""

    def now(self) -> float: ...

    async def sleep_until(self, at: float) -> None: ...

    async def advance(self, seconds: float) -> None:
        """Moves time, and lets everyone run whose time has come."""


class LoopClock:
    """The time of the running event loop; with a loop of virtual time it is virtual too."""

    def __init__(self, epoch: float | None = None) -> None:
        loop_time = asyncio.get_running_loop().time()
        self._offset = (time.time() if epoch is None else epoch) - loop_time
        self._moved = asyncio.Event()

    def now(self) -> float:
        return self._offset + asyncio.get_running_loop().time()

    async def sleep_until(self, at: float) -> None:
        while (left := at - self.now()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._moved.wait()

    async def advance(self, seconds: float) -> None:
        self._offset += seconds
        self._moved.set()
        self._moved = asyncio.Event()


class ManualClock:
    """Stands still until it is moved. Those who wait are woken in the order of their times."""

    def __init__(self, now: float = 1_600_327_094.0) -> None:  # 2020-09-17T09:18:14+02:00, the seed page's
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def now(self) -> float:
        return self._now

    async def sleep_until(self, at: float) -> None:
        if at > self._now:
            wake = asyncio.get_running_loop().create_future()
            heapq.heappush(self._sleepers, (at, next(self._count), wake))
            await wake

    async def advance(self, seconds: float) -> None:
        until = self._now + seconds
        while self._sleepers and self._sleepers[0][0] <= until:
            self._now, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
            await asyncio.sleep(0)
        self._now = until
