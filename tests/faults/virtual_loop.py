"""An event loop whose time is a number: it stands still while something can run, and jumps to the next timer.

It is asyncio's own loop with another selector: one that never waits. There are no sockets and no threads; where the
agent opens connections (`sock_connect`, `create_connection`) the simulated lines are, and what it gives to a thread is
done at once. The same calls come in the same order, always.
"""

import asyncio
import socket
from asyncio import base_events
from collections.abc import Awaitable, Callable
from typing import NoReturn, Protocol, TypeVar

T = TypeVar("T")


class Lines(Protocol):
    """Where connections lead to."""

    async def connect(self) -> None:
        """Return when a connection can be made. Raises OSError."""

    def connection(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Begin a connection with this protocol at our end."""


class Standstill(Exception):
    """Nothing can ever happen again, and somebody waits."""


class _Selector:
    """Waits for nothing: it moves the time instead."""

    def __init__(self) -> None:
        self.now = 0.0

    def select(self, timeout: float | None) -> list[NoReturn]:
        if timeout is None:
            raise Standstill
        self.now += timeout
        return []


class VirtualLoop(base_events.BaseEventLoop):
    """Raises Standstill from `run_until_complete` when nothing is left to happen."""

    lines: Lines

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Selector()
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._selector.now

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

    def _process_events(self, event_list: list[NoReturn]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody calls from another thread, and the loop never sleeps."""


def run(main: Callable[[VirtualLoop], Awaitable[T]]) -> T:
    """Run this to its end on a loop of its own."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main(loop))
    finally:
        loop.close()
