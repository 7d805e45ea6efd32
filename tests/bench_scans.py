"""The record of scans: `python -m tests.bench_scans --scans 1000000 --seed 1`.

Prints how many scans of a seeded generator were delivered right and how many were torn and reported. Exits 1 when a
wrong text was delivered or a torn scan went unreported, with the seed of the box to play it again.
"""

import argparse
import sys
import time

from tests.scan_generator import seeded
from tests.scan_judge import Figures, figures_of


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures, bad, started = Figures(), [], time.process_time()
    box = 0
    while figures.scans < options.scans:
        one = figures_of(seeded(f"{options.seed}/{box}"))
        if one.wrong or one.silent:
            bad.append(f"{options.seed}/{box}")
        figures.add(one)
        box += 1
    print(_summary(figures, box, time.process_time() - started))  # noqa: T201 - a command prints
    if bad:
        print(f"boxes to play again: {', '.join(bad)}", file=sys.stderr)  # noqa: T201 - likewise
    return 1 if bad else 0


def _summary(figures: Figures, boxes: int, cpu_s: float) -> str:
    followed = f"{figures.torn_whole / (figures.scans - figures.hurt):.1%} of the whole scans: they followed a torn one"
    return "\n".join(
        (
            f"scans              {figures.scans:>10,} on {boxes:,} boxes of one to four readers",
            f"  met a fault      {figures.hurt:>10,}",
            f"delivered right    {figures.right:>10,}",
            f"torn and reported  {figures.torn:>10,}",
            f"  of them whole    {figures.torn_whole:>10,} ({followed})",
            f"torn and silent    {figures.silent:>10,}",
            f"delivered wrong    {figures.wrong:>10,}",
            f"cpu                {cpu_s:>10,.0f} s",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
