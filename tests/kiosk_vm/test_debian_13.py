"""The same package recipe on the next Debian: another kernel, systemd and Python."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kiosk_vm.image import Image, image
from tests.kiosk_vm.kiosk import kiosk
from tests.kiosk_vm.machine import Saved
from tests.kiosk_vm.saved import built_at_work


@pytest.fixture(scope="module")
def trixie() -> Image:
    return image("trixie")


@pytest.fixture(scope="module")
def saved_trixie(trixie: Image) -> Iterator[Saved]:
    with built_at_work(trixie) as saved:
        yield saved


async def test_the_checkout_on_debian_13(folder: Path, trixie: Image, saved_trixie: Saved) -> None:
    async with kiosk(folder, trixie, saved_trixie) as box, box.screen() as screen:
        await box.sell(screen)
        assert "2845" not in await box.console()
        assert 'VERSION_ID="13"' in await box.machine.shell("cat /etc/os-release")
