"""A cash drawer without hardware: its firmware, its mechanics and its faults, behind a pseudo-terminal.

It obeys the opening bytes of its profile, springs open a moment after the pulse, is closed by `close_drawer`, and tells
about it in the protocol of its model, byte by byte. A profile with a modem line is opened with `opener`, which puts the
simulated lines over the pseudo-terminal. `path` is a symbolic link, as udev makes one, and outlives unplugging.
"""

import asyncio
import contextlib
import os
import pty
import select
import tty
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from device.drawer_profile import DrawerProfile, LineStatus, QueryStatus, StreamStatus
from device.simulated_firmware import Acts, Switch, firmware_of
from device.simulated_lines import Output, SimulatedLines

OPENING_S = 0.03  # the latch lets go and the spring moves the drawer off its switch
REPEAT_S = 0.02  # how often a streaming drawer sends its byte
READ_BYTES = 4096
XOFF_XON = b"\x13\x11"
GARBAGE = b"\xff\xfe\xc8\x9d"  # what a wrong speed looks like: bytes that are no status of any model


@dataclass
class DrawerFaults:
    """What goes wrong until it is set back."""

    stuck: bool = False  # the pulse comes, the drawer does not open
    half_status: bool = False  # each status breaks off in the middle
    garbage: bool = False  # bytes that mean nothing come before each status
    flow_control: bool = False  # XOFF and XON stand inside each status
    wrong_drawer: bool = False  # an answer names the other drawer
    dead: bool = False  # the port takes everything; nothing acts and nothing comes back
    delay_s: float = 0.0  # each status comes later
    offline: bool = False  # the printer has its cover open; set it with `set_offline`


class SimulatedDrawer:
    """One drawer. An async context manager: plugged in inside. `opening_s`: from the pulse to the open switch."""

    def __init__(self, profile: DrawerProfile, path: Path, opening_s: float = OPENING_S) -> None:
        self.profile = profile
        self._opening_s = opening_s
        self.path = str(path)
        self.faults = DrawerFaults()
        self.is_open = False
        self.pulses = 0
        self.received = bytearray()  # everything the agent sent, for a test or a demo to look at
        self.lines = SimulatedLines(self._driven_from_a_thread)
        self.opener = self.lines.opener
        self._link = path
        self._loop = asyncio.get_running_loop()
        self._firmware = firmware_of(profile)
        self._master: int | None = None
        self._slave: int | None = None
        self._timers: set[asyncio.TimerHandle] = set()
        self._moved = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.plug_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()

    @property
    def printed(self) -> bytes:
        """What reached the paper, or was no command of this drawer."""
        return bytes(self._firmware.printed)

    @property
    def is_plugged_in(self) -> bool:
        return self._master is not None

    def plug_in(self) -> None:
        """The port is there."""
        self._firmware = firmware_of(self.profile)
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(self._slave))
        self._show_switch()
        self._loop.add_reader(self._master, self._read)
        if isinstance(self.profile.status, StreamStatus):
            self._later(REPEAT_S, self._repeat)

    def unplug(self) -> None:
        """The port is gone, and who holds it is told."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._master is None or self._slave is None:
            return
        self._loop.remove_reader(self._master)
        self._link.unlink(missing_ok=True)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = None

    def switch_off_and_on(self) -> None:
        """A printer forgets what it was told; the port stays."""
        self._firmware = firmware_of(self.profile)

    def open_by_key(self) -> None:
        """Somebody turns the key."""
        self._move(is_open=True)

    def close_drawer(self) -> None:
        """Somebody pushes the drawer in."""
        self._move(is_open=False)

    def flicker(self) -> None:
        """Open and closed again, quicker than anybody looks."""
        self._move(is_open=True)
        self._move(is_open=False)

    def set_offline(self, *, offline: bool) -> None:
        """Somebody opens or closes the printer's cover."""
        self.faults.offline = offline
        self._do(self._firmware.moved(self._switch))

    def send(self, data: bytes) -> None:
        """Send bytes of your own: stale ones before the port is opened, an XOFF, noise."""
        if self._master is not None:
            with contextlib.suppress(BlockingIOError):  # a device does not wait for its host
                os.write(self._master, data)

    @property
    def holds_back(self) -> bool:
        """Whether the agent's output is stopped, by an XOFF on a port that obeys it."""
        return self._slave is not None and not select.select([], [self._slave], [], 0)[1]

    async def opened(self) -> None:
        """Wait until the drawer is open."""
        while not self.is_open:
            self._moved.clear()
            await self._moved.wait()

    @property
    def _switch(self) -> Switch:
        high = self.is_open == (self.profile.open_level != "low")
        return Switch(high=high, offline=self.faults.offline)

    def _move(self, *, is_open: bool) -> None:
        if self.is_open == is_open:
            return
        self.is_open = is_open
        self._moved.set()
        self._show_switch()
        self._do(self._firmware.moved(self._switch))

    def _show_switch(self) -> None:
        if isinstance(self.profile.status, LineStatus) and not self.faults.dead:
            self.lines.set_level(self.profile.status.line, high=self._switch.high)

    def _read(self) -> None:
        if self._master is None:
            return
        try:
            data = os.read(self._master, READ_BYTES)
        except BlockingIOError:
            return
        self.received += data
        self._do(self._firmware.receive(data, self._switch))

    def _driven_from_a_thread(self, line: Output, high: bool) -> None:  # noqa: FBT001 - the level of a line is a truth value
        self._loop.call_soon_threadsafe(self._driven, line, high)

    def _driven(self, line: Output, high: bool) -> None:  # noqa: FBT001 - the level of a line is a truth value
        opens = self.profile.open_line_level == "high"
        if line == self.profile.open_line and high == opens:
            self._do(Acts(pulses=1))

    def _do(self, acts: Acts) -> None:
        if self.faults.dead:
            return
        if acts.answer:  # as it was before the pulse
            self._later(self.faults.delay_s, lambda: self.send(self._spoilt(acts.answer)))
        for _ in range(acts.pulses):
            self.pulses += 1
            if not self.faults.stuck:
                self._later(self._opening_s, self.open_by_key)

    def _spoilt(self, status: bytes) -> bytes:
        half = (len(status) + 1) // 2
        if self.faults.wrong_drawer and isinstance(self.profile.status, QueryStatus):
            other = self.profile.status.answer_prefix[:-1] + b"\x35"
            status = other + status[len(other) :]
        if self.faults.half_status:
            return status[:half] if len(status) > 1 else b""
        if self.faults.flow_control:
            status = status[:half] + XOFF_XON + status[half:]
        return (GARBAGE if self.faults.garbage else b"") + status

    def _repeat(self) -> None:
        self._do(Acts(answer=self._firmware.repeated(self._switch)))
        self._later(REPEAT_S, self._repeat)

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        if delay_s:
            timers = self._timers
            timers.difference_update([timer for timer in timers if timer.when() < self._loop.time()])
            timers.add(self._loop.call_later(delay_s, act))
        else:
            act()
