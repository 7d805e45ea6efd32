"""Readers without hardware, with faults on demand: on a pseudo-terminal, and as kernel events or reports in a pipe.

What the scanners of this house read from them goes through the same code as from a real reader, from the descriptor
on. Each is an async context manager: plugged in inside.
"""

import asyncio
import errno
import fcntl
import os
import pty
import struct
import time
import tty
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from evdev.eventio import EventIO

from device.evdev_scanner import EvdevScannerSettings, KeyDevice
from device.hidpos_decoder import REPORT_BYTES, REPORT_ID
from device.hidpos_scanner import HidPosScannerSettings, HidrawDevice, ReportDevice
from device.key_decoder import EV_SYN, LED_CAPSL, SYN_DROPPED, InputEvent, Suffix
from device.keyboard_layouts import LayoutName
from device.keystrokes import key_events, strokes
from device.reconnect import Unavailable

KEY_S: Final = 0.002  # a fast reader
INPUT_EVENT = struct.Struct("llHHi")  # the kernel's struct input_event
EVENTS_AT_ONCE = 4096 // INPUT_EVENT.size  # what a pipe takes in one piece
REPORT_DATA_BYTES = 56
QUEUE_BYTES = 64 * 4096  # a pipe of packets uses a page for each


class SimulatedSerialScanner:
    """A reader on a serial port. `path` is a symbolic link, as udev makes one, and outlives unplugging."""

    def __init__(self, path: Path, suffix: bytes = b"\r") -> None:
        self.path = str(path)
        self._link = path
        self._suffix = suffix
        self._ends: tuple[int, int] | None = None

    async def __aenter__(self) -> Self:
        self.plug_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()

    @property
    def is_plugged_in(self) -> bool:
        return self._ends is not None

    def plug_in(self) -> None:
        """The port is there."""
        self._ends = pty.openpty()
        tty.setraw(self._ends[1])
        os.set_blocking(self._ends[0], False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._ends[1]))

    def unplug(self) -> None:
        """The port is gone, and who reads it is told."""
        if self._ends is not None:
            self._link.unlink(missing_ok=True)
            for end in self._ends:
                os.close(end)
            self._ends = None

    async def scan(self, text: str) -> None:
        """A code is scanned."""
        self.send(text.encode() + self._suffix)

    async def scan_torn(self, text: str) -> None:
        """The reader stops in the middle of a code, after these characters."""
        self.send(text.encode())

    def send(self, data: bytes) -> None:
        """Bytes come over the line."""
        if self._ends is None:
            raise Unavailable("missing", f"{self.path} is unplugged")
        os.write(self._ends[0], data)


class SimulatedKeyScanner:
    """A reader in keyboard mode; give its `open_device` to the EvdevScanner."""

    def __init__(self, layout: LayoutName = "us", suffix: Suffix = "enter", key_s: float = KEY_S) -> None:
        self.held_by_another = False
        self.grabbed = False
        self.caps_lock_is_on = False
        self._layout = layout
        self._suffix = suffix
        self._key_s = key_s
        self._pipe: tuple[int, int] | None = None

    async def __aenter__(self) -> Self:
        self.plug_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()

    def plug_in(self) -> None:
        """The device node is there."""
        self._pipe = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def unplug(self) -> None:
        """The device is gone, and who reads it is told."""
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    def open_device(self, settings: EvdevScannerSettings) -> KeyDevice:
        """Open it, as the kernel would."""
        if self._pipe is None:
            raise Unavailable("missing", f"no device is plugged in for {settings.name}")
        return _PipeKeyDevice(os.dup(self._pipe[0]), self)

    async def scan(self, text: str) -> None:
        """A code is scanned: one key after the other, at the reader's speed."""
        await self.press(key_events(strokes(text, self._layout, self._suffix), 0.0, self._key_s))

    async def scan_torn(self, text: str) -> None:
        """The reader stops in the middle of a code, after these characters."""
        await self.press(key_events(strokes(text, self._layout, "none"), 0.0, self._key_s))

    async def press(self, events: Iterable[InputEvent]) -> None:
        """These events happen, each at its time, counted from now."""
        start = time.monotonic()
        for event in events:
            at = start + event.at
            if at > time.monotonic():
                await asyncio.sleep(at - time.monotonic())
            self.send([event._replace(at=at)])

    def overflow(self) -> None:
        """The kernel's queue overflows."""
        self.send([InputEvent(time.monotonic(), EV_SYN, SYN_DROPPED, 0)])

    def send(self, events: Iterable[InputEvent]) -> None:
        """These events lie in the kernel's queue now."""
        if self._pipe is None:
            raise Unavailable("missing", "the reader is unplugged")
        packed = [INPUT_EVENT.pack(*_seconds(at), *event) for at, *event in events]
        for first in range(0, len(packed), EVENTS_AT_ONCE):
            os.write(self._pipe[1], b"".join(packed[first : first + EVENTS_AT_ONCE]))


