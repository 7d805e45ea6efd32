"""How many requests one caller may make: neither a program run wild nor strangers take the till its time."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass

MOST_CALLERS = 256
"""Remembered at once; the one that was heard longest ago gives way."""

ROUNDING_S = 1e-6
"""More than sums of floating-point numbers are off by; the last request of a burst is still let through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many requests a second for ever, and a burst of them at once.

    A screen that asks ten times a second, or a page that loads with all its files some times in a row, is far below.
    """

    per_s: float = 50.0
    burst: int = 300


class RateLimit:
    """Counts the requests of each caller. `clock` counts monotonic seconds."""

    def __init__(self, rate: Rate, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._pause_s = 1 / rate.per_s
        self._ahead_s = (rate.burst - 1) / rate.per_s + ROUNDING_S
        self._used_until: dict[Hashable, float] = {}

    def wait_s(self, caller: Hashable) -> float:
        """Count a request and return 0; or return after how many seconds this caller may try again.

        The generic cell rate algorithm (ITU-T I.371): one number a caller, the moment at which it is idle again.
        """
        now = self._clock()
        used_until = max(now, self._used_until.pop(caller, now))
        wait_s = used_until - now - self._ahead_s
        self._used_until[caller] = used_until if wait_s > 0 else used_until + self._pause_s
        if len(self._used_until) > MOST_CALLERS:
            del self._used_until[next(iter(self._used_until))]
        return max(0.0, wait_s)
