"""The same package recipe on the next Debian: another kernel, systemd and Python."""

import asyncio

import pytest

from tests.debian import built_package
from tests.kiosk_vm.image import image
from tests.kiosk_vm.kiosk import kiosk
from tests.kiosk_vm.saved import at_work, installed


async def test_the_checkout_on_debian_13(tmp_path_factory: pytest.TempPathFactory) -> None:
    base = await asyncio.to_thread(image, "trixie")
    package = await asyncio.to_thread(built_package, "trixie")
    saved = await at_work(base, await installed(base, package))
    async with kiosk(tmp_path_factory.mktemp("kiosk"), base, saved) as box, box.screen() as screen:
        await box.sell(screen)
        assert "2845" not in await box.console()
        assert 'VERSION_ID="13"' in await box.machine.shell("cat /etc/os-release")