class SimulatedHidPosScanner:
    """A reader in HID POS mode; give its `open_device` to the HidPosScanner."""

    def __init__(self) -> None:
        self._pipe: tuple[int, int] | None = None

    async def __aenter__(self) -> Self:
        self.plug_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()

    def plug_in(self) -> None:
        """The device node is there. The pipe keeps reports apart, and as many of them as hidraw does."""
        self._pipe = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK | os.O_DIRECT)
        fcntl.fcntl(self._pipe[1], fcntl.F_SETPIPE_SZ, QUEUE_BYTES)

    def unplug(self) -> None:
        """The device is gone, and who reads it is told."""
        if self._pipe is not None:
            for end in self._pipe:
                os.close(end)
            self._pipe = None

    def open_device(self, settings: HidPosScannerSettings) -> ReportDevice:
        """Open it, as the kernel would."""
        if self._pipe is None:
            raise Unavailable("missing", f"no device is plugged in for {settings.name}")
        return HidrawDevice(os.dup(self._pipe[0]))

    async def scan(self, text: str, symbology: str = "]C0") -> None:
        """A code is scanned."""
        for report in scan_reports(text, symbology):
            self.send(report)

    async def scan_torn(self, text: str, symbology: str = "]C0") -> None:
        """The reader sends a report that announces another one, and stops."""
        self.send(scan_reports(text, symbology)[0][:-1] + b"\x01")

    def send(self, report: bytes) -> None:
        """A report comes."""
        if self._pipe is None:
            raise Unavailable("missing", "the reader is unplugged")
        os.write(self._pipe[1], report)


def scan_reports(text: str, symbology: str) -> list[bytes]:
    """One scan as the reports of a Honeywell reader (hardware.md 3.5)."""
    data = text.encode()
    parts = [data[first : first + REPORT_DATA_BYTES] for first in range(0, len(data), REPORT_DATA_BYTES)]
    return [
        (bytes([REPORT_ID, len(part)]) + symbology.encode() + part).ljust(REPORT_BYTES - 1, b"\0")
        + bytes([place < len(parts) - 1])
        for place, part in enumerate(parts)
    ]


class _PipeKeyDevice(EventIO):
    """python-evdev's own reading, on a pipe."""

    def __init__(self, fd: int, reader: SimulatedKeyScanner) -> None:
        self.fd = fd
        self._reader = reader

    def grab(self) -> None:
        if self._reader.held_by_another:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        self._reader.grabbed = True

    def leds(self) -> list[int]:
        return [LED_CAPSL] if self._reader.caps_lock_is_on else []

    def close(self) -> None:
        os.close(self.fd)


def _seconds(at: float) -> tuple[int, int]:
    seconds, microseconds = divmod(round(at * 1_000_000), 1_000_000)
    return seconds, microseconds
