"""A serial reader on a pseudo-terminal."""

import asyncio
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import serial

from device.interface import DeviceState, Torn
from device.line_decoder import LineReading
from device.serial_scanner import SerialScanner, SerialScannerSettings
from device.simulated_scanner import SimulatedSerialScanner
from device.tty import LineCounts, PortSettings, SerialTty, Tty, open_tty
from tests.moved_clock import MovedClock
from tests.scanner_reports import Reports, running

CARD = "9276004429942845"
IDLE_S = 0.03  # no machine is too slow for it: what lies on the line is never taken for silence
WAIT_S = 60.0  # ends a hang


class Line(SerialTty):
    """A pseudo-terminal. It counts no errors; this one counts those that the test makes."""

    errors = 0

    def __init__(self, port: serial.Serial) -> None:
        super().__init__(port)
        self._asked = 0
        self.was_silent = threading.Event()

    def counts(self) -> LineCounts:
        """Asked when the port is opened, and then before each silence and each read is believed."""
        self._asked += 1
        if self._asked > 1:
            self.was_silent.set()
        return LineCounts(cts=0, dsr=0, dcd=0, ri=0, frame=0, overrun=self.errors, parity=0, brk=0)


class Cable:
    """Opens the port, as often as it is plugged in, and knows when its reader has begun to listen."""

    def __init__(self, kind: type[Line] = Line) -> None:
        self._kind = kind
        self.line: Line

    def open(self, settings: PortSettings) -> Tty:
        self.line = self._kind.open(settings)
        return self.line

    async def is_ready(self, reports: Reports) -> None:
        """Open, and silent for so long that what comes next begins a scan."""
        assert await reports.state() == "present"
        assert await asyncio.to_thread(self.line.was_silent.wait, WAIT_S)


def a_scanner(path: str, opener: Callable[[PortSettings], Tty] = open_tty, *, suffix: str = "enter") -> SerialScanner:
    reading = LineReading(suffix=suffix, idle_s=IDLE_S)  # type: ignore[arg-type]
    return SerialScanner(
        SerialScannerSettings(name="wall", port=PortSettings(path=path), reading=reading), opener=opener
    )


async def test_a_scan_is_delivered(tmp_path: Path) -> None:
    cable = Cable()
    async with (
        SimulatedSerialScanner(tmp_path / "reader") as reader,
        running(a_scanner(reader.path, cable.open)) as reports,
    ):
        await cable.is_ready(reports)
        await reader.scan(CARD)
        assert await reports.text() == CARD


@pytest.mark.parametrize(("suffix", "sent"), [("enter", f"\x02{CARD}\r\x03"), ("none", CARD)])
async def test_a_scan_is_whole_though_our_own_process_stands_still_after_each_of_its_bytes(
    suffix: str, sent: str, tmp_path: Path, clock: MovedClock
) -> None:
    class StandingStill(Line):
        def read(self) -> bytes:
            byte = os.read(self.fileno(), 1)
            clock.advance(10 * IDLE_S)
            return byte

    cable = Cable(StandingStill)
    async with (
        SimulatedSerialScanner(tmp_path / "reader") as reader,
        running(a_scanner(reader.path, cable.open, suffix=suffix)) as reports,
    ):
        await cable.is_ready(reports)
        reader.send(sent.encode())
        assert await reports.text() == CARD


async def test_silence_ends_a_scan_of_a_reader_without_suffix(tmp_path: Path) -> None:
    cable = Cable()
    async with (
        SimulatedSerialScanner(tmp_path / "reader", suffix=b"") as reader,
        running(a_scanner(reader.path, cable.open, suffix="none")) as reports,
    ):
        await cable.is_ready(reports)
        await reader.scan(CARD)
        assert await reports.text() == CARD


async def test_a_torn_scan_is_reported_and_its_rest_thrown_away(tmp_path: Path) -> None:
    cable = Cable()
    async with (
        SimulatedSerialScanner(tmp_path / "reader") as reader,
        running(a_scanner(reader.path, cable.open)) as reports,
    ):
        await cable.is_ready(reports)
        await reader.scan_torn(CARD[:9])
        assert await reports.torn() is Torn.STALLED
        await reader.scan(CARD[9:])
        assert await reports.torn() is Torn.STALLED
        await reader.scan(CARD)
        assert await reports.text() == CARD


async def test_what_was_sent_before_the_port_was_opened_is_no_scan(tmp_path: Path) -> None:
    cable = Cable()
    async with SimulatedSerialScanner(tmp_path / "reader") as reader:
        await reader.scan("4006381333931")
        async with running(a_scanner(reader.path, cable.open)) as reports:
            await cable.is_ready(reports)
            await reader.scan(CARD)
            assert await reports.text() == CARD


async def test_a_reader_that_is_unplugged_is_lost_and_works_when_it_is_back(tmp_path: Path) -> None:
    cable = Cable()
    async with (
        SimulatedSerialScanner(tmp_path / "reader") as reader,
        running(a_scanner(reader.path, cable.open)) as reports,
    ):
        await cable.is_ready(reports)
        reader.unplug()
        lost = await reports.next(DeviceState)
        assert (lost.name, lost.kind, lost.state) == ("wall", "scanner", "lost")
        reader.plug_in()
        await cable.is_ready(reports)
        await reader.scan(CARD)
        assert await reports.text() == CARD


async def test_a_port_that_is_not_there_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "none"
    async with running(a_scanner(str(path))) as reports:
        missing = await reports.next(DeviceState)
    assert (missing.state, missing.reason) == (
        "missing",
        f"{path} is not there: plug the device in, or correct the path",
    )


async def test_a_port_that_another_program_holds_is_a_fault(tmp_path: Path) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader:
        other = open_tty(PortSettings(path=reader.path))
        async with running(a_scanner(reader.path)) as reports:
            held = await reports.next(DeviceState)
            other.close()
            assert await reports.state() == "present"
    assert (held.state, held.reason) == ("fault", f"{reader.path} is held by another program; stop that one")


async def test_a_file_that_is_no_port_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    async with running(a_scanner(str(path))) as reports:
        assert await reports.state() == "fault"


async def test_a_count_that_moved_tears_the_scan(tmp_path: Path) -> None:
    cable = Cable()
    async with (
        SimulatedSerialScanner(tmp_path / "reader") as reader,
        running(a_scanner(reader.path, cable.open)) as reports,
    ):
        await cable.is_ready(reports)
        cable.line.errors = 1
        await reader.scan(CARD)
        assert await reports.torn() is Torn.LINE_ERROR
        await reader.scan(CARD)
        assert await reports.text() == CARD


class GoneTty(SerialTty):
    """A port that went while it was being opened."""

    def counts(self) -> LineCounts:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


async def test_a_port_that_goes_while_it_is_opened_is_closed_again(tmp_path: Path) -> None:
    async with (
        SimulatedSerialScanner(tmp_path / "reader") as reader,
        running(a_scanner(reader.path, GoneTty.open)) as reports,
    ):
        assert await reports.state() == "fault"


@pytest.mark.parametrize("baudrate", [9600, 115_200])
async def test_any_speed_is_taken(tmp_path: Path, baudrate: int) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader:
        settings = SerialScannerSettings(name="wall", port=PortSettings(path=reader.path, baudrate=baudrate))
        async with running(SerialScanner(settings)) as reports:
            assert await reports.state() == "present"
