"""A serial reader on a pseudo-terminal."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from device.interface import DeviceState, Torn
from device.line_decoder import LineReading
from device.serial_scanner import SerialScanner, SerialScannerSettings
from device.simulated_scanner import SimulatedSerialScanner
from device.tty import LineCounts, PortSettings, SerialTty, Tty, open_tty
from tests.moved_clock import MovedClock
from tests.scanner_reports import Reports, running

CARD = "9276004429942845"
IDLE_S = 60.0
"""The silence that begins or ends a scan: no machine is as slow. Where silence is waited for, it is SHORT_S."""
SHORT_S = 0.03


def a_scanner(
    path: str, opener: Callable[[PortSettings], Tty] = open_tty, *, suffix: str = "enter", idle_s: float = IDLE_S
) -> SerialScanner:
    reading = LineReading(suffix=suffix, idle_s=idle_s)  # type: ignore[arg-type]
    return SerialScanner(
        SerialScannerSettings(name="wall", port=PortSettings(path=path), reading=reading), opener=opener
    )


async def is_ready(reports: Reports, clock: MovedClock) -> None:
    """Open, and silent for so long that what comes next begins a scan."""
    assert await reports.state() == "present"
    clock.advance(IDLE_S)


async def test_a_scan_is_delivered(tmp_path: Path, clock: MovedClock) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader, running(a_scanner(reader.path)) as reports:
        await is_ready(reports, clock)
        await reader.scan(CARD)
        assert await reports.text() == CARD


async def test_a_scan_in_pieces_is_delivered_whole(tmp_path: Path, clock: MovedClock) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader, running(a_scanner(reader.path)) as reports:
        await is_ready(reports, clock)
        for character in f"\x02{CARD}\r\x03":
            reader.send(character.encode())
        assert await reports.text() == CARD


async def test_silence_ends_a_scan_of_a_reader_without_suffix(tmp_path: Path, clock: MovedClock) -> None:
    async with (
        SimulatedSerialScanner(tmp_path / "reader", suffix=b"") as reader,
        running(a_scanner(reader.path, suffix="none", idle_s=SHORT_S)) as reports,
    ):
        await is_ready(reports, clock)
        await reader.scan(CARD)
        assert await reports.text() == CARD


async def test_a_torn_scan_is_reported_and_its_rest_thrown_away(tmp_path: Path, clock: MovedClock) -> None:
    async with (
        SimulatedSerialScanner(tmp_path / "reader") as reader,
        running(a_scanner(reader.path, idle_s=SHORT_S)) as reports,
    ):
        await is_ready(reports, clock)
        await reader.scan_torn(CARD[:9])
        assert await reports.torn() is Torn.STALLED
        await reader.scan(CARD[9:])
        assert await reports.torn() is Torn.STALLED
        await reader.scan(CARD)
        assert await reports.text() == CARD


async def test_what_was_sent_before_the_port_was_opened_is_no_scan(tmp_path: Path, clock: MovedClock) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader:
        await reader.scan("4006381333931")
        async with running(a_scanner(reader.path)) as reports:
            await is_ready(reports, clock)
            await reader.scan(CARD)
            assert await reports.text() == CARD


async def test_a_reader_that_is_unplugged_is_lost_and_works_when_it_is_back(tmp_path: Path, clock: MovedClock) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader, running(a_scanner(reader.path)) as reports:
        await is_ready(reports, clock)
        reader.unplug()
        lost = await reports.next(DeviceState)
        assert (lost.name, lost.kind, lost.state) == ("wall", "scanner", "lost")
        reader.plug_in()
        await is_ready(reports, clock)
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


class CountingTty(SerialTty):
    """A pseudo-terminal counts no errors; this one counts those that the test makes."""

    errors = 0

    def counts(self) -> LineCounts:
        return LineCounts(cts=0, dsr=0, dcd=0, ri=0, frame=0, overrun=self.errors, parity=0, brk=0)


async def test_a_count_that_moved_tears_the_scan(tmp_path: Path, clock: MovedClock) -> None:
    opened: list[CountingTty] = []

    def opener(settings: PortSettings) -> Tty:
        opened.append(CountingTty.open(settings))
        return opened[-1]

    async with (
        SimulatedSerialScanner(tmp_path / "reader") as reader,
        running(a_scanner(reader.path, opener, idle_s=SHORT_S)) as reports,
    ):
        await is_ready(reports, clock)
        opened[0].errors = 1
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
