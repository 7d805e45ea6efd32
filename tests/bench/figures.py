"""Medians, 95th percentiles and their ratios to the floor."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

SAME_MEDIAN = (0.95, 1.05)
SAME_P95 = (0.8, 1.25)
"""Floor against an identical floor: outside of these the machine was too restless and the run does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A distribution, in milliseconds."""

    median: float
    p95: float
    rounds: int


def figure(nanoseconds: Sequence[int]) -> Figure:
    milliseconds = sorted(value / 1e6 for value in nanoseconds)
    return Figure(
        median=statistics.median(milliseconds),
        p95=milliseconds[min(len(milliseconds) - 1, int(len(milliseconds) * 0.95))],
        rounds=len(milliseconds),
    )


def is_same(floor: Figure, other: Figure) -> bool:
    """Whether two identical floors measured the same."""
    median, p95 = other.median / floor.median, other.p95 / floor.p95
    return SAME_MEDIAN[0] <= median <= SAME_MEDIAN[1] and SAME_P95[0] <= p95 <= SAME_P95[1]
