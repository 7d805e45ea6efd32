"""Does it level off? A leak grows from quarter to quarter; a cache, a pool and a journal that is kept small do not."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.bench.figures import single
from tests.bench.result import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The agent after so many checkouts. Sizes in KiB; the journal's with its log."""

    checkouts: int
    memory: int
    descriptors: int
    tasks: int
    journal: int

    def line(self) -> str:
        return (
            f"{self.checkouts:>9} checkouts  {self.memory:>8} KiB  {self.descriptors:>4} descriptors  "
            f"{self.tasks:>4} tasks  journal {self.journal:>7} KiB"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What may be more in the last quarter than in the one before: a share, and an amount."""

    name: str
    of: Callable[[Sample], int]
    share: float
    amount: int


BOUNDS = (
    Bound(name="memory", of=lambda sample: sample.memory, share=0.03, amount=2048),  # the allocator keeps whole arenas
    Bound(
        name="descriptors", of=lambda sample: sample.descriptors, share=0.0, amount=3
    ),  # a connection more in the pool
    Bound(name="tasks", of=lambda sample: sample.tasks, share=0.0, amount=6),  # a checkout more is under way
    Bound(name="journal", of=lambda sample: sample.journal, share=0.15, amount=1024),  # its log grows to a checkpoint
)
FEWEST_SAMPLES = 16


def growing(samples: Sequence[Sample]) -> Iterator[str]:
    """Say what has not levelled off. Raises ValueError when there are too few samples to tell."""
    if len(samples) < FEWEST_SAMPLES:
        raise ValueError(f"{len(samples)} samples tell nothing: {FEWEST_SAMPLES} are needed")
    quarter = len(samples) // 4
    third, last = samples[-2 * quarter : -quarter], samples[-quarter:]
    for bound in BOUNDS:
        before, after = (max(map(bound.of, part)) for part in (third, last))
        if after > before * (1 + bound.share) + bound.amount:
            yield f"{bound.name} still grows: at most {before} in the third quarter, {after} in the last"


FIRST = 1000
"""Checkouts after which what is loaded, cached and pooled is there."""
MOST_MORE_MIB = 2.0


def memory_row(samples: Sequence[Sample]) -> Row:
    """Say how much more memory the agent has at the end than it had after the first thousand checkouts."""
    first = next((sample for sample in samples if sample.checkouts >= FIRST), samples[-1])
    more_mib = (samples[-1].memory - first.memory) / 1024
    words = f"memory after {samples[-1].checkouts:,} checkouts, more than after {first.checkouts:,}"
    return Row(key="long memory", words=words, unit="MiB", measured=single(more_mib), goal=MOST_MORE_MIB)
