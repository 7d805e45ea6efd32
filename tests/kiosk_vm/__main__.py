"""`python -m tests.kiosk_vm`: aimed power cuts, as many as wanted, with what became of each payment. As root."""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.kiosk_vm.image import Image, image
from tests.kiosk_vm.machine import Saved
from tests.kiosk_vm.power_cut import ATTEMPTS, Cut, NeverCutError, broken, cut_at_last, cut_power
from tests.kiosk_vm.saved import built_at_work


def main() -> int:
    """Return 1 when a cut broke the law, or when one never came."""
    parser = argparse.ArgumentParser(prog="python -m tests.kiosk_vm", description=__doc__)
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="SEED")
    arguments = parser.parse_args()
    began = time.monotonic()
    base = image("bookworm")
    seeds = range(arguments.first, arguments.first + arguments.cuts)
    missed: list[int] = []
    with built_at_work(base) as saved:
        cuts = [cut for seed in seeds if (cut := _cut(seed, base, saved, missed))]
    return _report(seeds, cuts, missed, time.monotonic() - began)


def _cut(seed: int, base: Image, saved: Saved, missed: list[int]) -> Cut | None:
    """Return none when no attempt came to the cut; `missed` gets the seed of each that did not."""

    def miss(error: NeverCutError) -> None:
        missed.append(seed)
        _say(f"no cut of seed {seed}, attempt {missed.count(seed)} of {ATTEMPTS}: {str(error).splitlines()[0]}")
        sys.stderr.write(f"seed {seed}: {error}\n")

    try:
        cut = asyncio.run(cut_at_last(lambda: _attempt(seed, base, saved), miss))
    except NeverCutError as error:
        miss(error)
        return None
    _say(f"{cut}{''.join(f'; {rule}' for rule in broken(cut))}")
    return cut


async def _attempt(seed: int, base: Image, saved: Saved) -> Cut:
    with tempfile.TemporaryDirectory() as folder:
        return await cut_power(seed, Path(folder), base, saved)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _report(seeds: Sequence[int], cuts: list[Cut], missed: list[int], seconds: float) -> int:
    """Print the figure. By the rule of three 0 of n means: with 95 % certainty fewer than 3 in n."""
    for name, some in (
        ("the current alone", [cut for cut in cuts if not cut.aim.forgets]),
        ("the disk forgets", [cut for cut in cuts if cut.aim.forgets]),
    ):
        sent = sum(cut.had_arrived for cut in some)
        by_itself = sum(cut.phase == "completed" for cut in some)
        against = sum(bool(broken(cut)) for cut in some)
        _say(
            f"{name}: {len(some)} cuts, {against} against the law; {sent} after the request; "
            f"{by_itself} payments went on by themselves, {len(some) - by_itself} with a person"
        )
    never = sorted(set(seeds) - {cut.seed for cut in cuts})
    _say(f"{len(missed)} attempts never came to their cut; seeds without a cut: {never}")
    _say(f"{seconds / 60:.0f} minutes")
    return 1 if never or any(map(broken, cuts)) else 0


if __name__ == "__main__":
    sys.exit(main())
