"""A reader in HID POS mode on a pipe that keeps reports apart, as hidraw does."""

import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest

from device.hidpos_decoder import HidPosDecoder
from device.hidpos_scanner import (
    NEED_FEATURE_REPORT,
    QUEUE_REPORTS,
    HidPosScanner,
    HidPosScannerSettings,
    ReportSource,
    open_hidraw,
)
from device.interface import DeviceState, Scan, Torn, TornScan
from device.matching import Match, PluggedDevice
from device.simulated_scanner import SimulatedHidPosScanner, scan_reports
from tests.moved_clock import MovedClock
from tests.scanner_reports import Reports, running

CARD = "9276004429942845"
IDLE_S = 60.0
"""The silence that begins or ends a scan: no machine is as slow. Where silence is waited for, it is SHORT_S."""
SHORT_S = 0.03
SETTINGS = HidPosScannerSettings(name="counter", match=Match(id_vendor="1eab"), idle_s=IDLE_S)


def a_scanner(reader: SimulatedHidPosScanner, idle_s: float = IDLE_S) -> HidPosScanner:
    return HidPosScanner(replace(SETTINGS, idle_s=idle_s), open_device=reader.open_device)


async def is_ready(reports: Reports, clock: MovedClock) -> None:
    """Open, and silent for so long that what comes next begins a scan."""
    assert await reports.state() == "present"
    clock.advance(IDLE_S)


async def test_scans_of_one_report_and_of_more_are_delivered(clock: MovedClock) -> None:
    async with SimulatedHidPosScanner() as reader, running(a_scanner(reader)) as reports:
        await is_ready(reports, clock)
        await reader.scan(CARD)
        await reader.scan(CARD * 10, "]Q1")
        one, other = await reports.next(Scan), await reports.next(Scan)
    assert [(scan.text, scan.symbology) for scan in (one, other)] == [(CARD, "]C0"), (CARD * 10, "]Q1")]


async def test_a_scan_that_breaks_off_is_torn(clock: MovedClock) -> None:
    async with SimulatedHidPosScanner() as reader, running(a_scanner(reader, SHORT_S)) as reports:
        await is_ready(reports, clock)
        await reader.scan_torn(CARD)
        assert await reports.torn() is Torn.STALLED


class Queue:
    """Reports that lie ready."""

    def __init__(self, reports: list[bytes]) -> None:
        self.reports = reports

    def fileno(self) -> int:
        raise NotImplementedError

    def read(self) -> bytes:
        if not self.reports:
            raise BlockingIOError
        return self.reports.pop(0)

    def close(self) -> None:
        """Nothing to close."""


def test_a_full_queue_may_have_lost_reports_so_what_follows_it_is_torn() -> None:
    decoder = HidPosDecoder("counter", idle_s=IDLE_S)
    source = ReportSource(Queue(scan_reports(CARD, "]C0") * (QUEUE_REPORTS + 1)), decoder)
    decoder.opened(0.0)
    assert len(source.read()) == QUEUE_REPORTS
    assert list(source.read()) == []
    due = source.wake_at()
    assert due is not None
    assert [outcome.reason for outcome in source.wake(due) if isinstance(outcome, TornScan)] == [Torn.DROPPED]


async def test_a_reader_that_is_unplugged_is_lost_and_works_when_it_is_back(clock: MovedClock) -> None:
    async with SimulatedHidPosScanner() as reader, running(a_scanner(reader)) as reports:
        await is_ready(reports, clock)
        reader.unplug()
        lost = await reports.next(DeviceState)
        assert (lost.state, lost.reason) == ("lost", "No such device")
        reader.plug_in()
        await is_ready(reports, clock)
        await reader.scan(CARD)
        assert await reports.text() == CARD


async def test_reports_that_came_before_the_reader_went_are_delivered(clock: MovedClock) -> None:
    async with SimulatedHidPosScanner() as reader, running(a_scanner(reader)) as reports:
        await is_ready(reports, clock)
        await reader.scan(CARD)
        reader.unplug()
        assert await reports.text() == CARD
        assert await reports.state() == "lost"


def a_node(directory: Path, id_vendor: str) -> PluggedDevice:
    """A pipe with a name, for a device node."""
    node = directory / "hidraw0"
    os.mkfifo(node)
    return PluggedDevice(node=str(node), subsystem="hidraw", id_vendor=id_vendor)


def test_read_access_is_enough_for_most_readers(tmp_path: Path) -> None:
    device = open_hidraw(a_node(tmp_path, "1eab"))
    assert fcntl.fcntl(device.fileno(), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    device.close()


@pytest.mark.parametrize("id_vendor", sorted(NEED_FEATURE_REPORT))
def test_a_honeywell_is_sent_its_feature_report_and_is_no_reader_without(tmp_path: Path, id_vendor: str) -> None:
    """A pipe takes no feature report, as a reader that refuses it."""
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        open_hidraw(a_node(tmp_path, id_vendor))


async def test_on_a_box_without_readers_it_is_missing() -> None:
    async with running(HidPosScanner(SETTINGS)) as reports:
        assert await reports.state() == "missing"
