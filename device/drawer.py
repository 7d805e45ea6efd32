"""A cash drawer on a serial port: one driver, and a profile that says how this model is opened and what it tells.

The port is held open, so that a drawer wired to DTR or RTS is not popped by every opening of it, and so that nobody
else writes to it. What is known ends with the connection: the level is unknown until the next one has told its first
status.

A pulse is sent once or refused, never queued: not while the interface charges, not during recharge, not to a printer
that is offline (it would fire with a later print, for another customer), not when nobody waits for it any more.
"""

import asyncio
import contextlib
import errno
import math
import os
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Literal

from device.drawer_port import can_carry_messages, port_settings
from device.drawer_profile import DrawerProfile
from device.drawer_reading import OFFLINE, SILENT_AFTER_S
from device.drawer_watch import DrawerWatch
from device.interface import (
    DeviceState,
    DrawerCapabilities,
    DrawerLevel,
    DrawerRefused,
    Level,
    PrintRefused,
    Receiver,
    Report,
)
from device.paid_message import PaidMessages
from device.plugging import Plugging
from device.port import OnData, OnLost, Port, PortLost, PortSettings
from device.reconnect import Unavailable, keep_open, unavailable
from device.shared_line import NotSent, SharedLine, opened_port
from device.tty import Tty, open_tty

# A port that is not held open does not tell that it was unplugged; this is how often its node is looked for.
PRESENCE_INTERVAL_S = 1.0

Opener = Callable[[PortSettings], Tty]


class _Connection:
    """One opening of the port: what is sent over it and what it tells."""

    def __init__(self, port: Port, watch: DrawerWatch, profile: DrawerProfile) -> None:
        self.opened_at = time.monotonic()
        self.port = port
        self.watch = watch
        self.line = SharedLine(port, profile.baudrate)


