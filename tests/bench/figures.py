"""Medians, 95th percentiles and their ratios to the floor."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

SAME_MEDIAN = (0.95, 1.05)
SAME_P95 = (0.8, 1.25)
"""Floor against an identical floor: outside of these the machine was too restless and the run does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A distribution, in whatever unit its row names; of a single value both are that."""

    median: float
    p95: float
    rounds: int


def figure(values: Sequence[float]) -> Figure:
    """Return median and 95th percentile (nearest rank) of at least one value."""
    ordered = sorted(values)
    rank = -(-len(ordered) * 95 // 100)  # rounded up
    return Figure(median=statistics.median(ordered), p95=ordered[rank - 1], rounds=len(ordered))


def milliseconds(nanoseconds: Sequence[int]) -> Figure:
    return figure([value / 1e6 for value in nanoseconds])


def single(value: float, rounds: int = 1) -> Figure:
    return Figure(median=value, p95=value, rounds=rounds)


def is_same(floor: Figure, other: Figure) -> bool:
    """Whether two identical floors measured the same."""
    median, p95 = other.median / floor.median, other.p95 / floor.p95
    return SAME_MEDIAN[0] <= median <= SAME_MEDIAN[1] and SAME_P95[0] <= p95 <= SAME_P95[1]
