"""A reader's own thread: what it hands over, how it ends, and what it does while the loop is busy."""

import asyncio
import os
import threading
from collections.abc import Iterable

import pytest

from device.interface import Report, Scan
from device.reader_thread import WAITING_REPORTS, read_in_thread
from device.scan_text import Outcome

WAIT_S = 60.0


def scan(text: str) -> Scan:
    return Scan(scanner="counter", text=text, at=0.0)


class PipeSource:
    """Each byte is a scan; `!` is a bug, and the end of the pipe is the end of the device."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.due: float | None = None
        self.threads: set[str] = set()
        self.closed = threading.Event()
        self.handed_over = threading.Event()  # something was read, and it is on its way to the loop
        self.full = threading.Event()  # more was read than the loop leaves room for
        self._reads = 0

    def fileno(self) -> int:
        return self.reading

    def read(self) -> Iterable[Outcome]:
        self.threads.add(threading.current_thread().name)
        data = os.read(self.reading, 1)
        self._reads += 1
        if self._reads > WAITING_REPORTS:
            self.full.set()
        if data == b"!":
            raise ZeroDivisionError("a bug")
        return [scan(data.decode())]

    def wake_at(self) -> float | None:
        if self._reads:
            self.handed_over.set()
        return self.due

    def wake(self, now: float) -> Iterable[Outcome]:
        assert self.due is not None
        assert now >= self.due
        self.due = None
        return [scan("woken")]

    def lost(self, now: float) -> Iterable[Outcome]:
        assert now > 0
        return [scan("lost")]

    def close(self) -> None:
        os.close(self.reading)
        self.closed.set()

    def send(self, data: bytes) -> None:
        os.write(self.writing, data)

    def unplug(self) -> None:
        os.close(self.writing)


@pytest.fixture
def source() -> PipeSource:
    return PipeSource()


def texts(reports: list[Report]) -> list[str]:
    return [report.text for report in reports if isinstance(report, Scan)]


async def test_what_is_read_is_reported_on_the_loop_until_the_device_is_gone(source: PipeSource) -> None:
    reports: list[Report] = []
    loop_threads: set[str] = set()

    def report(one: Report) -> None:
        loop_threads.add(threading.current_thread().name)
        reports.append(one)

    source.send(b"ab")
    source.unplug()
    reason = await asyncio.wait_for(read_in_thread(source, report, name="counter"), WAIT_S)
    assert (reason, texts(reports)) == ("No such device", ["a", "b", "lost"])
    assert (loop_threads, source.threads) == ({threading.current_thread().name}, {"reader counter"})
    assert source.closed.is_set()


async def test_cancelling_ends_the_thread_and_closes_the_device(source: PipeSource) -> None:
    reports: list[Report] = []
    reading = asyncio.create_task(read_in_thread(source, reports.append, name="counter"))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert source.closed.is_set()
    assert "reader counter" not in {thread.name for thread in threading.enumerate()}
    source.unplug()


async def test_after_cancelling_nothing_is_reported(source: PipeSource) -> None:
    reports: list[Report] = []
    reading = asyncio.create_task(read_in_thread(source, reports.append, name="counter"))
    await asyncio.sleep(0)
    reading.cancel()
    source.send(b"a")
    assert source.handed_over.wait(WAIT_S)  # the loop stands still meanwhile
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert reports == []
    source.unplug()


async def test_the_decoder_is_woken_when_nothing_came_until_its_time(source: PipeSource) -> None:
    reports: asyncio.Queue[Report] = asyncio.Queue()
    source.due = asyncio.get_running_loop().time() + 0.01
    reading = asyncio.create_task(read_in_thread(source, reports.put_nowait, name="counter"))
    assert await asyncio.wait_for(reports.get(), WAIT_S) == scan("woken")
    source.unplug()
    await asyncio.wait_for(reading, WAIT_S)


async def test_what_lies_ready_is_read_before_the_decoder_is_woken(source: PipeSource) -> None:
    """A thread that was late takes what has come for what it is, and not the time for silence."""
    reports: list[Report] = []
    source.due = asyncio.get_running_loop().time() - 1
    source.send(b"a")
    source.unplug()
    await asyncio.wait_for(read_in_thread(source, reports.append, name="counter"), WAIT_S)
    assert texts(reports)[0] == "a"


async def test_a_bug_ends_the_scanner_loudly(source: PipeSource) -> None:
    source.send(b"!")
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(read_in_thread(source, print, name="counter"), WAIT_S)
    assert source.closed.is_set()
    source.unplug()


async def test_a_loop_that_takes_nothing_stops_the_thread_and_not_the_memory(source: PipeSource) -> None:
    reports: list[Report] = []
    source.send(b"x" * (WAITING_REPORTS + 50))
    source.unplug()
    reason = await asyncio.wait_for(read_in_thread(source, reports.append, name="counter"), WAIT_S)
    assert (reason, len(reports)) == ("No such device", WAITING_REPORTS + 51)


async def test_a_thread_that_waits_for_room_ends_when_it_is_told(source: PipeSource) -> None:
    reading = asyncio.create_task(read_in_thread(source, print, name="counter"))
    source.send(b"x" * (WAITING_REPORTS + 50))
    await asyncio.sleep(0)
    assert source.full.wait(WAIT_S)  # the loop stands still meanwhile
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert source.closed.is_set()
    source.unplug()
