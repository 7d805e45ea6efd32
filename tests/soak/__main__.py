"""Weeks of trade with faults against the real process: `python -m tests.soak --checkouts 2000`.

The simulated API runs here, the agent in a process of its own, the drawer on a pseudo-terminal. Each payment is checked
against the API's ledger: executed once, for what was shown. Memory, descriptors, tasks and the journal's size are
printed as they go; exits 1 when one of them does not level off, or a payment was lost, doubled or another. `--keep`
puts the memory into the kept result of the bench.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.bench.report import keep_row
from tests.soak.judge import Sample, growing, memory_row
from tests.soak.shop import Shop, open_shop
from tests.soak.trade import Trade

SAMPLES = 100
WORLD_EACH = 500
"""Checkouts after which the simulated API begins anew: it forgets nothing by itself, and is not what is measured."""


def main() -> int:
    """Return 1 when something grows, or the law was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--checkouts", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="put the memory's row into docs/bench.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        samples, wrong = asyncio.run(_soak(Path(directory), arguments.checkouts, arguments.seed))
    row = memory_row(samples)
    sys.stdout.write(f"{row.words}: {row.measured.median:.2f} {row.unit}, goal {row.goal}\n")
    if arguments.keep:
        keep_row(row)
    problems = [*wrong, *growing(samples)]
    for problem in problems:
        sys.stdout.write(f"WRONG: {problem}\n")
    return 1 if problems else 0


async def _soak(directory: Path, checkouts: int, seed: int) -> tuple[list[Sample], list[str]]:
    samples: list[Sample] = []
    began = time.monotonic()
    async with open_shop(directory) as shop:
        trade = Trade(shop, seed)
        for number in range(1, checkouts + 1):
            await trade.sell(number)
            if number % WORLD_EACH == 0 or number == checkouts:
                await trade.settle()
            if number % max(1, checkouts // SAMPLES) == 0:
                samples.append(await _sample(shop, number))
        counts = ", ".join(f"{count} {phase}" for phase, count in sorted(trade.ends.items()))
    minutes = (time.monotonic() - began) / 60
    sys.stdout.write(f"{checkouts} checkouts in {minutes:.1f} minutes: {counts}; {trade.faults} faults\n")
    return samples, trade.wrong


async def _sample(shop: Shop, number: int) -> Sample:
    sample = await shop.sample(number)
    sys.stdout.write(f"{sample.line()}\n")
    sys.stdout.flush()
    return sample


if __name__ == "__main__":
    sys.exit(main())
