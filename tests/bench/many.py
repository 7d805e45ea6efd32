"""`python -m tests.bench.many`: does memory grow? A hundred thousand checkouts through one agent take hours.

The row goes into the kept result: the agent's memory after the first thousand and after the last.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.bench.figures import single
from tests.bench.report import write_documents
from tests.bench.result import KEPT, Result, Row, read, write
from tests.bench.shop import close_drawer, open_shop, scan_card, until_paid_into_drawer

FIRST = 1000
GOAL_MIB = 2.0


async def measure(checkouts: int) -> Row:
    sizes: list[float] = []
    with tempfile.TemporaryDirectory(prefix="tillwire-bench-") as directory:
        async with open_shop(Path(directory)) as shop:
            for number in range(1, checkouts + 1):
                checkout_id, _ = await scan_card(shop)
                await until_paid_into_drawer(shop, checkout_id)
                await close_drawer(shop, checkout_id)
                shop.screen.forget(checkout_id)
                if number % FIRST == 0:
                    sizes.append(shop.agent.rss_mib)
                    sys.stderr.write(f"{number}: {sizes[-1]:.2f} MiB\n")
    words = f"memory after {checkouts:,} checkouts, more than after the first thousand"
    return Row(key="long memory", words=words, unit="MiB", measured=single(sizes[-1] - sizes[0]), goal=GOAL_MIB)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.many", description=__doc__)
    parser.add_argument("--checkouts", type=int, default=100_000)
    parser.add_argument("--keep", action="store_true", help="put the row into the kept result")
    arguments = parser.parse_args()
    row = asyncio.run(measure(arguments.checkouts))
    sys.stdout.write(f"{row.words}: {row.measured.median:.2f} {row.unit}, goal {GOAL_MIB}\n")
    if arguments.keep and (kept := read(KEPT)) is not None:
        _keep(row, kept)
    return 0 if row.met else 1


def _keep(row: Row, kept: Result) -> None:
    fields = {name: getattr(kept, name) for name in ("command", "date", "commit", "machine", "counts")}
    result = Result(**fields, rows=(*(each for each in kept.rows if each.key != row.key), row))
    write(result, KEPT)
    write_documents(result)


if __name__ == "__main__":
    raise SystemExit(main())
