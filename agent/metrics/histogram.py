"""Durations, counted in buckets as Prometheus wants them."""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import accumulate

BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 150.0)
"""From one commit on a fast disk to the longest call, that of a terminal; seconds."""


@dataclass(slots=True)
class Histogram:
    """How many durations were how long; seconds."""

    sum_s: float = 0.0
    _counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))

    def observe(self, seconds: float) -> None:
        self.sum_s += seconds
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1

    @property
    def buckets(self) -> list[tuple[str, int]]:
        """Each upper bound with how many were no longer, `+Inf` the last."""
        names = [*(str(bound) for bound in BOUNDS_S), "+Inf"]
        return list(zip(names, accumulate(self._counts), strict=True))
