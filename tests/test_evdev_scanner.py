"""A keyboard-mode reader on a pipe, read with python-evdev's own reading."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from device.evdev_scanner import EvdevScanner, EvdevScannerSettings, open_key_device
from device.interface import DeviceState, Scan, Torn
from device.key_decoder import KeyReading
from device.keystrokes import key_events, strokes
from device.matching import Match
from device.reconnect import Unavailable
from device.simulated_scanner import SimulatedKeyScanner
from tests.fake_system import FakeSystem
from tests.moved_clock import MovedClock
from tests.scanner_reports import running

CARD = "9276004429942845"
IDLE_S = 60.0
"""The silence that begins or ends a scan: no machine is as slow. Where silence is waited for, it is SHORT_S."""
SHORT_S = 0.03
SETTINGS = EvdevScannerSettings(name="counter", match=Match(id_vendor="0c2e"), reading=KeyReading(idle_s=IDLE_S))
SOON_SILENT = replace(SETTINGS, reading=KeyReading(idle_s=SHORT_S))


def a_scanner(reader: SimulatedKeyScanner, settings: EvdevScannerSettings = SETTINGS) -> EvdevScanner:
    return EvdevScanner(settings, open_device=reader.open_device)


def typed(reader: SimulatedKeyScanner, text: str, after_s: float = IDLE_S) -> float:
    """Put a whole scan into the kernel's queue; the time of its suffix."""
    events = list(key_events(strokes(text, "us", "enter"), time.monotonic() + after_s, 0.001))
    reader.send(events)
    return events[-4].at


async def test_a_scan_is_delivered_with_the_kernels_time() -> None:
    async with SimulatedKeyScanner() as reader, running(a_scanner(reader)) as reports:
        assert await reports.state() == "present"
        at = typed(reader, CARD)
        scan = await reports.next(Scan)
    assert (scan.scanner, scan.text) == ("counter", CARD)
    assert abs(scan.at - at) < 0.000_002


async def test_the_reader_is_grabbed_before_it_is_present() -> None:
    async with SimulatedKeyScanner() as reader, running(a_scanner(reader)) as reports:
        assert await reports.state() == "present"
        assert reader.grabbed


async def test_a_reader_that_another_program_holds_is_a_fault_until_it_lets_go() -> None:
    async with SimulatedKeyScanner() as reader:
        reader.held_by_another = True
        async with running(a_scanner(reader)) as reports:
            held = await reports.next(DeviceState)
            reader.held_by_another = False
            assert await reports.state() == "present"
    assert (held.state, held.reason) == ("fault", "counter: another program holds this reader; stop that one")


async def test_a_loop_that_stalls_neither_loses_nor_tears_a_scan() -> None:
    """The loop is blocked until ten scans were typed; each key has its own time, as from the kernel."""
    async with SimulatedKeyScanner() as reader, running(a_scanner(reader)) as reports:
        assert await reports.state() == "present"
        start = time.monotonic() + IDLE_S

        def type_ten() -> None:
            for n in range(10):
                reader.send(key_events(strokes(f"{n}{CARD}", "us", "enter"), start + n, 0.01))

        typist = threading.Thread(target=type_ten)
        typist.start()
        typist.join()
        assert [await reports.text() for _ in range(10)] == [f"{n}{CARD}" for n in range(10)]


async def test_a_stalled_scan_is_reported_and_its_rest_thrown_away() -> None:
    events = list(key_events(strokes(CARD, "us", "enter"), 0.0, 0.001))
    async with SimulatedKeyScanner() as reader, running(a_scanner(reader, SOON_SILENT)) as reports:
        assert await reports.state() == "present"
        start = time.monotonic() + SHORT_S
        reader.send(event._replace(at=start + event.at) for event in events[:60])
        assert await reports.torn() is Torn.STALLED
        reader.send(event._replace(at=time.monotonic()) for event in events[60:])
        assert await reports.torn() is Torn.STALLED
        typed(reader, CARD)
        assert await reports.text() == CARD


async def test_an_overflow_of_the_kernels_queue_is_reported() -> None:
    async with SimulatedKeyScanner() as reader, running(a_scanner(reader, SOON_SILENT)) as reports:
        assert await reports.state() == "present"
        reader.overflow()
        typed(reader, "42845", after_s=0.0)
        assert await reports.torn() is Torn.DROPPED


