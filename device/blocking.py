"""Opening and closing devices without stopping the event loop.

A call that blocks runs in the executor with a time-out. Nobody can interrupt it there, so what it opens after we gave
up waiting is closed as soon as it comes.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Protocol, TypeVar, cast

log = logging.getLogger("tillwire.device")

OPEN_TIMEOUT_S = 5.0  # a USB adapter that does not answer takes this long in the kernel
CLOSE_TIMEOUT_S = 5.0  # output was discarded before; what still blocks is the driver


class Closable(Protocol):
    """Anything that is given back by `close`."""

    def close(self) -> None: ...


Opened = TypeVar("Opened", bound=Closable)
Answer = TypeVar("Answer")


class OpenTimeout(TimeoutError):
    """The device did not open in time. Until `opening` is done, another try would only hang beside it."""

    def __init__(self, opening: "asyncio.Future[object]") -> None:
        super().__init__("does not open")
        self.opening = opening


async def open_in_executor(opener: Callable[[], Opened], *, timeout_s: float = OPEN_TIMEOUT_S) -> Opened:
    """The open device. Raises what `opener` raises, and OpenTimeout; a device that opens late is closed."""
    opening = asyncio.get_running_loop().run_in_executor(None, opener)
    try:
        done, _ = await asyncio.wait([opening], timeout=timeout_s)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_late)
        raise
    if not done:
        opening.add_done_callback(_close_late)
        raise OpenTimeout(cast("asyncio.Future[object]", opening))
    return opening.result()


async def close_in_executor(
    device: Closable, *, executor: Executor | None = None, timeout_s: float = CLOSE_TIMEOUT_S
) -> None:
    """Close the device, in the executor that uses it, if any. When that takes too long it goes on without us."""
    closing = asyncio.get_running_loop().run_in_executor(executor, device.close)
    closing.add_done_callback(look_at)
    done, _ = await asyncio.wait([closing], timeout=timeout_s)  # wait_for of 3.11 loses a cancellation
    if not done:
        log.warning("closing a device takes longer than %s s; not waiting for it", timeout_s)
        return
    try:
        closing.result()
    except OSError as error:
        log.info("closing a device failed, as it does for one that is gone: %s", error)


def look_at(asked: "asyncio.Future[Answer]") -> None:
    """Whoever asked may have gone away; asyncio complains of an error that nobody looked at."""
    if not asked.cancelled():
        asked.exception()


def _close_late(opening: "asyncio.Future[Opened]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.get_loop().run_in_executor(None, opening.result().close)
