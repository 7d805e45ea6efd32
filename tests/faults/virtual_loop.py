"""An event loop whose time is a number: it stands still while something can run, and jumps to the next timer.

It is asyncio's own loop with queues of its own and turns that never wait. There are no sockets and no threads: where
the agent opens connections (`sock_connect`, `create_connection`) the simulated lines are, and what it gives to a thread
is done at once. The same calls come in the same order, always.
"""

import asyncio
import itertools
import socket
from asyncio import base_events
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from heapq import heappop, heappush
from typing import Protocol, TypeVar

T = TypeVar("T")


class Lines(Protocol):
    """Where connections lead to."""

    async def connect(self) -> None:
        """Return when a connection can be made. Raises OSError."""

    def connection(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Begin a connection with this protocol at our end."""


class Standstill(Exception):
    """Nothing can ever happen again, and somebody waits."""


class VirtualLoop(base_events.BaseEventLoop):
    """Raises Standstill from `run_until_complete` when nothing is left to happen."""

    lines: Lines
    _ready: deque[asyncio.Handle]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return self._now

    def call_soon(
        self, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Timers of one moment come in the order in which they were set."""
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    async def sock_connect(self, sock: socket.socket, address: object) -> None:
        await self.lines.connect()

    async def create_connection(  # type: ignore[override]
        self, protocol_factory: Callable[[], asyncio.Protocol], *_: object, sock: socket.socket, **__: object
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        sock.close()  # aiohttp made it; nothing was ever connected to it
        protocol = protocol_factory()
        return self.lines.connection(protocol), protocol

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: object) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - the caller's, as from a thread
            done.set_exception(error)
        return done

    def _run_once(self) -> None:
        """One turn: what is due, in its order."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2].cancelled():
            heappop(timers)
        if not ready:
            if not timers:
                raise Standstill
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            ready.append(heappop(timers)[2])
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()  # noqa: SLF001 - what asyncio's loop does with it

    def _write_to_self(self) -> None:
        """Nobody calls from another thread, and the loop never sleeps."""


def run(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    """Run this to its end on a loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()