async def test_the_light_of_caps_lock_is_looked_at_again_after_an_overflow() -> None:
    settings = replace(SETTINGS, reading=KeyReading(idle_s=SHORT_S, caps_lock="compensated"))
    async with SimulatedKeyScanner() as reader, running(a_scanner(reader, settings)) as reports:
        assert await reports.state() == "present"
        reader.caps_lock_is_on = True
        reader.overflow()
        typed(reader, "1", after_s=0.0)
        assert await reports.torn() is Torn.DROPPED
        typed(reader, "abc")
        assert await reports.text() == "ABC"


async def test_a_reader_that_is_not_there_is_missing_and_found_when_it_is_plugged_in() -> None:
    reader = SimulatedKeyScanner()
    async with running(a_scanner(reader)) as reports:
        assert await reports.state() == "missing"
        async with reader:
            assert await reports.state() == "present"
            typed(reader, CARD)
            assert await reports.text() == CARD
        assert await reports.state() == "lost"


async def test_a_reader_that_is_unplugged_in_the_middle_of_a_scan_tears_it() -> None:
    async with SimulatedKeyScanner() as reader, running(a_scanner(reader)) as reports:
        assert await reports.state() == "present"
        reader.send(key_events(strokes("9276", "us", "none"), time.monotonic() + 1, 0.001))
        reader.unplug()
        assert await reports.torn() is Torn.LOST
        lost = await reports.next(DeviceState)
        reader.plug_in()
        assert await reports.state() == "present"
    assert (lost.state, lost.reason) == ("lost", "No such device")


async def test_two_readers_at_once_keep_their_keys_apart() -> None:
    async with (
        SimulatedKeyScanner() as first,
        SimulatedKeyScanner() as second,
        running(a_scanner(first)) as of_first,
        running(a_scanner(second)) as of_second,
    ):
        assert [await of_first.state(), await of_second.state()] == ["present", "present"]
        start = time.monotonic() + IDLE_S
        ones = list(key_events(strokes("1" * 16, "us", "enter"), start, 0.001))
        twos = list(key_events(strokes("2" * 16, "us", "enter"), start, 0.001))
        for one, two in zip(ones, twos, strict=True):
            first.send([one])
            second.send([two])
        assert [await of_first.text(), await of_second.text()] == ["1" * 16, "2" * 16]


async def test_the_simulated_reader_types_in_its_layout_with_its_suffix(clock: MovedClock) -> None:
    settings = replace(SETTINGS, reading=KeyReading(layout="fr", suffix="tab", idle_s=IDLE_S))
    async with (
        SimulatedKeyScanner("fr", "tab", key_s=0.0005) as reader,
        running(a_scanner(reader, settings)) as reports,
    ):
        assert await reports.state() == "present"
        clock.advance(IDLE_S)
        await reader.scan(CARD)
        assert await reports.text() == CARD


async def test_the_simulated_reader_stops_in_the_middle_of_a_code(clock: MovedClock) -> None:
    async with SimulatedKeyScanner() as reader, running(a_scanner(reader, SOON_SILENT)) as reports:
        assert await reports.state() == "present"
        clock.advance(SHORT_S)
        await reader.scan_torn(CARD[:9])
        assert await reports.torn() is Torn.STALLED


async def test_on_a_box_without_input_devices_the_reader_is_missing() -> None:
    scanner = EvdevScanner(
        EvdevScannerSettings(name="counter", match=Match(serial="none such")), open_device=open_key_device
    )
    async with running(scanner) as reports:
        missing = await reports.next(DeviceState)
    assert missing.reason == 'no device matches { serial = "none such" }: plug it in, or see `tillwire devices`'


def why_not(system: FakeSystem, *, only_keyboard: bool = False) -> Unavailable:
    match = Match(id_vendor="046d")
    with pytest.raises(Unavailable) as why:
        open_key_device(EvdevScannerSettings(name="counter", match=match, only_keyboard=only_keyboard), system.system)
    return why.value


def test_the_only_keyboard_of_the_box_is_left_alone_as_a_fault_that_says_so(tmp_path: Path) -> None:
    box = FakeSystem(tmp_path)
    box.keyboard("1-1", "046d", "c31c", 97)
    why = why_not(box)
    assert (why.state, "only keyboard of this box" in why.reason) == ("fault", True)
    assert why_not(box, only_keyboard=True).state == "missing"  # it is opened, and this machine has no such node


def test_a_keyboard_beside_another_one_may_be_the_reader(tmp_path: Path) -> None:
    box = FakeSystem(tmp_path)
    box.keyboard("1-1", "046d", "c31c", 97)
    box.keyboard("1-2", "04d9", "1503", 98)
    assert why_not(box).state == "missing"
