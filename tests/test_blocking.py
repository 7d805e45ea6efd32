"""Opening and closing without stopping the loop."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from itertools import count

import pytest

from device.blocking import OpenTimeout, close_in_executor, open_in_executor


class Thing:
    """Opened when it is allowed to be; remembers that it was closed."""

    def __init__(self) -> None:
        self.allowed = threading.Event()
        self.closed = threading.Event()

    def open(self) -> "Thing":
        self.allowed.wait(60)
        return self

    def close(self) -> None:
        self.closed.set()


async def _is_closed(thing: Thing) -> bool:
    return await asyncio.to_thread(thing.closed.wait, 10)


async def test_the_open_thing_is_returned() -> None:
    thing = Thing()
    thing.allowed.set()
    assert await open_in_executor(thing.open) is thing
    assert not thing.closed.is_set()


async def test_what_the_opener_raises_comes_through() -> None:
    def denied() -> Thing:
        raise PermissionError(13, "denied")

    with pytest.raises(PermissionError):
        await open_in_executor(denied)


async def test_a_time_out_of_the_kernel_is_no_time_out_of_ours() -> None:
    def late() -> Thing:
        raise TimeoutError(110, "the device says so")

    with pytest.raises(TimeoutError) as raised:
        await open_in_executor(late)
    assert not isinstance(raised.value, OpenTimeout)


async def test_what_opens_after_the_time_out_is_closed() -> None:
    thing = Thing()
    with pytest.raises(OpenTimeout) as raised:
        await open_in_executor(thing.open, timeout_s=0.001)
    assert not raised.value.opening.done()
    thing.allowed.set()
    assert await _is_closed(thing)


async def test_what_opens_after_the_task_was_cancelled_is_closed() -> None:
    thing = Thing()
    opening = asyncio.create_task(open_in_executor(thing.open))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    thing.allowed.set()
    assert await _is_closed(thing)


async def test_what_fails_after_the_time_out_is_nobodys_business() -> None:
    fail = threading.Event()

    def failing() -> Thing:
        fail.wait(60)
        raise OSError(5, "gone")

    with pytest.raises(OpenTimeout) as raised:
        await open_in_executor(failing, timeout_s=0.001)
    fail.set()
    await asyncio.wait([raised.value.opening], timeout=60)


async def test_closing_closes() -> None:
    thing = Thing()
    await close_in_executor(thing)
    assert thing.closed.is_set()


async def test_a_device_that_cannot_be_closed_is_left_alone() -> None:
    class Gone:
        def close(self) -> None:
            raise OSError(5, "gone")

    await close_in_executor(Gone())


async def test_closing_is_not_waited_for_for_ever() -> None:
    release = threading.Event()

    class Slow:
        def close(self) -> None:
            release.wait(60)

    await close_in_executor(Slow(), timeout_s=0.001)
    release.set()


class ByHand(Executor):
    """Does nothing by itself: its one job ends when the test says so."""

    def __init__(self) -> None:
        self.job: Future[object] = Future()

    def submit(self, _work: Callable[..., object], /, *_: object, **__: object) -> "Future[object]":  # type: ignore[override]
        return self.job


async def test_whoever_is_cancelled_while_closing_ends_is_cancelled() -> None:
    """At each turn of the loop between the end of the closing and the end of whoever waits for it."""
    for turns in count():
        by_hand = ByHand()
        closing = asyncio.create_task(close_in_executor(Thing(), executor=by_hand))
        await asyncio.sleep(0)
        by_hand.job.set_result(None)
        for _ in range(turns):
            await asyncio.sleep(0)
        if not closing.cancel():
            break
        with pytest.raises(asyncio.CancelledError):
            await closing
    assert turns > 1
