"""Installing, upgrading and removing on a box with a kernel of its own, with devices plugged in."""

import asyncio
import re
from pathlib import Path

import pytest

from agent.simulator import CARD_NUMBER, CLIENT_SECRET
from tests.debian import with_higher_version
from tests.kiosk_vm.kiosk import Kiosk
from tests.kiosk_vm.till_config import DRAWER, USB_KEYBOARD, reader


async def test_from_an_answer_file_to_a_completed_checkout_without_a_keystroke(installed_box: Kiosk) -> None:
    box = installed_box
    await box.prepare()
    config = box.config(reader("counter", "evdev", USB_KEYBOARD), DRAWER)
    answers = f"[secrets]\nclient_secret = '{CLIENT_SECRET}'\n[config]\ntillwire = '''\n{config}'''\n"
    await box.machine.write("/root/answers.toml", answers.encode(), "600")
    said = await box.machine.shell("tillwire setup --answers /root/answers.toml")
    assert "This till is ready." in said
    assert await box.machine.shell("systemctl is-enabled tillwire") == "enabled\n"
    async with box.screen() as screen:
        await box.sell(screen)


async def test_an_upgrade_waits_for_the_customer(
    box: Kiosk, package: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    next_package = with_higher_version(package, tmp_path_factory.mktemp("next"))
    await box.machine.write("/root/next.deb", next_package.read_bytes())
    async with box.screen() as screen:
        checkout = await box.until_cash(screen)
        upgrading = asyncio.create_task(box.machine.shell("dpkg --install /root/next.deb"))
        await box.shows("ps -ef", lambda said: "wait-idle" in said)
        assert await box.machine.shell("systemctl is-active tillwire") == "active\n"
        await box.take_cash(screen)
        await upgrading
        await screen.phase(checkout, "completed")
        await screen.devices("present", "counter", "drawer")
        await screen.client.check_card(CARD_NUMBER)
    assert (await box.machine.shell("dpkg-query --show --showformat='${Version}' tillwire")).startswith("9")
    assert len(box.simulator.ledger) == 1
    assert box.drawer.pulses == 1


async def test_removing_gives_the_devices_back_and_purging_leaves_nothing(box: Kiosk) -> None:
    async with box.screen() as screen:
        await box.sell(screen)
    await box.machine.shell("dpkg --remove tillwire")
    await box.machine.shell("test -e /var/lib/tillwire/journal.sqlite && test -e /etc/tillwire/tillwire.toml")
    await box.types_onto_console("1234567")
    await box.machine.shell("dpkg --purge tillwire")
    left = await box.machine.shell("find / -xdev -name '*tillwire*' -not -path '/root/*' -not -path '/proc/*'")
    assert left == "/etc/systemd/system/tillwire.service.d\n", "the test's own"


async def test_the_service_has_no_rights_that_it_does_not_need(box: Kiosk) -> None:
    said = await box.machine.shell("systemd-analyze security tillwire.service")
    score = re.search(r"exposure level for .*: ([0-9.]+)", said)
    assert score is not None
    assert float(score[1]) <= 1.5
    async with box.screen() as screen:
        await box.sell(screen)
