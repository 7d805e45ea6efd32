"""`python -m tests.faults`: many runs with a tally, or the story of one."""

import argparse
import logging
import os
import sys
import time
from pathlib import Path

from tests.faults.coverage import Coverage
from tests.faults.simulation import simulate
from tests.faults.tally import HUNTED_PART, PART, ROOT, Tally, load, run_parts, store

ENOUGH_RUNS = 5_000
"""With fewer some cells stay empty by chance."""
TALLY = ROOT / "build" / "faults.json"


def main() -> int:
    """Return 1 when the law was broken, or a cell stayed empty."""
    arguments = _parsed()
    if arguments.tell is not None:
        return _tell(arguments.tell)
    tally = load(arguments.tally, arguments.first)
    seeds = range(tally.next_seed, arguments.first + arguments.runs)
    began, done_before, processor_s = time.monotonic(), tally.runs, 0.0
    for part in run_parts(seeds, arguments.workers, HUNTED_PART if arguments.stop else PART):
        tally.add(part)
        processor_s += part.processor_s
        store(tally, arguments.tally)
        _progress(tally, time.monotonic() - began, tally.runs - done_before)
        if tally.broken and arguments.stop:
            break
    result = _report(tally)
    if runs := tally.runs - done_before:
        sys.stdout.write(f"{processor_s / runs * 1000:.0f} ms of processor time a run\n")
    return result


def _parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="SEED")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--tally", type=Path, default=TALLY)
    parser.add_argument("--stop", action="store_true", help="stop at the first seed that breaks the law")
    parser.add_argument("--tell", type=int, metavar="SEED", help="tell the story of one seed")
    return parser.parse_args()


def _tell(seed: int) -> int:
    def tell(at: float, text: str) -> None:
        sys.stdout.write(f"{at:10.3f}  {text}\n")

    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format=f"{'':12}[%(name)s] %(message)s")
    return 1 if simulate(seed, Coverage(), tell).broken else 0


def _progress(tally: Tally, seconds: float, runs: int) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{tally.runs} runs, {len(tally.broken)} broken, {runs * 60 / seconds:.0f} a minute ")


def _report(tally: Tally) -> int:
    sys.stdout.write(f"{tally.line()}\n{tally.coverage.report(names_empty=tally.runs >= ENOUGH_RUNS)}\n")
    for seed, texts in sorted(tally.broken.items()):
        sys.stdout.write(f"seed {seed}: {'; '.join(texts)} (python -m tests.faults --tell {seed})\n")
    return 1 if tally.broken or (tally.runs >= ENOUGH_RUNS and tally.coverage.empty()) else 0


if __name__ == "__main__":
    sys.exit(main())
