"""The current of the kiosk is cut around the moment at which cash is confirmed; `python -m tests.kiosk_vm` has more."""

from pathlib import Path

import pytest

from tests.kiosk_vm.image import Image
from tests.kiosk_vm.machine import Saved
from tests.kiosk_vm.power_cut import broken, cut_power

CUTS = 5


@pytest.mark.parametrize("seed", range(1, CUTS + 1))
async def test_a_power_cut_breaks_no_law(seed: int, folder: Path, bookworm: Image, saved_at_work: Saved) -> None:
    cut = await cut_power(seed, folder, bookworm, saved_at_work)
    assert broken(cut) == [], str(cut)
