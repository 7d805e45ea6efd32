"""Watches one connection: asks where the drawer has to be asked, and says what its level is and whether it answers.

    none     nothing is known, and that is said once
    asb      a printer: asked every interval, and listened to; blocks come by themselves at each change
    query    asked every interval
    stream   listened to; silence is looked at when it would mean something
    line     a modem line, looked at every interval

A drawer that has to answer and does not is unknown, not closed: the cable may be cut, the printer off, the speed wrong.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial

from device.drawer_level import Change
from device.drawer_profile import AsbStatus, DrawerProfile, LineStatus, NoStatus, StreamStatus
from device.drawer_reading import NO_ANSWER, NO_STATUS, SILENT_AFTER_S, DrawerReading
from device.drawer_status import greeting_of, question_of
from device.interface import Level
from device.modem_lines import sample
from device.port import LinesNotSupported, Port
from device.shared_line import NotSent, SharedLine

OnLevel = Callable[[Level, float], None]
OnFault = Callable[[str | None], None]


class DrawerWatch:
    """What one connection tells. `on_level` gets each change, `on_fault` one plain line, or None when all is well."""

    def __init__(
        self, profile: DrawerProfile, on_level: OnLevel, on_fault: OnFault, silent_after_s: float = SILENT_AFTER_S
    ) -> None:
        self._profile = profile
        self._on_level = on_level
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._reading = DrawerReading(profile, self._loop.time(), silent_after_s)
        self._settling: asyncio.TimerHandle | None = None
        self._said: str | None = None

    @property
    def online(self) -> bool | None:
        """What a printer said of itself; None before it said anything."""
        return self._reading.online

    @property
    def fault(self) -> str | None:
        """What is wrong, in one plain line; None when all is well."""
        return self._said

    @property
    def waits_for_first_answer(self) -> bool:
        """Whether a printer was asked and has still time to say that it is offline."""
        return isinstance(self._profile.status, AsbStatus) and self.online is None and self._said is None

    def received(self, data: bytes, at: float) -> None:
        """Take bytes that came from the port."""
        self._tell(self._reading.received(data, at))

    def pulse_sent(self, at: float) -> None:
        """A pulse went out at `at`: for the profile's status delay the status means nothing."""
        self._reading.pulse_sent(at)

    async def run(self, line: SharedLine, port: Port) -> None:
        """Watch until cancelled. Raises PortLost."""
        status = self._profile.status
        try:
            if isinstance(status, NoStatus | StreamStatus):
                self._passed()
            elif isinstance(status, LineStatus):
                await self._look(port, status)
            else:
                await self._ask(line, status.interval_ms / 1000)
            await asyncio.Event().wait()
        finally:
            if self._settling is not None:
                self._settling.cancel()

    async def _ask(self, line: SharedLine, interval_s: float) -> None:
        greeting, question = greeting_of(self._profile.status), question_of(self._profile.status)
        greeted = False
        while True:
            if not greeted:
                greeted = await self._send(line, greeting)
            await self._send(line, question)
            await asyncio.sleep(interval_s)
            self._passed()
            if self._said in (NO_ANSWER, NO_STATUS):
                greeted = False  # it may come back from being switched off, and has forgotten

    async def _send(self, line: SharedLine, command: bytes) -> bool:
        if not command:
            return True
        try:
            await line.send(command, self._asking)
        except NotSent:
            return False
        return True

    def _asking(self) -> None:
        self._tell(self._reading.asked(self._loop.time()))

    async def _look(self, port: Port, status: LineStatus) -> None:
        look = partial(sample, line=status.line, clock=self._loop.time)
        while True:
            try:
                self._tell(self._reading.looked(await port.ask(look)))
            except LinesNotSupported as error:
                reason = f"{error}: choose another port, or a profile with another status source"
                self._tell(self._reading.cannot_be_read(reason, self._loop.time()))
                return
            await asyncio.sleep(status.interval_ms / 1000)

    def _passed(self) -> None:
        self._tell(self._reading.passed(self._loop.time()))

    def _tell(self, changes: Iterable[Change]) -> None:
        if self._reading.fault != self._said:
            self._said = self._reading.fault
            self._on_fault(self._said)
        for change in changes:
            self._on_level(change.level, change.at)
        self._wait_until_settled()

    def _wait_until_settled(self) -> None:
        """A printer tells a change once: it counts when nothing else came while it had to hold. So does a silence."""
        if self._settling is not None:
            self._settling.cancel()
        at = self._reading.settles_at
        self._settling = None if at is None else self._loop.call_at(at, self._passed)
