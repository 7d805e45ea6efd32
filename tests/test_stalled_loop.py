"""An event loop that stands still for a second neither loses nor tears a scan, whatever the reader.

The loop is blocked while another thread scans, far more than the kernel holds for a reader: who reads on the loop finds
a full queue, and what came together only late.
"""

import fcntl
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from pathlib import Path

import pytest

from device.evdev_scanner import EvdevScanner, EvdevScannerSettings, KeyDevice
from device.hidpos_scanner import QUEUE_REPORTS, HidPosScanner, HidPosScannerSettings, ReportDevice
from device.interface import Scanner
from device.key_decoder import KeyReading
from device.keystrokes import Stroke, key_events, strokes
from device.line_decoder import LineReading
from device.matching import Match
from device.serial_scanner import SerialScanner, SerialScannerSettings
from device.simulated_scanner import (
    SimulatedHidPosScanner,
    SimulatedKeyScanner,
    SimulatedSerialScanner,
    scan_reports,
)
from device.tty import LineCounts, PortSettings, SerialTty, Tty
from tests.moved_clock import MovedClock
from tests.scanner_reports import running

CARD = "9276004429942845"
STALL_S = 60.0
IDLE_S = 30.0  # less than the loop stands still, more than a busy machine lets a thread wait
PATIENCE_S = 30.0
SCANS = 8
PAGE_BYTES = 4096  # the smallest pipe: 170 events, where the kernel holds 64; eight scans are 800

SETTINGS = EvdevScannerSettings(name="counter", match=Match(), reading=KeyReading(idle_s=IDLE_S))
Step = Callable[[], None]


def numbers() -> list[str]:
    return [f"{CARD[:-1]}{n}" for n in range(SCANS)]


def keystrokes(reader: SimulatedKeyScanner) -> Iterator[Step]:
    device = reader.open_device(SETTINGS)
    fcntl.fcntl(device.fileno(), fcntl.F_SETPIPE_SZ, PAGE_BYTES)
    device.close()

    def press(stroke: Stroke) -> None:
        reader.send(key_events([stroke], time.monotonic(), 0.001))

    return (partial(press, stroke) for text in numbers() for stroke in strokes(text, "us", "enter"))


def reports(reader: SimulatedHidPosScanner) -> Iterator[Step]:
    """Many reports a scan: together several times what hidraw holds."""
    texts = (text.ljust(56 * (QUEUE_REPORTS // 2), "X") for text in numbers())
    return (partial(reader.send, report) for text in texts for report in scan_reports(text, "]C0"))


def received(reader: SimulatedSerialScanner) -> Iterator[Step]:
    return (partial(reader.send, character.encode()) for text in numbers() for character in f"{text}\r")


def scan_in_a_minute(steps: list[Step], lies_ready: Callable[[], bool], clock: MovedClock) -> None:
    """Take as long as the loop stands still for all of them, and longer than the idle time for none."""
    for step in steps:
        clock.advance(STALL_S / len(steps))
        step()
        patience_s = time.perf_counter() + PATIENCE_S
        while lies_ready():
            assert time.perf_counter() < patience_s, "nobody reads while the loop stands still"
            time.sleep(0)


def queue_of(device: KeyDevice | ReportDevice) -> Callable[[], bool]:
    """Return whether anything lies in the kernel's queue."""
    nothing = bytes(4)
    return lambda: fcntl.ioctl(device.fileno(), termios.FIONREAD, nothing) != nothing


async def stalled_while_it_scans(
    scanner: Scanner, steps: Iterator[Step], lies_ready: Callable[[], bool], clock: MovedClock
) -> list[str]:
    async with running(scanner) as heard:
        assert await heard.state() == "present"
        clock.advance(IDLE_S)  # what comes sooner after opening is the rest of something
        typist = threading.Thread(target=scan_in_a_minute, args=(list(steps), lies_ready, clock))
        typist.start()
        typist.join()  # the loop stands still
        return [(await heard.text())[: len(CARD)] for _ in range(SCANS)]


async def test_keyboard_mode(clock: MovedClock) -> None:
    async with SimulatedKeyScanner() as reader:
        scanner = EvdevScanner(SETTINGS, open_device=reader.open_device)
        with closing(reader.open_device(SETTINGS)) as queue:
            assert await stalled_while_it_scans(scanner, keystrokes(reader), queue_of(queue), clock) == numbers()


async def test_hid_pos(clock: MovedClock) -> None:
    async with SimulatedHidPosScanner() as reader:
        settings = HidPosScannerSettings(name="counter", match=Match(), idle_s=IDLE_S)
        scanner = HidPosScanner(settings, open_device=reader.open_device)
        with closing(reader.open_device(settings)) as queue:
            assert await stalled_while_it_scans(scanner, reports(reader), queue_of(queue), clock) == numbers()


@dataclass
class Line:
    """How many bytes were sent over it, and how many of them were read; and whether it was seen silent before."""

    clock: MovedClock
    sent: int = 0
    read: int = 0
    was_looked_at: bool = False
    was_silent: threading.Event = field(default_factory=threading.Event)

    def wait_for_silence(self) -> None:
        assert self.was_silent.wait(PATIENCE_S)

    def after(self, step: Step) -> None:
        self.sent += 1
        step()

    def open(self, settings: PortSettings) -> Tty:
        line = self

        class CountedTty(SerialTty):
            def fileno(self) -> int:
                """The first look comes after the idle time."""
                if not line.was_looked_at:
                    line.was_looked_at = True
                    line.clock.advance(IDLE_S)
                return super().fileno()

            def counts(self) -> LineCounts | None:
                """Asked when it is opened, and then when the line is silent."""
                if line.was_looked_at:
                    line.was_silent.set()
                return super().counts()

            def read(self) -> bytes:
                data = super().read()
                line.read += len(data)
                return data

        return CountedTty.open(settings)


async def test_serial(tmp_path: Path, clock: MovedClock) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader:
        reading = LineReading(idle_s=IDLE_S)
        settings = SerialScannerSettings(name="wall", port=PortSettings(path=reader.path), reading=reading)
        line = Line(clock)
        scanner = SerialScanner(settings, opener=line.open)
        steps: Iterator[Step] = chain([line.wait_for_silence], (partial(line.after, step) for step in received(reader)))
        assert await stalled_while_it_scans(scanner, steps, lambda: line.sent > line.read, clock) == numbers()


async def test_a_reader_of_the_loop_itself_would_lose_keys() -> None:
    """The measure is right: nobody reads the same pipe, and it overflows."""
    async with SimulatedKeyScanner() as reader:
        steps = keystrokes(reader)
        with pytest.raises(BlockingIOError):
            all_at_once(steps)


def all_at_once(steps: Iterator[Step]) -> None:
    for step in steps:
        step()
