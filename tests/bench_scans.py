"""The record of scans: `python -m tests.bench_scans --scans 1000000 --seed 1`.

Prints how many scans of a seeded generator were delivered right and how many were torn and reported. Exits 1 when a
wrong text was delivered or a torn scan went unreported, with the seed of the box to play it again. With `--progress
FILE` a record that was interrupted goes on where it stood.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.scan_generator import seeded
from tests.scan_judge import Figures, figures_of

BOXES_BETWEEN_NOTES = 1_000  # some twenty seconds of work


@dataclass(slots=True)
class Record:
    """What was played so far."""

    seed: int
    boxes: int = 0
    figures: Figures = field(default_factory=Figures)
    bad: list[str] = field(default_factory=list)
    cpu_s: float = 0.0

    def play_a_box(self) -> None:
        seed, started = f"{self.seed}/{self.boxes}", time.process_time()
        one = figures_of(seeded(seed))
        if one.wrong or one.silent:
            self.bad.append(seed)
        self.figures.add(one)
        self.boxes += 1
        self.cpu_s += time.process_time() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--progress", type=Path, metavar="FILE", help="kept here, and taken up from here")
    options = parser.parse_args()
    record = _taken_up(options.progress, options.seed)
    while record.figures.scans < options.scans:
        record.play_a_box()
        if options.progress and record.boxes % BOXES_BETWEEN_NOTES == 0:
            _note(options.progress, record)
    print(_summary(record))  # noqa: T201 - a command prints
    if record.bad:
        print(f"boxes to play again: {', '.join(record.bad)}", file=sys.stderr)  # noqa: T201 - likewise
    return 1 if record.bad else 0


def _taken_up(progress: Path | None, seed: int) -> Record:
    if progress is None or not progress.exists():
        return Record(seed)
    noted = json.loads(progress.read_text())
    if noted["seed"] != seed:
        raise SystemExit(f"{progress} is the record of seed {noted['seed']}")
    return Record(**{**noted, "figures": Figures(**noted["figures"])})


def _note(progress: Path, record: Record) -> None:
    """Replace the file whole: an interruption leaves the old one."""
    new = progress.with_suffix(".new")
    new.write_text(json.dumps(asdict(record)))
    new.replace(progress)


def _summary(record: Record) -> str:
    figures = record.figures
    followed = f"{figures.torn_whole / (figures.scans - figures.hurt):.1%} of the whole scans: they followed a torn one"
    return "\n".join(
        (
            f"scans              {figures.scans:>10,} on {record.boxes:,} boxes of one to four readers",
            f"  met a fault      {figures.hurt:>10,}",
            f"delivered right    {figures.right:>10,}",
            f"torn and reported  {figures.torn:>10,}",
            f"  of them whole    {figures.torn_whole:>10,} ({followed})",
            f"torn and silent    {figures.silent:>10,}",
            f"delivered wrong    {figures.wrong:>10,}",
            f"cpu                {record.cpu_s:>10,.0f} s",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
