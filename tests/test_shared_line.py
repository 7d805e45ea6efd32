"""One port for questions, pulses and receipts: in turns, whole, and never later than wanted."""

import asyncio
import contextlib
import errno
import os
import pty
import threading
import tty
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from device import shared_line
from device.interface import PrintInterrupted
from device.port import Port
from device.reconnect import Unavailable
from device.shared_line import NotSent, SharedLine, opened_port
from device.tty import LineCounts, LinesNotSupported, ModemLines, PortSettings, open_tty
from tests.drawer_reports import until
from tests.moved_clock import LONG_S


class HeldUart:
    """A serial chip whose driver takes everything and sends it when the other side lets it. Bytes leave one by one."""

    def __init__(self, *, held: bool = False) -> None:
        self.held = held
        self.buffer = bytearray()
        self.left = bytearray()
        self.leave_at_most = 1_000_000
        self.takes = True
        self.gone = False
        self.driven: list[tuple[str, bool]] = []
        self.has_lines = True
        self._wakes, self._waked = os.pipe()  # an end that is never ready for reading

    def fileno(self) -> int:
        return self._wakes

    def read(self) -> bytes:
        raise BlockingIOError

    def write(self, data: bytes) -> int:
        self._check()
        if not self.takes:
            raise BlockingIOError
        self.buffer += data
        return len(data)

    def lines(self) -> ModemLines:
        raise LinesNotSupported

    def counts(self) -> LineCounts | None:
        return None

    def set_line(self, line: Literal["dtr", "rts"], *, high: bool) -> None:
        self._check()
        if not self.has_lines:
            raise LinesNotSupported("this port has no modem lines")
        self.driven.append((line, high))

    def unsent(self) -> int:
        self._check()
        while self.buffer and not self.held and len(self.left) < self.leave_at_most:
            self.left.append(self.buffer.pop(0))
        return len(self.buffer)

    def discard(self) -> None:
        self.buffer.clear()

    def close(self) -> None:
        os.close(self._wakes)
        os.close(self._waked)

    def _check(self) -> None:
        if self.gone:
            raise OSError(errno.EIO, "Input/output error")


def port_over(uart: HeldUart) -> contextlib.AbstractAsyncContextManager[Port]:
    settings = PortSettings(path="/dev/held", baudrate=115200)
    return opened_port(
        settings, on_data=lambda _data, _at: None, on_lost=lambda _reason: None, opener=lambda _settings: uart
    )


@contextlib.asynccontextmanager
async def line_over(
    uart: HeldUart, *, turn_timeout_s: float = LONG_S, receipt_stall_s: float = LONG_S
) -> AsyncIterator[SharedLine]:
    async with port_over(uart) as port:
        yield SharedLine(port, 115200, turn_timeout_s=turn_timeout_s, receipt_stall_s=receipt_stall_s)


def allow() -> None:
    """Nothing stands against it."""


async def test_a_command_leaves_and_the_time_of_its_handing_over_is_told() -> None:
    uart = HeldUart()
    async with line_over(uart) as line:
        before = asyncio.get_running_loop().time()
        at = await line.send(b"\x1bp\x00\x32\xfa")
        assert before <= at <= asyncio.get_running_loop().time()
    assert uart.left == b"\x1bp\x00\x32\xfa"


async def test_a_command_that_is_held_back_is_dropped_and_certainly_not_sent() -> None:
    uart = HeldUart(held=True)
    async with line_over(uart) as line:
        with pytest.raises(NotSent, match="flow control"):
            await line.send(b"\x07")
        uart.held = False
        await line.send(b"\x10\x04\x01")
    assert uart.left == b"\x10\x04\x01"


async def test_a_driver_that_takes_nothing_is_the_same() -> None:
    uart = HeldUart()
    uart.takes = False
    async with line_over(uart) as line:
        with pytest.raises(NotSent, match="flow control"):
            await line.send(b"\x07")
        uart.takes = True
        await line.send(b"\x06")
    assert uart.left == b"\x06"


async def test_a_command_that_left_in_part_may_act() -> None:
    """So it counts as sent; the rest is dropped."""
    uart = HeldUart()
    uart.leave_at_most = 2
    async with line_over(uart) as line:
        await line.send(b"\x1bp\x00\x32\xfa")
        assert uart.buffer == b""
    assert uart.left == b"\x1bp"


async def test_a_command_that_left_as_the_port_was_lost_may_act() -> None:
    uart = HeldUart(held=True)
    async with line_over(uart) as line:
        sending = asyncio.create_task(line.send(b"\x07"))
        await until(lambda: bool(uart.buffer))
        uart.gone = True
        assert await sending > 0


async def test_a_port_that_is_gone_sends_nothing() -> None:
    uart = HeldUart()
    async with line_over(uart) as line:
        uart.gone = True
        with pytest.raises(NotSent, match="Input/output error"):
            await line.send(b"\x07")


async def test_the_last_check_comes_right_before_the_bytes_and_may_refuse() -> None:
    uart = HeldUart()

    def refuse() -> None:
        assert uart.left == b""
        raise KeyError("refused")

    async with line_over(uart) as line:
        with pytest.raises(KeyError):
            await line.send(b"\x07", refuse)
        await line.send(b"\x06")  # a refusal gives the turn back
    assert uart.left == b"\x06"


