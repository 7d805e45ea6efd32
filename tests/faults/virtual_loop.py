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
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context, copy_context
from heapq import heappop, heappush
from typing import Protocol, TypeVar

T = TypeVar("T")
Callback = Callable[..., object]


class Lines(Protocol):
    """Where connections lead to."""

    async def connect(self) -> None:
        """Return when a connection can be made. Raises OSError."""

    def connection(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Begin a connection with this protocol at our end."""


class Standstill(Exception):
    """Nothing can ever happen again, and somebody waits."""


class Turn(asyncio.TimerHandle):
    """One callback, of a thousand in a run: what asyncio and aiohttp do with a handle, and nothing for debugging."""

    __slots__ = ("arguments", "callback", "context")

    def __init__(self, when: float, callback: Callback, arguments: tuple[object, ...], context: Context | None) -> None:
        self._when = when
        self.callback: Callback | None = callback
        self.arguments = arguments
        self.context = copy_context() if context is None else context

    def cancel(self) -> None:
        self.callback = None
        self.arguments = ()

    def cancelled(self) -> bool:
        return self.callback is None


class VirtualLoop(base_events.BaseEventLoop):
    """Raises Standstill from `run_until_complete` when nothing is left to happen."""

    lines: Lines

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._turns: deque[Turn] = deque()
        self._timers: list[tuple[float, int, Turn]] = []
        self._numbers = itertools.count()

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callback, *args: object, context: Context | None = None) -> Turn:
        turn = Turn(self._now, callback, args, context)
        self._turns.append(turn)
        return turn

    call_soon_threadsafe = call_soon

    def call_later(self, delay: float, callback: Callback, *args: object, context: Context | None = None) -> Turn:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callback, *args: object, context: Context | None = None) -> Turn:
        """Timers of one moment come in the order in which they were set."""
        timer = Turn(when, callback, args, context)
        heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def create_task(
        self,
        coro: Generator[asyncio.Future[object] | None, None, T] | Coroutine[asyncio.Future[object] | None, None, T],
        *,
        name: object = None,
        context: Context | None = None,
    ) -> asyncio.Task[T]:
        return asyncio.Task(coro, loop=self, name=None if name is None else str(name), context=context)

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
        turns, timers = self._turns, self._timers
        while timers and timers[0][2].callback is None:
            heappop(timers)
        if not turns:
            if not timers:
                raise Standstill
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            turns.append(heappop(timers)[2])
        for _ in range(len(turns)):
            turn = turns.popleft()
            callback = turn.callback
            if callback is None:
                continue
            try:
                turn.context.run(callback, *turn.arguments)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - as asyncio's own handle
                told = {"message": f"Exception in callback {callback!r}", "exception": error, "handle": turn}
                self.call_exception_handler(told)

    def _write_to_self(self) -> None:
        """Nobody calls from another thread, and the loop never sleeps."""


def run(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    """Run this to its end on a loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()
