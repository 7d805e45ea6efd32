"""The arithmetic of the bench: no time is measured here."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.settings import load
from tests.bench.figures import Figure, figure, is_same, milliseconds, single
from tests.bench.footprint import LIBRARIES
from tests.bench.large_journal import configuration
from tests.bench.report import DOCUMENT, PICTURE, markdown, picture, table
from tests.bench.result import KEPT, Result, Row, read, write

FLOOR = Figure(median=2.0, p95=4.0, rounds=100)
CLOSING = Row(
    key="closing",
    words="closing byte to start/cash",
    unit="ms",
    measured=Figure(median=2.4, p95=8.0, rounds=100),
    beside=FLOOR,
    beside_words="the floor",
    goal=1.25,
    goal_p95=2.0,
)
REST = Row(key="wake-ups", words="wake-ups at rest", unit="a second", measured=single(2.5), goal=2.0)
BYTES = Row(key="bytes", words="written for a checkout", unit="KiB", measured=single(150.0))
RESULT = Result(
    command="make bench",
    date="2026-11-22",
    commit="fb8b294",
    machine="a board",
    counts=True,
    rows=(CLOSING, REST, BYTES),
)


@pytest.mark.parametrize("library", LIBRARIES.split(", "))
def test_what_the_floor_of_the_start_imports_is_installed(library: str) -> None:
    assert importlib.util.find_spec(library) is not None


def test_the_agent_of_the_large_journal_understands_its_configuration(tmp_path: Path) -> None:
    assert load(configuration(tmp_path), {}).state.directory == tmp_path


def test_the_median_is_the_middle_and_p95_the_nearest_rank() -> None:
    assert figure([float(value) for value in range(100, 0, -1)]) == Figure(median=50.5, p95=95.0, rounds=100)
    assert figure([float(value) for value in range(1, 21)]).p95 == 19.0
    assert figure([7.0]) == Figure(median=7.0, p95=7.0, rounds=1)


@given(st.lists(st.floats(0, 1e9), min_size=1))
def test_at_least_95_of_100_are_no_longer_than_p95(values: list[float]) -> None:
    found = figure(values)
    assert sum(value <= found.p95 for value in values) >= 0.95 * len(values)
    assert found.p95 in values


def test_nanoseconds_become_milliseconds() -> None:
    assert milliseconds([1_500_000, 2_500_000]).median == 2.0


@pytest.mark.parametrize(
    ("median", "p95", "same"),
    [
        (1.0, 1.0, True),
        (1.05, 1.25, True),
        (0.95, 0.8, True),
        (1.06, 1.0, False),
        (0.94, 1.0, False),
        (1.0, 1.26, False),
        (1.0, 0.79, False),
    ],
)
def test_two_floors_are_the_same_within_their_limits(median: float, p95: float, *, same: bool) -> None:
    other = Figure(median=100.0 * median, p95=100.0 * p95, rounds=1)
    assert is_same(Figure(median=100.0, p95=100.0, rounds=1), other) is same


def test_a_goal_is_of_the_ratio_where_there_is_something_beside_it() -> None:
    assert (CLOSING.ratio, CLOSING.ratio_p95, CLOSING.met) == (1.2, 2.0, True)
    assert replace(CLOSING, measured=Figure(median=2.6, p95=8.0, rounds=100)).met is False
    assert replace(CLOSING, measured=Figure(median=2.4, p95=8.1, rounds=100)).met is False
    assert (REST.ratio, REST.met, BYTES.met) == (None, False, None)


def test_a_result_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    write(RESULT, tmp_path / "bench.json")
    assert read(tmp_path / "bench.json") == RESULT
    assert read(tmp_path / "none.json") is None


def test_the_document_and_its_picture_show_what_is_kept() -> None:
    kept = read(KEPT)
    assert kept is not None
    assert markdown(kept) in DOCUMENT.read_text()
    assert picture(kept) == PICTURE.read_text()


def test_what_is_shown_says_what_was_missed_and_what_a_run_is_worth() -> None:
    for shown in (table(RESULT, None), markdown(RESULT)):
        assert "2.40 / 8.00 ms" in shown
        assert "1.20 / 2.00" in shown
        assert "missed" in next(line for line in shown.splitlines() if "wake-ups" in line)
        assert "The run counts." in shown
    assert "does not count" in table(replace(RESULT, counts=False), None)
    assert "kept: 1.20" in table(RESULT, RESULT)
    assert picture(RESULT).count("<rect") == 3  # the paper, one bar, its goal
