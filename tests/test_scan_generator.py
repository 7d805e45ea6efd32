"""Thousands of scans with every fault that leaves a mark: no wrong text comes out, and every lost scan is reported."""

from collections.abc import Callable
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from device.key_decoder import EV_SYN, SYN_DROPPED, InputEvent
from tests.scan_generator import Stream, seeded
from tests.scan_generator_bytes import line_stream, report_stream
from tests.scan_generator_keys import key_stream
from tests.scan_judge import Figures, figures_of, judge, play

BOXES = 85  # of 25 scans on average: 2,000 scans and more

Kind = Callable[[Random, str, int], Stream]


@settings(max_examples=BOXES)
@given(st.integers(0, 2**32))
def test_no_reader_delivers_a_wrong_text_and_each_torn_scan_is_reported(seed: int) -> None:
    figures = figures_of(seeded(seed))
    assert (figures.wrong, figures.silent) == (0, 0)
    assert figures.right + figures.torn == figures.scans


def test_most_whole_scans_are_delivered() -> None:
    """Only what follows a torn scan closely may be lost with it."""
    figures = Figures()
    for seed in range(20):
        figures.add(figures_of(seeded(seed)))
    assert figures.torn_whole < 0.3 * (figures.scans - figures.hurt)


# That the judge sees what is wrong.


def test_the_judge_finds_what_a_decoder_delivers_when_nobody_tells_it_of_lost_keys() -> None:
    wrong = 0
    for seed in range(40):
        random = seeded(seed)
        stream = key_stream(random, "counter", 10)
        steps = [step for step in stream.steps if not _is_dropped(step)]
        figures = judge(stream, play([replace(stream, steps=steps)], random)[0])
        wrong += figures.wrong
    assert wrong > 0


def test_the_judge_finds_a_torn_scan_that_nobody_was_told_of() -> None:
    for kind in (key_stream, line_stream, report_stream):
        assert sum(_without_reports(kind, seed).silent for seed in range(20)) > 0


def test_the_judge_finds_a_scan_that_is_delivered_twice() -> None:
    random = seeded(1)
    stream = line_stream(random, "wall", 10)
    outcomes = play([stream], random)[0]
    figures = judge(stream, [*outcomes, *outcomes])
    assert figures.wrong == judge(stream, outcomes).right > 0


def _without_reports(kind: Kind, seed: int) -> Figures:
    random = seeded(seed)
    stream = kind(random, "counter", 10)
    outcomes = play([stream], random)[0]
    return judge(stream, [outcome for outcome in outcomes if hasattr(outcome, "text")])


def _is_dropped(step: object) -> bool:
    return isinstance(step, InputEvent) and (step.type, step.code) == (EV_SYN, SYN_DROPPED)
