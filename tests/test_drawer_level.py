"""Raw readings become levels when they have held."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.drawer_level import Change, SettledLevel
from device.interface import Level


def high_is_open(high: bool) -> Level:
    return "open" if high else "closed"


def settled(debounce_s: float = 0.05, meaning: Callable[[bool], Level] = high_is_open) -> SettledLevel:
    return SettledLevel(meaning, debounce_s)


def closed_at_1() -> SettledLevel:
    level = settled()
    level.read(high=False, at=1.0)
    level.read(high=False, at=1.06)
    return level


def test_a_level_counts_when_it_held_and_carries_the_time_it_was_first_seen() -> None:
    level = settled()
    assert level.read(high=True, at=1.0) is None
    assert level.read(high=True, at=1.04) is None
    assert level.read(high=True, at=1.06) == Change("open", 1.0)
    assert level.read(high=True, at=1.07) is None


def test_without_a_debounce_time_the_first_reading_counts() -> None:
    assert settled(0).read(high=False, at=1.0) == Change("closed", 1.0)


def test_a_bounce_starts_the_time_anew() -> None:
    level = closed_at_1()
    assert level.read(high=True, at=2.00) is None
    assert level.read(high=False, at=2.01) is None
    assert level.read(high=True, at=2.02) is None
    assert level.read(high=True, at=2.06) is None
    assert level.read(high=True, at=2.08) == Change("open", 2.02)


def test_a_level_that_came_once_counts_when_nothing_else_came() -> None:
    level = settled()
    level.read(high=True, at=1.0)
    assert level.held(1.04) is None
    assert level.held(1.06) == Change("open", 1.0)
    assert level.held(1.07) is None


def test_a_silent_source_is_unknown_and_that_is_said_once() -> None:
    level = closed_at_1()
    assert level.silent(3.0) == Change("unknown", 3.0)
    assert level.silent(4.0) is None
    assert level.read(high=False, at=5.0) is None
    assert level.read(high=False, at=5.06) == Change("closed", 5.0)


def test_a_polarity_that_nobody_knows_is_unknown_whatever_is_read() -> None:
    level = settled(meaning=lambda _high: "unknown")
    level.read(high=True, at=1.0)
    assert level.read(high=False, at=1.06) == Change("unknown", 1.0)
    assert level.read(high=True, at=2.0) is None


def test_a_closed_drawer_flickers_open() -> None:
    assert closed_at_1().flickered(2.0) == [Change("open", 2.0), Change("closed", 2.0)]


@pytest.mark.parametrize("moves", [[], [(True, 2.0)], [(True, 2.0), (True, 2.1)]])
def test_a_moving_open_or_unknown_drawer_does_not_flicker(moves: list[tuple[bool, float]]) -> None:
    """A moment of "closed" while it is open would be taken for its closing."""
    level = closed_at_1() if moves else settled()
    for high, at in moves:
        level.read(high=high, at=at)
    assert level.flickered(2.2) == []


@given(st.lists(st.tuples(st.booleans(), st.floats(0.001, 0.2)), max_size=60))
def test_changes_alternate_go_forward_and_held_for_the_debounce_time(steps: list[tuple[bool, float]]) -> None:
    level, now, changes = settled(), 0.0, []
    seen: list[tuple[float, bool]] = []
    for high, pause in steps:
        now += pause
        seen.append((now, high))
        if change := level.read(high=high, at=now):
            changes.append(change)
            held = [was for at, was in seen if change.at <= at]
            assert all(was == (change.level == "open") for was in held)
            assert now >= change.at + 0.05
    levels = [change.level for change in changes]
    assert all(one != other for one, other in pairwise(levels))
    assert sorted(change.at for change in changes) == [change.at for change in changes]
