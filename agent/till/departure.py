"""The requests of one decision: made ready while the journal writes it, sent when it is durable, or not at all.

Making a request ready takes as long as a good disk takes to write, so that waiting for one is doing the other.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

DurableCall = Callable[[asyncio.Future[float]], Coroutine[None, None, None]]
"""Makes a request ready and sends it when this is done."""

LEAVING_PASSES = 2
"""Of the event loop: in one aiohttp is woken, in the next it writes."""


class Departure:
    """What is to be sent. `spawn` begins each call as a task of its own."""

    def __init__(self, spawn: Callable[[Coroutine[None, None, None]], None], calls: Sequence[DurableCall]) -> None:
        self._spawn = spawn
        self._calls = calls
        self._loop = asyncio.get_running_loop()
        self._ready: list[asyncio.Future[float]] = []

    @property
    def wanted(self) -> bool:
        """Whether there is anything to make ready."""
        return bool(self._calls)

    def make_ready(self) -> None:
        """Begin what can be done before anything is sent. Once is enough."""
        calls, self._calls = self._calls, ()
        for call in calls:
            durable: asyncio.Future[float] = self._loop.create_future()
            self._ready.append(durable)
            self._spawn(call(durable))

    async def leave(self) -> None:
        """The decision is durable: send. What is ready has left when this returns."""
        self.make_ready()
        for durable in self._ready:
            if not durable.done():  # its task was cancelled
                durable.set_result(self._loop.time())
        if self._ready:
            for _ in range(LEAVING_PASSES):
                await asyncio.sleep(0)

    def withdraw(self) -> None:
        """The decision could not be written: nothing of this is sent."""
        self._calls = ()
        for durable in self._ready:
            durable.cancel()
