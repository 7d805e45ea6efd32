"""Watches one connection: asks where the drawer has to be asked, and says what its level is and whether it answers.

    none     nothing is known, and that is said once
    asb      a printer: asked every interval, and listened to; blocks come by themselves at each change
    query    asked every interval
    stream   listened to; silence is looked at every quarter of the gap
    line     a modem line, looked at every interval

A drawer that has to answer and does not is unknown, not closed: the cable may be cut, the printer off, the speed wrong.
"""

import asyncio
from collections.abc import Callable, Iterable

from device.drawer_level import Change, SettledLevel
from device.drawer_profile import AsbStatus, DrawerProfile, LineStatus, NoStatus, StreamStatus
from device.drawer_status import Reading, StreamParser, greeting_of, parser_of, question_of
from device.interface import Level
from device.modem_lines import FlickerFinder, sample
from device.port import LinesNotSupported, Port
from device.shared_line import NotSent, SharedLine

# A printer answers a real-time request within milliseconds, so two seconds of silence are no hiccup; and they are short
# enough that a cable which is cut and plugged again while a drawer is open does not pass for an unbroken one for long.
SILENT_AFTER_S = 2.0

OFFLINE = "printer offline: close its cover, put paper in, clear its error"
NO_ANSWER = "no answer: switch it on, check the cable and the speed"
NO_STATUS = "bytes came that are no status: check profile, speed and parity"

OnLevel = Callable[[Level, float], None]
OnFault = Callable[[str | None], None]


class DrawerWatch:
    """What one connection tells. `on_level` gets each change, `on_fault` one plain line, or None when all is well."""

    def __init__(
        self, profile: DrawerProfile, on_level: OnLevel, on_fault: OnFault, silent_after_s: float = SILENT_AFTER_S
    ) -> None:
        self._profile = profile
        self._silent_after_s = silent_after_s
        self._on_level = on_level
        self._on_fault = on_fault
        self._loop = asyncio.get_running_loop()
        self._parser = parser_of(profile.status)
        self._settled = SettledLevel(lambda high: profile.level(high=high), profile.debounce_s)
        self._held: asyncio.TimerHandle | None = None
        self._deaf_until = 0.0
        self._unanswered_since: float | None = None
        self._fault: str | None = None
        self.online: bool | None = None  # what a printer said of itself; None before it said anything

    def received(self, data: bytes, at: float) -> None:
        """Take bytes that came from the port."""
        if self._parser is not None:
            self._take(self._parser.feed(data, at))

    def pulse_sent(self, at: float) -> None:
        """A pulse went out at `at`: for the profile's status delay the status means nothing."""
        self._deaf_until = at + self._profile.status_delay_s

    @property
    def waits_for_first_answer(self) -> bool:
        """Whether a printer was asked and has still time to say that it is offline."""
        return isinstance(self._profile.status, AsbStatus) and self.online is None and self._fault is None

    async def run(self, line: SharedLine, port: Port) -> None:
        """Watch until cancelled. Raises PortLost."""
        status = self._profile.status
        try:
            if isinstance(status, NoStatus):
                self._tell(self._settled.silent(self._loop.time()))
            elif isinstance(status, LineStatus):
                await self._look(port, status)
            elif isinstance(status, StreamStatus):
                await self._listen(status)
            else:
                await self._ask(line, status.interval_ms / 1000)
            await asyncio.Event().wait()
        finally:
            self._stop_holding()

    async def _ask(self, line: SharedLine, interval_s: float) -> None:
        greeting, question = greeting_of(self._profile.status), question_of(self._profile.status)
        greeted = False
        while True:
            if not greeted:
                greeted = await self._send(line, greeting)
            await self._send(line, question)
            await asyncio.sleep(interval_s)
            if self._is_silent(at_least_s=2 * interval_s):
                self._say(NO_STATUS if self._parser and self._parser.strange else NO_ANSWER)
                self._tell(self._settled.silent(self._loop.time()))
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
        now = self._loop.time()
        if self._parser is not None:
            self._take(self._parser.asked(now))
        if self._unanswered_since is None:
            self._unanswered_since = now

    def _is_silent(self, at_least_s: float) -> bool:
        since = self._unanswered_since
        return since is not None and self._loop.time() - since >= max(self._silent_after_s, at_least_s)

    async def _listen(self, status: StreamStatus) -> None:
        gap_s = status.gap_ms / 1000
        await asyncio.sleep(gap_s)
        parser = self._parser
        if self._settled.untold:
            self._tell(self._settled.silent(self._loop.time()))
        while isinstance(parser, StreamParser):
            self._take(parser.silent(self._loop.time()))
            await asyncio.sleep(gap_s / 4)

    async def _look(self, port: Port, status: LineStatus) -> None:
        finder = FlickerFinder()
        while True:
            try:
                seen = sample(port, status.line, self._loop.time)
            except LinesNotSupported as error:
                self._say(f"{error}: choose another port, or a profile with another status source")
                self._tell(self._settled.silent(self._loop.time()))
                return
            if seen.at < self._deaf_until:
                finder = FlickerFinder()
            else:
                flicker = finder.flicker(seen)
                self._tell(self._settled.read(high=seen.high, at=seen.at))
                if flicker is not None:
                    self._tell(*self._settled.flickered(flicker))
            await asyncio.sleep(status.interval_ms / 1000)

    def _take(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            self._unanswered_since = None
            self.online = not reading.offline
            self._say(OFFLINE if reading.offline else None)
            if reading.at >= self._deaf_until:
                self._tell(self._settled.read(high=reading.high, at=reading.at))
                self._hold()

    def _hold(self) -> None:
        """A printer tells a change once: it counts when nothing else came while it had to hold."""
        self._stop_holding()
        if isinstance(self._profile.status, AsbStatus) and not self._settled.settled:
            self._held = self._loop.call_later(self._profile.debounce_s, self._has_held)

    def _has_held(self) -> None:
        self._tell(self._settled.held(self._loop.time()))
        self._hold()  # a timer may fire a moment early

    def _stop_holding(self) -> None:
        if self._held is not None:
            self._held.cancel()

    def _tell(self, *changes: Change | None) -> None:
        for change in changes:
            if change is not None:
                self._on_level(change.level, change.at)

    def _say(self, fault: str | None) -> None:
        if fault != self._fault:
            self._fault = fault
            self._on_fault(fault)
