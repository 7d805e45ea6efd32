"""A serial port on the event loop: nothing that blocks, and one word when it is lost.

Bytes are read and written by the loop. What the driver may have to ask its adapter for, over a bus that can be stuck
(modem lines, their counters), is asked in a thread of the port's own.

A Port is one opening of one port and is used once. Who wants it back opens a new one (see device/reconnect.py).
"""

import asyncio
import errno
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Never, Protocol, TypeVar

from device.blocking import OPEN_TIMEOUT_S, close_in_executor, look_at, open_in_executor
from device.tty import LinesNotSupported, PortSettings, Tty, open_tty

__all__ = [
    "LinesNotSupported",
    "Port",
    "PortFull",
    "PortLost",
    "PortSettings",
    "open_port",
]

WRITE_BUFFER_BYTES = 65_536  # more than the longest receipt; what a port takes that has stopped sending
ASK_TIMEOUT_S = 2.0  # an FTDI adapter answers in a millisecond; the kernel itself gives a dead one up after 5 s


Answer = TypeVar("Answer")


class PortLost(Exception):
    """The port is closed, or its device is gone. What was being written may have been sent in part."""


class PortFull(Exception):
    """The device takes nothing (flow control) and the buffer is full. Nothing of this write was taken."""


class Port(Protocol):
    """One opening of a serial port."""

    async def write(self, data: bytes) -> float:
        """Hand all of `data` to the kernel, in the order of the calls, and return the loop time at which that was done.

        Goes out before the first await when nothing waits. Cancelling drops what was not handed over.
        Raises PortLost, PortFull.
        """
        ...

    async def ask(self, question: Callable[[Tty], Answer]) -> Answer:
        """Let the port's own thread ask the driver what may block; one question after the other, also a cancelled one.

        An adapter that does not answer in time is lost. Raises LinesNotSupported, PortLost.
        """
        ...

    def unsent(self) -> int:
        """Bytes handed over that did not leave the driver yet; 0 where it does not say. Raises PortLost."""
        ...

    def discard(self) -> None:
        """Drop input that was not read and output that was not sent. Raises PortLost."""
        ...

    async def close(self) -> None:
        """Give the port back. Output that was not sent is dropped. `on_lost` is not called any more."""
        ...


OnData = Callable[[bytes, float], None]
OnLost = Callable[[str], None]


async def open_port(
    settings: PortSettings,
    *,
    on_data: OnData,
    on_lost: OnLost,
    opener: Callable[[PortSettings], Tty] = open_tty,
    timeout_s: float = OPEN_TIMEOUT_S,
) -> Port:
    """Open a port with empty buffers, exclusively.

    `on_data` gets the bytes and the loop time at which they were read. `on_lost` is called once, with one plain
    line, when the device is gone; the port still has to be closed. Raises OSError (TimeoutError is one), and
    ValueError for a speed that the driver does not know.
    """
    tty = await open_in_executor(lambda: opener(settings), timeout_s=timeout_s)
    return LoopPort(tty, on_data, on_lost)


@dataclass(slots=True, eq=False)
class _Waiting:
    data: bytes
    handed_over: "asyncio.Future[float]"


class LoopPort:
    """A Port whose descriptor is watched by the running event loop."""

    def __init__(self, tty: Tty, on_data: OnData, on_lost: OnLost) -> None:
        self._tty = tty
        self._on_data = on_data
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[_Waiting] = deque()
        self._ended: str | None = None
        self._closed = False
        self._thread: ThreadPoolExecutor | None = None  # of one thread; most ports are never asked anything
        self._loop.add_reader(tty.fileno(), self._read)

    async def write(self, data: bytes) -> float:
        self._refuse_if_ended()
        if sum(len(waiting.data) for waiting in self._waiting) + len(data) > WRITE_BUFFER_BYTES:
            raise PortFull(f"the device takes nothing: more than {WRITE_BUFFER_BYTES} bytes would wait")
        rest = data if self._waiting else self._send(data)
        if not rest:
            return self._loop.time()
        waiting = _Waiting(rest, self._loop.create_future())
        self._waiting.append(waiting)
        self._loop.add_writer(self._tty.fileno(), self._send_waiting)
        try:
            return await waiting.handed_over
        finally:
            self._forget(waiting)

    async def ask(self, question: Callable[[Tty], Answer]) -> Answer:
        self._refuse_if_ended()
        self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="port")
        asked = self._loop.run_in_executor(self._thread, question, self._tty)
        asked.add_done_callback(look_at)
        done, _ = await asyncio.wait([asked], timeout=ASK_TIMEOUT_S)
        return self._ask(asked.result if done else _not_answered)

    def unsent(self) -> int:
        return self._ask(self._tty.unsent)

    def discard(self) -> None:
        self._ask(self._tty.discard)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._end("the port was closed")
        closing = close_in_executor(self._tty, executor=self._thread)  # after the last question, never beside it
        try:
            await closing
        finally:
            if self._thread is not None:
                self._thread.shutdown(wait=False)

    def _read(self) -> None:
        try:
            data = self._tty.read()
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error.strerror or "the port reports an error")
            return
        if data:
            self._on_data(data, self._loop.time())
        else:
            self._lose("the port was hung up")

    def _send(self, data: bytes) -> bytes:
        """What is left of `data` after the kernel took its part."""
        try:
            return data[self._tty.write(data) :]
        except BlockingIOError:
            return data
        except OSError as error:
            self._lose(error.strerror or "the port reports an error")
            raise PortLost(self._ended) from error

    def _send_waiting(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            try:
                first.data = self._send(first.data)
            except PortLost:
                return  # everybody who waits was told
            if first.data:
                return
            self._waiting.popleft()
            if not first.handed_over.done():
                first.handed_over.set_result(self._loop.time())
        self._loop.remove_writer(self._tty.fileno())

    def _forget(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        if not self._waiting and self._ended is None:
            self._loop.remove_writer(self._tty.fileno())

    def _ask(self, call: Callable[[], Answer]) -> Answer:
        self._refuse_if_ended()
        try:
            return call()
        except OSError as error:
            self._lose(error.strerror or "the port reports an error")
            raise PortLost(self._ended) from error

    def _refuse_if_ended(self) -> None:
        if self._ended is not None:
            raise PortLost(self._ended)

    def _lose(self, reason: str) -> None:
        if self._ended is None:
            self._end(reason)
            self._loop.call_soon(self._tell_lost, reason)

    def _tell_lost(self, reason: str) -> None:
        if not self._closed:
            self._on_lost(reason)

    def _end(self, reason: str) -> None:
        """Stop watching, before the descriptor is closed and its number given to somebody else."""
        if self._ended is not None:
            return
        self._ended = reason
        self._loop.remove_reader(self._tty.fileno())
        self._loop.remove_writer(self._tty.fileno())
        for waiting in self._waiting:
            if not waiting.handed_over.done():
                waiting.handed_over.set_exception(PortLost(reason))
        self._waiting.clear()


def _not_answered() -> Never:
    raise TimeoutError(errno.ETIMEDOUT, "the adapter does not answer: unplug it and plug it in again")