class SerialDrawer:
    """A CashDrawer and, where it hangs on a printer, the ReceiptPrinter. `opened_by = "register"` only watches.

    With `paid_pattern` the other side of the port also says when the money is in (see device/paid_message.py).
    """

    def __init__(
        self,
        *,
        name: str,
        path: str,
        profile: DrawerProfile,
        opened_by: Literal["tillwire", "register"] = "tillwire",
        paid_pattern: re.Pattern[str] | None = None,
        plugging: Plugging | None = None,
        opener: Opener = open_tty,
        silent_after_s: float = SILENT_AFTER_S,
    ) -> None:
        if paid_pattern is not None and not can_carry_messages(profile):
            raise ValueError("this drawer's port carries status bytes: paid messages need a port of their own")
        self._name = name
        self._path = path
        self._profile = profile
        self._opened_by = opened_by
        self._paid_pattern = paid_pattern
        self._plugging = plugging
        self._opener = opener
        self._silent_after_s = silent_after_s
        self._report: Receiver = _nobody
        self._connections = 0
        self._connection: _Connection | None = None
        self._told: tuple[int, Level] | None = None
        self._pulsed_at: float | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def profile(self) -> DrawerProfile:
        return self._profile

    @property
    def capabilities(self) -> DrawerCapabilities:
        return self._profile.capabilities

    async def run(self, report: Receiver) -> None:
        """Hold the port and read the status until cancelled."""
        self._report = report
        use_once = self._use_once if self._profile.keep_port_open else self._see_it_there
        try:
            await keep_open(use_once, name=self._name, kind="drawer", report=report, plugging=self._plugging)
        finally:
            self._report = _nobody

    async def open_drawer(self, still_wanted: Callable[[], bool]) -> float:
        """Send the pulse once. Raises DrawerRefused; see CashDrawer."""
        if self._opened_by == "register":
            raise DrawerRefused("the register opens this drawer: open it there")
        if not self._profile.pulse_bytes and not self._profile.open_line:
            raise DrawerRefused("the profile has no bytes that open: set [drawer] open_bytes")
        async with self._connected() as connection:
            at = await self._pulse(connection, still_wanted)
            connection.watch.pulse_sent(at)
            return at

    async def print_bytes(self, data: bytes) -> None:
        """Send one receipt. Raises PrintRefused and PrintInterrupted; see ReceiptPrinter."""
        try:
            async with self._connected() as connection:
                await connection.line.print_bytes(data, lambda: _refuse_paper(connection.watch))
        except DrawerRefused as refused:
            raise PrintRefused(str(refused)) from refused

    async def _pulse(self, connection: _Connection, still_wanted: Callable[[], bool]) -> float:
        """One pulse. It counts as sent, for the recharge, unless it is certain that nothing left."""
        pulsed_before = self._pulsed_at

        def last_check() -> None:
            self._refuse_uncharged(connection)
            _refuse_offline(connection.watch)
            if not still_wanted():
                raise DrawerRefused("nobody waits for the drawer any more")
            self._pulsed_at = time.monotonic()

        try:
            return await self._drive(connection.line, last_check)
        except NotSent:
            self._pulsed_at = pulsed_before
            raise

    async def _drive(self, line: SharedLine, last_check: Callable[[], None]) -> float:
        profile = self._profile
        if not profile.open_line or profile.pulse_ms is None:
            return await line.send(profile.pulse_bytes, last_check)
        high = profile.open_line_level == "high"
        return await line.drive(profile.open_line, high=high, pulse_s=profile.pulse_ms / 1000, last_check=last_check)

    def _refuse_uncharged(self, connection: _Connection) -> None:
        now = time.monotonic()
        charging_s = connection.opened_at + self._profile.charge_s - now
        if charging_s > 0:
            raise DrawerRefused(f"the drawer charges after its port was opened: ask again in {math.ceil(charging_s)} s")
        recharging_s = 0.0 if self._pulsed_at is None else self._pulsed_at + self._profile.recharge_s - now
        if recharging_s > 0:
            raise DrawerRefused(f"the drawer was opened just now: ask again in {math.ceil(recharging_s)} s")

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[_Connection]:
        """The connection that is there, or one for this purpose where the port is not held open."""
        try:
            if not self._profile.keep_port_open:
                async with self._opened(_ignore_data, _ignore_loss) as port:
                    connection = _Connection(port, self._watch(self._connections), self._profile)
                    yield connection
                    await connection.line.leave_the_chip()
            elif self._connection is None:
                raise DrawerRefused(f"{self._path} is not open: plug the device in, and see `tillwire check`")
            else:
                yield self._connection
        except NotSent as error:
            raise DrawerRefused(f"{error}; nothing was sent") from error
        except Unavailable as error:
            raise DrawerRefused(error.reason) from error

    async def _use_once(self, present: Callable[[], None]) -> str:
        """Hold the port until it is lost."""
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        number = self._connections + 1
        watch = self._watch(number)

        def received(data: bytes, at: float) -> None:
            watch.received(data, at)
            if messages is not None:
                messages.received(data, at)

        async with self._opened(received, lost.set_result) as port:
            messages = self._messages(number)
            self._connections = number
            self._connection = _Connection(port, watch, self._profile)
            present()
            try:
                reason = await _until_lost(watch.run(self._connection.line, port), lost)
            finally:
                if messages is not None:
                    messages.close()
                self._connection = None
            self._tell("unknown", number, time.monotonic())
            return reason

    async def _see_it_there(self, present: Callable[[], None]) -> str:
        """Say whether the port is there, without opening it: other programs use it too."""
        node = Path(self._path)
        if not await asyncio.to_thread(node.exists):
            raise unavailable(self._path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
        self._connections += 1
        present()
        self._tell("unknown", self._connections, time.monotonic())
        while await asyncio.to_thread(node.exists):  # noqa: ASYNC110 - nobody sets an event for a node
            await asyncio.sleep(PRESENCE_INTERVAL_S)
        return "the port was unplugged"

    def _opened(self, on_data: OnData, on_lost: OnLost) -> contextlib.AbstractAsyncContextManager[Port]:
        settings = port_settings(self._profile, self._path)
        return opened_port(settings, on_data=on_data, on_lost=on_lost, opener=self._opener)

    def _watch(self, number: int) -> DrawerWatch:
        return DrawerWatch(
            self._profile, lambda level, at: self._tell(level, number, at), self._tell_fault, self._silent_after_s
        )

    def _tell(self, level: Level, number: int, at: float) -> None:
        if self._told != (number, level):
            self._told = (number, level)
            self._report(DrawerLevel(drawer=self._name, level=level, connection=number, at=at))

    def _messages(self, number: int) -> PaidMessages | None:
        if self._paid_pattern is None:
            return None
        return PaidMessages(self._paid_pattern, drawer=self._name, connection=number, report=self._report)

    def _tell_fault(self, fault: str | None) -> None:
        state: Literal["present", "fault"] = "present" if fault is None else "fault"
        at = time.monotonic()
        self._report(DeviceState(name=self._name, kind="drawer", state=state, reason=fault, at=at))


async def _until_lost(watching: Coroutine[object, object, None], lost: "asyncio.Future[str]") -> str:
    """Watch until the port is lost, and say in one line how."""
    task = asyncio.create_task(watching)
    try:
        await asyncio.wait((task, lost), return_when=asyncio.FIRST_COMPLETED)
        if lost.done():
            return lost.result()
        await task
    except PortLost as error:
        return str(error)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    return "the watch ended"


def _refuse_offline(watch: DrawerWatch) -> None:
    if watch.waits_for_first_answer:
        raise DrawerRefused("the printer was not heard yet: ask again in a moment")
    if watch.online is False:
        raise DrawerRefused(OFFLINE)


def _refuse_paper(watch: DrawerWatch) -> None:
    """A printer that is silent now would print when it is switched on, in front of another customer."""
    _refuse_offline(watch)
    if watch.fault is not None:
        raise DrawerRefused(watch.fault)


def _nobody(report: Report) -> None:
    """Nobody wants to know: the drawer does not run."""


def _ignore_data(data: bytes, at: float) -> None:
    """A port that is opened for one pulse tells nothing."""


def _ignore_loss(reason: str) -> None:
    """Who writes is told of a lost port by the write."""
