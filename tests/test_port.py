"""A port on the event loop, on pseudo-terminals."""

import asyncio
import os
import pty
import threading
import time
import tty
from collections.abc import AsyncIterator

import pytest

import device.port
from device.blocking import OpenTimeout
from device.port import WRITE_BUFFER_BYTES, LinesNotSupported, Port, PortFull, PortLost, PortSettings, open_port
from device.tty import Tty, open_tty

WAIT_S = 60.0


class Line:
    """The other end of a port, and what the port told."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.data: asyncio.Queue[tuple[bytes, float]] = asyncio.Queue()
        self.lost: asyncio.Queue[str] = asyncio.Queue()

    async def open(self) -> Port:
        return await open_port(
            PortSettings(path=self.path),
            on_data=lambda data, at: self.data.put_nowait((data, at)),
            on_lost=self.lost.put_nowait,
        )

    async def received(self) -> bytes:
        """What has come by now, once something has. Only waited for on the loop, which sends the rest meanwhile."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        loop.add_reader(self.master, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self.master)
        return os.read(self.master, 65_536)

    def hang_up(self) -> None:
        for end in (self.master, self.slave):
            if end >= 0:
                os.close(end)
        self.master = self.slave = -1


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    line = Line()
    yield line
    line.hang_up()


async def test_what_comes_is_handed_on_with_its_time(line: Line) -> None:
    port = await line.open()
    before = asyncio.get_running_loop().time()
    os.write(line.master, b"9276")
    data, at = await asyncio.wait_for(line.data.get(), WAIT_S)
    assert (data, at >= before) == (b"9276", True)
    await port.close()


async def test_what_is_written_arrives_and_its_time_is_returned(line: Line) -> None:
    port = await line.open()
    before = asyncio.get_running_loop().time()
    assert before <= await port.write(b"\x1bp\x00") <= asyncio.get_running_loop().time()
    assert os.read(line.master, 100) == b"\x1bp\x00"
    await port.close()


async def test_a_write_that_fits_goes_out_before_the_first_await(line: Line) -> None:
    port = await line.open()
    writing = port.write(b"now")
    with pytest.raises(StopIteration):
        writing.send(None)
    assert os.read(line.master, 100) == b"now"
    await port.close()


async def test_writes_wait_for_a_device_that_takes_nothing_and_keep_their_order(line: Line) -> None:
    port = await line.open()
    writes = [asyncio.create_task(port.write(bytes([65 + n]) * 8000)) for n in range(3)]
    received = b""
    while len(received) < 24_000:
        received += await line.received()
    assert received == b"A" * 8000 + b"B" * 8000 + b"C" * 8000
    assert sorted([await write for write in writes]) == [await write for write in writes]
    await port.close()


async def test_a_write_that_is_cancelled_is_not_carried_out_later(line: Line) -> None:
    port = await line.open()
    first = asyncio.create_task(port.write(b"A" * 30_000))
    late = asyncio.create_task(port.write(b"PULSE"))
    await asyncio.sleep(0)
    late.cancel()
    end = asyncio.create_task(port.write(b"end"))
    received = b""
    while not received.endswith(b"end"):
        received += await line.received()
    assert await first <= await end
    assert received == b"A" * 30_000 + b"end"
    await port.close()


async def test_more_than_the_buffer_holds_is_refused_whole(line: Line) -> None:
    port = await line.open()
    with pytest.raises(PortFull):
        await port.write(b"x" * (WRITE_BUFFER_BYTES + 1))
    os.set_blocking(line.master, False)
    with pytest.raises(BlockingIOError):
        os.read(line.master, 1)
    await port.close()


async def test_a_line_that_is_hung_up_is_lost_once(line: Line) -> None:
    port = await line.open()
    line.hang_up()
    assert await asyncio.wait_for(line.lost.get(), WAIT_S)
    with pytest.raises(PortLost):
        port.discard()
    with pytest.raises(PortLost):
        await port.ask(lambda tty: tty.counts())
    with pytest.raises(PortLost):
        await port.write(b"x")
    await port.close()
    assert line.lost.empty()


