"""PURE: what one connection to a drawer tells: bytes, looks at a line and time in; levels and faults out.

Times are monotonic seconds and come in as values, so that a test can play hours in no time. Asking,
listening and looking is done by `device/drawer_watch.py`.
"""

from collections.abc import Iterable

from device.drawer_level import Change, SettledLevel
from device.drawer_profile import AsbStatus, DrawerProfile, NoStatus, QueryStatus, StreamStatus
from device.drawer_status import Reading, StreamParser, parser_of
from device.modem_lines import FlickerFinder, LineSample

# A printer answers a real-time request within milliseconds, so two seconds of silence are no hiccup; and they are short
# enough that a cable which is cut and plugged again while a drawer is open does not pass for an unbroken one for long.
SILENT_AFTER_S = 2.0

OFFLINE = "printer offline: close its cover, put paper in, clear its error"
NO_ANSWER = "no answer: switch it on, check the cable and the speed"
NO_STATUS = "bytes came that are no status: check profile, speed and parity"


class DrawerReading:
    """One connection. Each call gives the changes of the level; `fault` is one plain line, or None when all is well."""

    def __init__(self, profile: DrawerProfile, opened_at: float, silent_after_s: float = SILENT_AFTER_S) -> None:
        self._profile = profile
        self._opened_at = opened_at
        self._silent_after_s = silent_after_s
        self._parser = parser_of(profile.status)
        self._settled = SettledLevel(lambda high: profile.level(high=high), profile.debounce_s)
        self._edges = FlickerFinder()
        self._deaf_until = 0.0
        self._unanswered_since: float | None = None
        self.fault: str | None = None
        self.online: bool | None = None  # what a printer said of itself; None before it said anything

    @property
    def settles_at(self) -> float | None:
        """When `passed` has to be called, if nothing comes before; None: silence tells nothing more."""
        match self._profile.status:
            case AsbStatus():  # a change is told only once
                return self._settled.settles_at
            case StreamStatus(gap_ms=gap_ms):
                return self._stream_settles_at(gap_ms / 1000)
            case _:
                return None

    def pulse_sent(self, at: float) -> None:
        """A pulse went out: for the profile's status delay the status means nothing."""
        self._deaf_until = at + self._profile.status_delay_s

    def asked(self, at: float) -> list[Change]:
        """The question is sent now."""
        changes = self._take(self._parser.asked(at) if self._parser else ())
        if self._unanswered_since is None:
            self._unanswered_since = at
        return changes

    def received(self, data: bytes, at: float) -> list[Change]:
        """Bytes came from the port."""
        return self._take(self._parser.feed(data, at) if self._parser else ())

    def looked(self, seen: LineSample) -> list[Change]:
        """The modem line was looked at."""
        if seen.at < self._deaf_until:
            self._edges = FlickerFinder()
            return []
        flicker = self._edges.flicker(seen)
        changes = _some(self._settled.read(high=seen.high, at=seen.at))
        return changes if flicker is None else changes + self._settled.flickered(flicker)

    def cannot_be_read(self, reason: str, at: float) -> list[Change]:
        """The port has no such line."""
        self.fault = reason
        return _some(self._settled.silent(at))

    def passed(self, at: float) -> list[Change]:
        """Nothing else came until now."""
        match self._profile.status:
            case NoStatus():
                return _some(self._settled.silent(at))
            case StreamStatus(gap_ms=gap_ms):
                return self._stream_passed(at, gap_ms / 1000)
            case AsbStatus():
                return self._silence(at) or _some(self._settled.held(at))
            case _:
                return self._silence(at)

    def _stream_settles_at(self, gap_s: float) -> float | None:
        if self._settled.untold:
            return self._opened_at + gap_s
        ends_at = self._parser.ends_at if isinstance(self._parser, StreamParser) else None
        if ends_at is None:
            return None
        flows, silence = (self._profile.level(high=high) for high in (True, False))
        settles_at = ends_at if self._settled.last_read == flows != silence else self._settled.settles_at
        return None if settles_at is None else max(settles_at, ends_at, self._deaf_until)

    def _stream_passed(self, at: float, gap_s: float) -> list[Change]:
        if self._settled.untold:
            return _some(self._settled.silent(at)) if at >= self._opened_at + gap_s else []
        return self._take(self._parser.silent(at)) if isinstance(self._parser, StreamParser) else []

    def _silence(self, at: float) -> list[Change]:
        """A drawer that has to answer and does not is unknown, not closed."""
        status, since = self._profile.status, self._unanswered_since
        if since is None or not isinstance(status, AsbStatus | QueryStatus):
            return []
        if at - since < max(self._silent_after_s, 2 * status.interval_ms / 1000):
            return []
        self.fault = NO_STATUS if self._parser and self._parser.strange else NO_ANSWER
        return _some(self._settled.silent(at))

    def _take(self, readings: Iterable[Reading]) -> list[Change]:
        changes: list[Change] = []
        for reading in readings:
            self._unanswered_since = None
            self.online = not reading.offline
            self.fault = OFFLINE if reading.offline else None
            if reading.at >= self._deaf_until:
                changes += _some(self._settled.read(high=reading.high, at=reading.at))
        return changes


def _some(change: Change | None) -> list[Change]:
    return [] if change is None else [change]
