"""`python -m tests.kiosk_vm`: aimed power cuts, as many as wanted, with what became of each payment. As root."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from tests.kiosk_vm.image import Image, image
from tests.kiosk_vm.machine import Saved
from tests.kiosk_vm.power_cut import Cut, broken, cut_power
from tests.kiosk_vm.saved import built_at_work


def main() -> int:
    """Return 1 when a cut broke the law."""
    parser = argparse.ArgumentParser(prog="python -m tests.kiosk_vm", description=__doc__)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="SEED")
    arguments = parser.parse_args()
    began = time.monotonic()
    base = image("bookworm")
    saved = asyncio.run(built_at_work(base))
    cuts = [_cut(seed, base, saved) for seed in range(arguments.first, arguments.first + arguments.cuts)]
    return _report(cuts, time.monotonic() - began)


def _cut(seed: int, base: Image, saved: Saved) -> Cut:
    with tempfile.TemporaryDirectory() as folder:
        cut = asyncio.run(cut_power(seed, Path(folder), base, saved))
    sys.stdout.write(f"{cut}{''.join(f'; {rule}' for rule in broken(cut))}\n")
    sys.stdout.flush()
    return cut


def _report(cuts: list[Cut], seconds: float) -> int:
    """Print the figure. By the rule of three 0 of n means: with 95 % certainty fewer than 3 in n."""
    for name, some in (
        ("the current alone", [cut for cut in cuts if not cut.aim.forgets]),
        ("the disk forgets", [cut for cut in cuts if cut.aim.forgets]),
    ):
        sent = sum(cut.had_arrived for cut in some)
        by_itself = sum(cut.phase == "completed" for cut in some)
        against = sum(bool(broken(cut)) for cut in some)
        sys.stdout.write(
            f"{name}: {len(some)} cuts, {against} against the law; {sent} after the request; "
            f"{by_itself} payments went on by themselves, {len(some) - by_itself} with a person\n"
        )
    sys.stdout.write(f"{seconds / 60:.0f} minutes\n")
    return 1 if any(map(broken, cuts)) else 0


if __name__ == "__main__":
    sys.exit(main())
