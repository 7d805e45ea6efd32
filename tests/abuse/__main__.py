"""Try every attack of this folder on a bridge: `python -m tests.abuse --help`.

Prints a line for each; exits 1 when one was not withstood.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tests.abuse import crowds, shapes, strangers
from tests.abuse.attack import Attack
from tests.abuse.target import Target

ATTACKS: tuple[Attack, ...] = (*strangers.ATTACKS, *shapes.ATTACKS, *crowds.ATTACKS)


def table(attacks: Iterable[Attack] = ATTACKS) -> str:
    """What is tried, in Markdown."""
    groups = groupby(attacks, key=lambda attack: attack.group)
    return "\n\n".join(
        "\n".join((f"**{group}**", "", *(f"- {attack.tries}" for attack in tried))) for group, tried in groups
    )


async def try_all(target: Target) -> bool:
    withstood = True
    for attack in ATTACKS:
        wrong = await attack.run(target) or await crowds.is_answered(target)
        print(f"{'withstood' if wrong is None else 'FAILED   '}  {attack.group}: {attack.tries}")  # noqa: T201 - a command prints
        if wrong is not None:
            withstood = False
            print(f"           {wrong}")  # noqa: T201 - likewise
            await asyncio.sleep(1.0 / 3.0)
    return withstood


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.abuse", description=__doc__)
    parser.add_argument("--table", action="store_true", help="print what is tried, and try nothing")
    parser.add_argument("--url", default="http://127.0.0.1:8377", help="where the bridge listens")
    parser.add_argument("--token-file", type=Path, help="a bearer token that may read and write")
    parser.add_argument("--read", default="/v1/checkouts", help="a path whose GET answers 200")
    parser.add_argument("--write", default="/v1/checkouts", help="a path that takes a POST")
    parser.add_argument("--body", default="{}", help="JSON that it takes")
    parser.add_argument("--cut-off-s", type=float, default=30.0, help="by when a slow client must be cut off")
    options = parser.parse_args()
    if options.table:
        print(table())  # noqa: T201 - a command prints
        return 0
    if options.token_file is None:
        parser.error("--token-file is needed")
    target = Target(
        url=options.url,
        token=options.token_file.read_text().strip(),
        read=options.read,
        write=options.write,
        body=options.body,
        cut_off_s=options.cut_off_s,
    )
    return 0 if asyncio.run(try_all(target)) else 1


if __name__ == "__main__":
    sys.exit(main())
