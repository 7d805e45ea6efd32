"""What the soak says of an agent that levels off, and of one that grows."""

from dataclasses import replace

import pytest

from tests.soak.judge import FEWEST_SAMPLES, Sample, growing, memory_row

LEVEL = [
    Sample(checkouts=50 * number, memory=64_000, descriptors=22, tasks=11, journal=min(6000, 500 * number))
    for number in range(1, 41)
]


def test_what_levels_off_is_good() -> None:
    assert list(growing(LEVEL)) == []


@pytest.mark.parametrize(
    ("name", "leaks"), [("memory", 600), ("descriptors", 1), ("tasks", 1), ("journal", 400)], ids=str
)
def test_what_grows_with_every_sample_is_told(name: str, leaks: int) -> None:
    grown = [replace(each, **{name: getattr(each, name) + leaks * number}) for number, each in enumerate(LEVEL)]
    assert [problem.split()[0] for problem in growing(grown)] == [name]


def test_too_few_samples_are_no_answer() -> None:
    with pytest.raises(ValueError, match="samples tell nothing"):
        list(growing(LEVEL[: FEWEST_SAMPLES - 1]))


def test_memory_is_compared_with_what_it_was_after_the_first_thousand() -> None:
    grown = [replace(each, memory=each.memory + each.checkouts) for each in LEVEL]
    row = memory_row(grown)
    assert (row.measured.median, row.met) == ((2000 - 1000) / 1024, True)
    leaking = memory_row([replace(each, memory=each.memory + 3 * each.checkouts) for each in LEVEL])
    assert leaking.met is False
