"""A reader's own thread: it waits for the device, decodes at once, and hands finished scans to the event loop.

The kernel keeps ten digits of a keyboard-mode reader (hardware.md 3.3), so they are read while the event loop is busy
with something else. The thread decodes as well, because only who has just looked can say that nothing came: a timer of
a loop that stalled would take the keys it has not seen yet for silence. The thread owns the descriptor and the decoder;
what leaves it are finished, frozen reports. It ends when told, or with its device, and closes it.
"""

import asyncio
import errno
import logging
import math
import os
import select
import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from device.blocking import OpenTimeout, open_in_executor
from device.interface import Receiver
from device.plugging import Plugging
from device.reconnect import keep_open, unavailable
from device.scan_text import Outcome

log = logging.getLogger("tillwire.device")

WAITING_REPORTS: Final = 256  # the loop has stalled for minutes; then the kernel's queue fills up, which is reported
STOP_TIMEOUT_S: Final = 2.0  # closing a descriptor; a driver that takes longer is left to itself


class Source(Protocol):
    """An open device with its decoder. Used by one thread only."""

    def fileno(self) -> int: ...

    def read(self) -> Iterable[Outcome]:
        """What comes of all that lies ready. Raises OSError when the device is gone."""
        ...

    def wake_at(self) -> float | None:
        """The monotonic time at which `wake` is due if nothing comes before."""
        ...

    def wake(self, now: float) -> Iterable[Outcome]:
        """Nothing came until now."""
        ...

    def lost(self, now: float) -> Iterable[Outcome]:
        """The device is gone."""
        ...

    def close(self) -> None: ...


async def keep_reading(
    open_source: Callable[[], Source], *, name: str, report: Receiver, plugging: Plugging | None
) -> None:
    """Open the reader, read it in its own thread, and open it again after it was lost, until cancelled.

    `open_source` is called in the executor and raises Unavailable.
    """

    async def use_once(present: Callable[[], None]) -> str:
        try:
            source = await open_in_executor(open_source)
        except OpenTimeout as error:
            raise unavailable(name, error) from error
        present()
        return await read_in_thread(source, report, name=name)

    await keep_open(use_once, name=name, kind="scanner", report=report, plugging=plugging)


async def read_in_thread(source: Source, report: Receiver, *, name: str) -> str:
    """Report what the source yields until it is lost, and return why it was. The source is closed at the end."""
    reader = _ReaderThread(source, report, name)
    try:
        return await asyncio.shield(reader.ended)
    finally:
        await reader.stop()


class _ReaderThread:
    def __init__(self, source: Source, report: Receiver, name: str) -> None:
        self._source = source
        self._report = report
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[str] = self._loop.create_future()
        self._room = threading.Semaphore(WAITING_REPORTS)
        self._stopping = False
        self._wake_up = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name=f"reader {name}", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the thread and wait for it."""
        self._stopping = True
        os.eventfd_write(self._wake_up, 1)
        self._room.release()
        done, _ = await asyncio.wait([self.ended], timeout=STOP_TIMEOUT_S)
        if done:
            self._thread.join()
            os.close(self._wake_up)
        else:
            log.warning("%s does not end; it is left to itself", self._thread.name)

    def _run(self) -> None:
        try:
            reason = self._read_until_lost()
        except Exception as bug:  # noqa: BLE001 - not swallowed: it ends the scanner's task, and with it the agent
            self._hand_over_end(bug)
        else:
            self._hand_over_end(reason)

    def _read_until_lost(self) -> str:
        try:
            while not self._stopping:
                self._deliver(self._next())
        except OSError as error:
            self._deliver(self._source.lost(time.monotonic()))
            return error.strerror or "the device reports an error"
        finally:
            self._source.close()
        return "stopped"

    def _next(self) -> Iterable[Outcome]:
        """Wait for the device, for the decoder's time, or for the end."""
        poll = select.poll()
        poll.register(self._source, select.POLLIN)
        poll.register(self._wake_up, select.POLLIN)
        ready = dict(poll.poll(self._until_due_ms()))
        if self._wake_up in ready:
            return ()
        if not ready:
            return self._source.wake(time.monotonic())
        if not ready[self._source.fileno()] & select.POLLIN:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return self._source.read()

    def _until_due_ms(self) -> int | None:
        due = self._source.wake_at()
        return None if due is None else max(0, math.ceil((due - time.monotonic()) * 1000))

    def _deliver(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._room.acquire()
            self._on_loop(outcome)

    def _on_loop(self, outcome: Outcome) -> None:
        if not self._stopping:
            self._loop.call_soon_threadsafe(self._receive, outcome)

    def _receive(self, outcome: Outcome) -> None:
        self._room.release()
        if not self._stopping:
            self._report(outcome)

    def _hand_over_end(self, end: str | Exception) -> None:
        try:
            self._loop.call_soon_threadsafe(self._end, end)
        except RuntimeError:  # the loop was closed without waiting for us
            log.debug("%s ended after the event loop", self._thread.name)

    def _end(self, end: str | Exception) -> None:
        if self.ended.cancelled():
            return
        if isinstance(end, Exception):
            self.ended.set_exception(end)
        else:
            self.ended.set_result(end)
