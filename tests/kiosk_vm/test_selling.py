"""The seed's checkout on a real kernel: keyboard, hidraw, ttyUSB, udev, systemd, and the simulator outside."""

import asyncio

from agent.simulator import CARD_NUMBER
from tests.kiosk_vm.hid_reports import POS_SCANNER, pos_report
from tests.kiosk_vm.kiosk import Kiosk
from tests.kiosk_vm.till_config import HONEYWELL_POS


async def test_typed_on_a_usb_keyboard_with_the_drawer_on_ttyusb(box: Kiosk) -> None:
    async with box.screen() as screen:
        await box.sell(screen)
    assert box.drawer.pulses == 1
    assert "2845" not in await box.console(), "the digits were typed into the text console"
    assert CARD_NUMBER not in await box.machine.shell("journalctl --output=export")
    nodes = await box.machine.shell("stat --format='%N %G %a' --dereference /dev/tillwire/*; ls -l /dev/tillwire/")
    assert "'/dev/tillwire/counter' tillwire-devices 640" in nodes
    assert "'/dev/tillwire/drawer0' tillwire-devices 660" in nodes
    assert "-hupcl" in await box.machine.shell("stty -a -F /dev/tillwire/drawer0")
    assert "ID_MM_PORT_IGNORE=1" in await box.machine.shell("udevadm info /dev/tillwire/drawer0")


async def test_a_customer_keeps_the_machine_up(box: Kiosk) -> None:
    assert await box.status_line() == "waiting for a customer"
    async with box.screen() as screen:
        await box.until_cash(screen)
        await box.shows("systemd-inhibit --list", lambda said: "A customer is being served" in said)
        assert await box.status_line() == "a customer is being served"
        assert await box.machine.shell("ls /run/tillwire/busy") == "till\n"
        await box.take_cash(screen)
    await box.shows("systemd-inhibit --list", lambda said: "A customer is being served" not in said)
    assert len(box.simulator.ledger) == 1


async def test_with_a_pos_mode_reader_that_is_switched_on_by_a_report(box: Kiosk) -> None:
    await box.make_reader("pos", HONEYWELL_POS, POS_SCANNER)
    async with box.screen() as screen:
        await box.sell(screen, lambda: box.reads("pos", pos_report(CARD_NUMBER)), reader="pos")
    told = await box.hands("send", name="pos", reports=[], pause_s=0)
    assert told["features"] == [0xFE]
    node = await box.machine.shell("stat --format='%G %a' --dereference /dev/tillwire/pos")
    assert node == "tillwire-devices 660\n"


async def test_a_reader_and_a_drawer_may_be_pulled_and_plugged_in_again(box: Kiosk) -> None:
    async with box.screen() as screen:
        await screen.devices("present", "counter", "drawer")
        await box.machine.pull("reader")
        await box.machine.pull("drawer")
        await screen.devices("lost", "counter", "drawer")
        await asyncio.sleep(1)  # until QEMU has let go of the names
        await box.machine.plug("usb-kbd", "reader")
        await box.machine.plug("usb-serial", "drawer", chardev="drawer")
        await box.sell(screen)