async def test_a_write_that_finds_the_device_gone_says_so_and_the_loss_is_told(line: Line) -> None:
    port = await line.open()
    line.hang_up()
    with pytest.raises(PortLost):
        await port.write(b"x")
    assert await asyncio.wait_for(line.lost.get(), WAIT_S)
    await port.close()


async def test_a_loss_that_is_found_just_before_closing_is_not_told_any_more(line: Line) -> None:
    port = await line.open()
    line.hang_up()
    with pytest.raises(PortLost):
        port.discard()
    await port.close()
    assert line.lost.empty()


async def test_a_write_that_waits_when_the_port_is_lost_fails(line: Line) -> None:
    port = await line.open()
    write = asyncio.create_task(port.write(b"A" * 30_000))
    await asyncio.sleep(0)
    line.hang_up()
    with pytest.raises(PortLost):
        await write
    await port.close()


async def test_after_closing_nothing_is_told_and_nothing_goes_out(line: Line) -> None:
    port = await line.open()
    write = asyncio.create_task(port.write(b"A" * 30_000))
    await asyncio.sleep(0)
    await port.close()
    await port.close()
    line.hang_up()
    with pytest.raises(PortLost, match="closed"):
        await write
    with pytest.raises(PortLost, match="closed"):
        await port.write(b"x")
    assert (line.lost.empty(), line.data.empty()) == (True, True)


async def test_a_pseudo_terminal_has_no_lines(line: Line) -> None:
    port = await line.open()
    with pytest.raises(LinesNotSupported):
        await port.ask(lambda tty: tty.lines())
    with pytest.raises(LinesNotSupported):
        await port.ask(lambda tty: tty.set_line("dtr", high=False))
    assert await port.ask(lambda tty: tty.counts()) is None
    await port.close()


async def test_an_adapter_that_does_not_answer_is_lost_and_stops_nobody(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device.port, "ASK_TIMEOUT_S", 0.05)
    port, answers, asked = await line.open(), threading.Event(), threading.Event()

    def stuck(_tty: Tty) -> None:
        asked.set()
        answers.wait()

    asking = asyncio.create_task(port.ask(stuck))
    await asyncio.to_thread(asked.wait)
    os.write(line.master, b"on")
    assert (await line.data.get())[0] == b"on", "the loop goes on reading"
    with pytest.raises(PortLost, match="does not answer: unplug it"):
        await asking
    assert "does not answer" in await line.lost.get()
    closing = asyncio.create_task(port.close())
    with pytest.raises(PortLost):
        await port.ask(lambda tty: tty.unsent())
    answers.set()
    await closing


async def test_the_port_is_closed_after_the_last_question_not_beside_it(line: Line) -> None:
    """A number of a closed descriptor may be another device's by then."""
    port, answers, asked = await line.open(), threading.Event(), threading.Event()
    unsent: list[int] = []

    def slow(tty: Tty) -> None:
        asked.set()
        answers.wait()
        unsent.append(tty.unsent())

    asking = asyncio.create_task(port.ask(slow))
    await asyncio.to_thread(asked.wait)
    closing = asyncio.create_task(port.close())
    await asyncio.sleep(0)
    assert not closing.done()
    answers.set()
    await closing
    assert unsent == [0], "it was asked of an open port"
    with pytest.raises(PortLost, match="closed"):
        await asking


async def test_a_port_that_opens_too_slowly_is_given_up_and_closed_when_it_comes(line: Line) -> None:
    opened: list[Tty] = []

    def slow(settings: PortSettings) -> Tty:
        time.sleep(0.05)
        opened.append(open_tty(settings))
        return opened[0]

    with pytest.raises(OpenTimeout) as late:
        await open_port(
            PortSettings(path=line.path), on_data=lambda *_: None, on_lost=lambda _: None, opener=slow, timeout_s=0.001
        )
    await asyncio.wait([late.value.opening], timeout=WAIT_S)
    port = await _opened_when_free(line)
    await port.close()
    assert len(opened) == 1


async def _opened_when_free(line: Line) -> Port:
    """The late one is closed by the executor, a moment later."""
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                return await line.open()
            except OSError:
                await asyncio.sleep(0)
