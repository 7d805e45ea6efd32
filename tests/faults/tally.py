"""Many runs, on several cores, counted in a file: ended at any moment, they are taken up where they stood."""

import gc
import hashlib
import json
import multiprocessing
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.coverage import Cell, Coverage
from tests.faults.simulation import Outcome, quietly, simulate
from tests.faults.world import Breach

ROOT = Path(__file__).parents[2]
PART = 50
"""Seeds that one worker runs before it reports."""
HUNTED_PART = 8
"""Likewise, where the first seed that breaks the law ends it all."""


@dataclass(slots=True)
class Tally:
    """What came of the seeds from `first` on, of which `runs` are done, with this code."""

    code: str
    first: int
    runs: int = 0
    whole: int = 0
    bookings: int = 0
    virtual_s: float = 0.0
    breaches: Counter[str] = field(default_factory=Counter)
    broken: dict[int, list[str]] = field(default_factory=dict)
    coverage: Coverage = field(default_factory=Coverage)

    @property
    def next_seed(self) -> int:
        return self.first + self.runs

    def add(self, part: "Part") -> None:
        for outcome in part.outcomes:
            self.runs += 1
            self.whole += outcome.is_whole
            self.bookings += outcome.bookings
            self.virtual_s += outcome.lasted_s
            self.breaches.update({wrong.breach.value for wrong in outcome.broken})
            if outcome.broken:
                self.broken[outcome.seed] = [wrong.text for wrong in outcome.broken]
        self.coverage.add(part.cells)

    def line(self) -> str:
        """The figures, with what they rest on."""
        counts = ", ".join(f"{self.breaches[breach.value]} {breach}" for breach in Breach)
        years = self.virtual_s / 3600 / 24 / 365
        return (
            f"{self.runs} runs (seeds {self.first} to {self.next_seed - 1}): {counts}; "
            f"{self.bookings} payments executed in {years:.1f} simulated years; "
            f"{self.whole} runs had two checkouts and a fault that struck or a life that ended; "
            f"commit {_commit()}, {datetime.now(UTC):%Y-%m-%d}"
        )


@dataclass(frozen=True, slots=True)
class Part:
    """Some seeds, done."""

    outcomes: tuple[Outcome, ...]
    cells: Counter[Cell]
    processor_s: float


def run_part(seeds: Sequence[int]) -> Part:
    """Run these seeds in this process."""
    coverage, began_s = Coverage(), time.process_time()
    outcomes = tuple(simulate(seed, coverage) for seed in seeds)
    gc.collect()
    return Part(outcomes, coverage.cells, time.process_time() - began_s)


def run_parts(seeds: range, workers: int, size: int) -> Iterator[Part]:
    """Run seeds on so many cores, so many at a time; the parts come in their order."""
    parts = [seeds[at : at + size] for at in range(0, len(seeds), size)]
    if workers == 1:
        quietly()
        yield from map(run_part, parts)
        return
    with multiprocessing.get_context("fork").Pool(workers, quietly) as pool:
        yield from pool.imap(run_part, parts)


def load(path: Path, first: int) -> Tally:
    """Take up the tally of this code, or begin one."""
    code = _code()
    if path.exists():
        stored = json.loads(path.read_text())
        if (stored["code"], stored["first"]) == (code, first):
            return _tally(stored)
        path.replace(path.with_suffix(".old.json"))
    return Tally(code=code, first=first)


def store(tally: Tally, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(
        json.dumps(
            {
                "code": tally.code,
                "first": tally.first,
                "runs": tally.runs,
                "whole": tally.whole,
                "bookings": tally.bookings,
                "virtual_s": tally.virtual_s,
                "breaches": tally.breaches,
                "broken": tally.broken,
                "cells": [[*cell, count] for cell, count in tally.coverage.cells.items()],
            }
        )
    )
    fresh.replace(path)


def _tally(stored: dict[str, object]) -> Tally:
    cells = stored.pop("cells")
    broken = stored.pop("broken")
    breaches = stored.pop("breaches")
    assert isinstance(cells, list)
    assert isinstance(broken, dict)
    assert isinstance(breaches, dict)
    coverage = Coverage(Counter({tuple(cell[:-1]): cell[-1] for cell in cells}))
    found = {int(seed): texts for seed, texts in broken.items()}
    return Tally(**stored, breaches=Counter(breaches), broken=found, coverage=coverage)  # type: ignore[arg-type]


def _code() -> str:
    """The code that a tally is about: the agent's and the simulation's own."""
    digest = hashlib.sha256()
    for file in _sources(("agent", "device", "config", "tests/faults")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _sources(folders: Iterable[str]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(path for path in (ROOT / folder).rglob("*") if path.suffix in {".py", ".c"})


def _commit() -> str:
    described = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"],
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"
