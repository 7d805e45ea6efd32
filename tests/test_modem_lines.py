"""A switch on a modem line: levels, and the edges between two looks."""

from collections.abc import Iterator
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.modem_lines import SAMPLE_TRIES, FlickerFinder, Line, LineSample, edges_of, level_of, sample
from device.tty import LineCounts, ModemLines

LINES: tuple[Line, ...] = ("cts", "dsr", "dcd", "ri")


def counts(**edges: int) -> LineCounts:
    return LineCounts(
        **{"cts": 0, "dsr": 0, "dcd": 0, "ri": 0, "frame": 0, "overrun": 0, "parity": 0, "brk": 0} | edges
    )


class NoisyTty:
    """A tty on which edges come between the questions, as they do in the kernel."""

    def __init__(self, edges: Iterator[int]) -> None:
        self._edges = edges
        self.looks = 0

    def lines(self) -> ModemLines:
        self.looks += 1
        return ModemLines(cts=True, dsr=False, dcd=False, ri=False)

    def counts(self) -> LineCounts | None:
        return counts(cts=next(self._edges))

    def fileno(self) -> int:
        raise NotImplementedError

    def read(self) -> bytes:
        raise NotImplementedError

    def write(self, data: bytes) -> int:
        raise NotImplementedError

    def set_line(self, line: Literal["dtr", "rts"], *, high: bool) -> None:
        raise NotImplementedError

    def unsent(self) -> int:
        raise NotImplementedError

    def discard(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def look(edges: list[int]) -> tuple[LineSample, int]:
    tty = NoisyTty(iter(edges))
    return sample(tty, "cts", lambda: 5.0), tty.looks


def test_a_level_and_its_counter_belong_together() -> None:
    """An edge between the two questions makes them be asked again."""
    assert look([1, 1]) == (LineSample(high=True, edges=1, at=5.0), 1)
    assert look([1, 2, 2]) == (LineSample(high=True, edges=2, at=5.0), 2)


def test_a_line_that_never_rests_is_looked_at_a_few_times_only() -> None:
    assert look(list(range(10))) == (LineSample(high=True, edges=SAMPLE_TRIES, at=5.0), SAMPLE_TRIES)


@pytest.mark.parametrize("line", LINES)
def test_each_line_has_its_own_level_and_counter(line: Line) -> None:
    levels = ModemLines(**{name: name == line for name in LINES})
    assert [level_of(levels, name) for name in LINES] == [name == line for name in LINES]
    assert [edges_of(counts(**{line: 7}), name) for name in LINES] == [7 if name == line else 0 for name in LINES]
    assert edges_of(None, line) is None


def flickers(samples: list[tuple[bool, int | None]]) -> list[float]:
    finder = FlickerFinder()
    found = [finder.flicker(LineSample(high=high, edges=edges, at=at)) for at, (high, edges) in enumerate(samples)]
    return [at for at in found if at is not None]


def test_two_edges_between_two_looks_are_a_flicker() -> None:
    assert flickers([(False, 4), (False, 6), (False, 6)]) == [1]


def test_one_edge_is_enough_where_the_driver_counts_one_direction() -> None:
    """RI on an 8250."""
    assert flickers([(False, 4), (False, 5), (False, 5)]) == [1]


def test_edges_before_a_change_are_how_the_change_began() -> None:
    assert flickers([(False, 4), (False, 6), (True, 7), (True, 7), (True, 7)]) == []


def test_edges_of_a_change_are_its_bounce() -> None:
    assert flickers([(False, 4), (True, 9), (True, 9), (True, 9)]) == []


def test_a_driver_without_counters_never_flickers() -> None:
    assert flickers([(False, None)] * 5) == []


def test_a_line_that_flickers_for_long_is_told_when_it_rests() -> None:
    assert flickers([(False, 0), (False, 2), (False, 4), (False, 6), (False, 6)]) == [3]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=40))
def test_a_flicker_is_always_between_equal_levels(steps: list[tuple[bool, int]]) -> None:
    total, samples = 0, []
    for high, edges in steps:
        total += edges
        samples.append((high, total))
    for at in flickers(list(samples)):
        number = int(at)
        assert samples[number - 1][0] == samples[number][0] == samples[number + 1][0]
        assert samples[number - 1][1] < samples[number][1] == samples[number + 1][1]