async def test_commands_take_turns_and_stay_whole() -> None:
    uart = HeldUart()
    commands = [bytes([number]) * 4 for number in range(1, 20)]
    async with line_over(uart) as line:
        await asyncio.gather(*(line.send(command) for command in commands))
    assert uart.left == b"".join(commands)


async def test_a_cancelled_sender_gives_its_turn_back() -> None:
    uart = HeldUart(held=True)
    async with line_over(uart) as line:
        sending = asyncio.create_task(line.send(b"\x07"))
        await until(lambda: bool(uart.buffer))
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        uart.held = False
        await line.send(b"\x06")


async def test_a_line_is_driven_for_the_pulse_and_let_go() -> None:
    uart = HeldUart()
    async with line_over(uart) as line:
        await line.drive("rts", high=True, pulse_s=0.001, last_check=allow)
    assert uart.driven == [("rts", True), ("rts", False)]


async def test_a_cancelled_pulse_lets_the_line_go() -> None:
    """A solenoid that stays on burns."""
    uart = HeldUart()
    async with line_over(uart) as line:
        pulsing = asyncio.create_task(line.drive("dtr", high=False, pulse_s=60, last_check=allow))
        await until(lambda: bool(uart.driven))
        pulsing.cancel()
        await asyncio.gather(pulsing, return_exceptions=True)
    assert uart.driven == [("dtr", False), ("dtr", True)]


async def test_a_pulse_that_the_adapter_is_too_busy_for_is_refused_and_never_driven_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It would open the drawer for another customer."""
    monkeypatch.setattr(shared_line, "COMMAND_STALL_S", 0.02)
    uart, free = HeldUart(), threading.Event()
    async with port_over(uart) as port:
        line = SharedLine(port, 115200)
        looking = asyncio.create_task(port.ask(lambda _tty: free.wait()))
        await asyncio.sleep(0)
        pulsing = asyncio.create_task(line.drive("dtr", high=True, pulse_s=60, last_check=allow))
        await asyncio.to_thread(free.wait, 0.05)
        free.set()
        with pytest.raises(NotSent, match="busy for too long"):
            await pulsing
        await looking
    assert uart.driven == []


async def test_a_line_that_cannot_be_driven_sends_nothing() -> None:
    uart = HeldUart()
    uart.has_lines = False
    async with line_over(uart) as line:
        with pytest.raises(NotSent, match="no modem lines"):
            await line.drive("rts", high=True, pulse_s=60, last_check=allow)


async def test_a_receipt_leaves_whole() -> None:
    uart = HeldUart()
    async with line_over(uart) as line:
        await line.print_bytes(b"receipt" * 100, allow)
    assert uart.left == b"receipt" * 100


async def test_a_receipt_that_the_buffers_do_not_take_is_interrupted() -> None:
    uart = HeldUart()
    uart.takes = False
    async with line_over(uart, receipt_stall_s=0.1) as line:
        with pytest.raises(PrintInterrupted, match="only a part"):
            await line.print_bytes(b"x" * 100_000, allow)


async def test_a_receipt_that_stops_for_too_long_is_interrupted_and_its_rest_dropped() -> None:
    uart = HeldUart()
    uart.leave_at_most = 3
    async with line_over(uart, receipt_stall_s=0.1) as line:
        with pytest.raises(PrintInterrupted, match="only a part"):
            await line.print_bytes(b"receipt", allow)
    assert uart.left == b"rec"
    assert uart.buffer == b""


async def test_a_pulse_does_not_wait_for_a_receipt_that_does_not_end() -> None:
    uart = HeldUart(held=True)
    async with line_over(uart, turn_timeout_s=0.1) as line:
        printing = asyncio.create_task(line.print_bytes(b"receipt", allow))
        await until(lambda: bool(uart.buffer))
        with pytest.raises(NotSent, match="busy with a receipt"):
            await line.send(b"\x07")
        uart.held = False
        await printing
    assert uart.left == b"receipt"


async def test_a_receipt_on_a_port_that_is_lost_is_interrupted() -> None:
    uart = HeldUart(held=True)
    async with line_over(uart) as line:
        printing = asyncio.create_task(line.print_bytes(b"receipt", allow))
        await until(lambda: bool(uart.buffer))
        uart.gone = True
        with pytest.raises(PrintInterrupted, match="lost while it printed"):
            await printing


async def test_a_port_that_is_not_there_says_what_to_do() -> None:
    settings = PortSettings(path="/dev/tillwire/nothing")
    with pytest.raises(Unavailable, match="plug the device in"):
        async with opened_port(
            settings, on_data=lambda _data, _at: None, on_lost=lambda _reason: None, opener=open_tty
        ):
            pass


def test_a_pseudo_terminal_holds_nothing_unsent() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    opened = open_tty(PortSettings(path=os.ttyname(slave)))
    opened.write(b"\x07")
    assert opened.unsent() == 0
    assert os.read(master, 10) == b"\x07"
    opened.close()
    os.close(slave)
    os.close(master)
