"""The current of the kiosk is cut around the moment at which cash is confirmed; `python -m tests.kiosk_vm` has more."""

import sys
from pathlib import Path

import pytest

from tests.kiosk_vm.image import Image
from tests.kiosk_vm.machine import Saved
from tests.kiosk_vm.power_cut import NeverCutError, broken, cut_at_last, cut_power

CUTS = 5
MOST_S = 1800
"""Of all attempts of one cut."""


@pytest.mark.timeout(MOST_S, func_only=True)
@pytest.mark.parametrize("seed", range(1, CUTS + 1))
async def test_a_power_cut_breaks_no_law(
    seed: int, folder: Path, bookworm: Image, saved_at_work: Saved, capsys: pytest.CaptureFixture[str]
) -> None:
    def missed(error: NeverCutError) -> None:
        with capsys.disabled():
            sys.stdout.write(f"no cut of seed {seed} in this attempt: {error}\n")

    cut = await cut_at_last(lambda: cut_power(seed, folder, bookworm, saved_at_work), missed)
    assert broken(cut) == [], str(cut)
