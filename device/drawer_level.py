"""PURE: raw readings -> open, closed or unknown, when it has settled.

A microswitch bounces for some milliseconds when it closes, and a solenoid throws sparks into every wire near it. So a
level counts when it held for the debounce time, and a change carries the time at which it was first seen.

What a poller cannot see, the driver's edge counters can: both edges of an open-and-close between two polls. Such a
flicker is told as open and closed at one instant, an opening of no length. Only a closed drawer flickers: a moment of
"closed" while the drawer is open would be taken for its closing, and is bounce.
"""

from collections.abc import Callable
from dataclasses import dataclass

from device.interface import Level


@dataclass(frozen=True, slots=True)
class Change:
    """The level is this now, and was first seen at `at` (monotonic seconds)."""

    level: Level
    at: float


class SettledLevel:
    """The settled level of one connection. Nothing is known until the first change."""

    def __init__(self, meaning: Callable[[bool], Level], debounce_s: float) -> None:
        self._meaning = meaning
        self._debounce_s = debounce_s
        self._level: Level | None = None
        self._candidate: Change | None = None

    @property
    def settles_at(self) -> float | None:
        """When the last reading has held long enough, if nothing else is read; None: nothing waits for that."""
        return None if self._candidate is None else self._candidate.at + self._debounce_s

    @property
    def untold(self) -> bool:
        """Whether nothing at all was read yet."""
        return self._level is None and self._candidate is None

    @property
    def last_read(self) -> Level | None:
        """What was read last, settled or not; None: nothing was."""
        return self._level if self._candidate is None else self._candidate.level

    def read(self, *, high: bool, at: float) -> Change | None:
        """Take one reading; the change when it settles one."""
        level = self._meaning(high)
        if level == self._level:
            self._candidate = None
            return None
        if self._candidate is None or self._candidate.level != level:
            self._candidate = Change(level, at)
        return self.held(at)

    def held(self, at: float) -> Change | None:
        """Nothing else was read until `at`; the change when the last reading has now held long enough."""
        if self._candidate is None or at < self._candidate.at + self._debounce_s:
            return None
        change, self._candidate = self._candidate, None
        self._level = change.level
        return change

    def silent(self, at: float) -> Change | None:
        """The source tells nothing any more: unknown."""
        self._candidate = None
        if self._level == "unknown":
            return None
        self._level = "unknown"
        return Change("unknown", at)

    def flickered(self, at: float) -> list[Change]:
        """The drawer was open for less than the time between two readings. Empty where that is no opening."""
        if self._level != "closed" or self._candidate is not None:
            return []
        return [Change("open", at), Change("closed", at)]
