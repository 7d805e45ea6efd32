"""`make bench`: the table of docs/bench.md, measured now, beside the last kept result.

It takes about ten minutes; `--short` takes two, and shows directions only. The run counts only when two identical
floors measured the same in it; on a machine that does something else they do not, and the answer is no (exit code 1).
`--keep` makes this run the kept result: docs/bench.json, the table of docs/bench.md and its picture. `--redraw` makes
table and picture anew from what is kept.
"""

import argparse
import asyncio
import shlex
import sys
import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

from tests.bench import footprint, large_journal, latency, rival, slow_line
from tests.bench.report import table, write_documents
from tests.bench.result import KEPT, ROOT, Result, Row, found, read, write

T = TypeVar("T")
LATEST = ROOT / "build" / "bench.json"


async def measure(wanted: argparse.Namespace) -> Result:
    with tempfile.TemporaryDirectory(prefix="tillwire-bench-") as directory:
        latencies, line, rest, large = (Path(directory, name) for name in ("latency", "line", "rest", "large"))
        for place in (latencies, line, rest, large):
            place.mkdir()
        rivals = await rival.available()
        samples = await _timed("latencies", latency.measure(latencies, wanted.rounds, 1, rivals))
        rows: list[Row] = [
            *latency.rows(samples),
            *await _timed("the slow line", slow_line.measure(line, wanted.line_rounds)),
            *await _timed("start and rest", footprint.measure(rest, wanted.starts, wanted.idle_s)),
            *await _timed(
                "the large journal",
                large_journal.measure(large, wanted.checkouts, wanted.starts, wanted.rounds),
            ),
        ]
    if (kept := read(KEPT)) is not None and (long := kept.row("long memory")) is not None:
        rows.append(long)
    command = f"make bench ARGUMENTS='{shlex.join(sys.argv[1:])}'" if sys.argv[1:] else "make bench"
    return found(command, rows, counts=samples.counts())


async def _timed(words: str, measuring: Awaitable[T]) -> T:
    began = time.monotonic()
    measured = await measuring
    sys.stderr.write(f"{words}: {time.monotonic() - began:.0f} s\n")
    return measured


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000, help="of each latency and commit (%(default)s)")
    parser.add_argument("--line-rounds", type=int, default=20, help="on the slow line (%(default)s)")
    parser.add_argument("--starts", type=int, default=20, help="of agent and floor (%(default)s)")
    parser.add_argument("--idle-s", type=float, default=60.0, help="watching a till at rest (%(default)s)")
    parser.add_argument("--checkouts", type=int, default=1_000_000, help="in the large journal (%(default)s)")
    parser.add_argument("--short", action="store_true", help="fewer of everything")
    parser.add_argument("--keep", action="store_true", help="make this run the kept result")
    parser.add_argument("--redraw", action="store_true", help="table and picture anew, nothing is measured")
    arguments = parser.parse_args()
    if arguments.short:
        vars(arguments).update(rounds=200, line_rounds=3, starts=3, idle_s=10.0, checkouts=50_000)
    return arguments


def main() -> int:
    arguments = _arguments()
    kept = read(KEPT)
    if arguments.redraw and kept is not None:
        write_documents(kept)
        return 0
    result = asyncio.run(measure(arguments))
    write(result, LATEST)
    sys.stdout.write(f"{table(result, kept)}\n")
    if arguments.keep:
        write(result, KEPT)
        write_documents(result)
    return 0 if result.counts else 1


if __name__ == "__main__":
    raise SystemExit(main())
