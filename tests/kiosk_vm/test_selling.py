"""The seed's checkout on a real kernel: keyboard, hidraw, ttyUSB, udev, systemd, and the simulator outside."""

import asyncio

import pytest

from agent.simulator import CARD_NUMBER
from tests.kiosk_vm.kiosk import (
    BOOT_KEYBOARD,
    DRAWER,
    KEYBOARD_READER,
    POS_READER,
    POS_SCANNER,
    USB_READER,
    Kiosk,
    pos_report,
    typed,
)

HONEYWELL = ("0c2e", "0ca1")


async def test_typed_on_a_usb_keyboard_with_the_drawer_on_ttyusb(box: Kiosk) -> None:
    await box.set_up(USB_READER, DRAWER)
    await box.start()
    async with box.screen() as screen:
        await box.sell(screen, lambda: box.machine.types(f"{CARD_NUMBER}\n"))
    assert [booking.amount for booking in box.simulator.ledger] == [296]
    assert box.drawer.pulses == 1
    assert "2845" not in await box.console(), "the digits were typed into the text console"
    assert CARD_NUMBER not in await box.machine.shell("journalctl --output=export")
    nodes = await box.machine.shell("stat --format='%N %G %a' --dereference /dev/tillwire/*; ls -l /dev/tillwire/")
    assert "'/dev/tillwire/counter' tillwire-devices 640" in nodes
    assert "'/dev/tillwire/drawer0' tillwire-devices 660" in nodes
    assert "-hupcl" in await box.machine.shell("stty -a -F /dev/tillwire/drawer0")
    assert "ID_MM_PORT_IGNORE=1" in await box.machine.shell("udevadm info /dev/tillwire/drawer0")


async def test_a_customer_keeps_the_machine_up(box: Kiosk) -> None:
    await box.set_up(USB_READER, DRAWER)
    await box.start()
    assert await box.status_line() == "waiting for a customer"
    async with box.screen() as screen:
        await box.until_cash(screen, lambda: box.machine.types(f"{CARD_NUMBER}\n"))
        await box.shows("systemd-inhibit --list", lambda said: "A customer is being served" in said)
        assert await box.status_line() == "a customer is being served"
        assert await box.machine.shell("ls /run/tillwire/busy") == "till\n"
        await box.take_cash()
    await box.shows("systemd-inhibit --list", lambda said: "A customer is being served" not in said)
    assert len(box.simulator.ledger) == 1


async def test_with_a_pos_mode_reader_that_is_switched_on_by_a_report(box: Kiosk) -> None:
    vendor, model = HONEYWELL
    await box.set_up(POS_READER.format(vendor, model), DRAWER)
    await box.start()
    await box.hands("create", name="pos", vendor=int(vendor, 16), product=int(model, 16), descriptor=POS_SCANNER)
    async with box.screen() as screen:
        await box.sell(screen, lambda: box.hands("send", name="pos", reports=pos_report(CARD_NUMBER), pause_s=0.01))
    assert len(box.simulator.ledger) == 1
    told = await box.hands("send", name="pos", reports=[], pause_s=0)
    assert told["features"] == [0xFE]
    node = await box.machine.shell("stat --format='%G %a' --dereference /dev/tillwire/counter")
    assert node == "tillwire-devices 660\n"


async def test_a_reader_and_a_drawer_may_be_pulled_and_plugged_in_again(box: Kiosk) -> None:
    await box.set_up(USB_READER, DRAWER)
    await box.start()
    async with box.screen() as screen:
        await screen.devices("present")
        await box.machine.pull("reader")
        await box.machine.pull("drawer")
        await screen.devices("lost")
        await asyncio.sleep(1)  # until QEMU has let go of the names
        await box.machine.plug("usb-kbd", "reader")
        await box.machine.plug("usb-serial", "drawer", chardev="drawer")
        await box.sell(screen, lambda: box.machine.types(f"{CARD_NUMBER}\n"))
    assert len(box.simulator.ledger) == 1


@pytest.mark.parametrize("read", [0, 1])
async def test_of_two_readers_of_one_model_the_meant_one_is_read(box: Kiosk, read: int) -> None:
    serials = ("R1", "R2")
    match = KEYBOARD_READER.format(*HONEYWELL).replace(" }", f', serial = "{serials[read]}" }}')
    await box.set_up(match, DRAWER)
    await box.start()
    for serial in serials:
        ids = {"vendor": int(HONEYWELL[0], 16), "product": int(HONEYWELL[1], 16)}
        await box.hands("create", name=serial, **ids, descriptor=BOOT_KEYBOARD, uniq=serial)

    async def scan() -> None:
        other, meant = serials[1 - read], serials[read]
        await box.hands("send", name=other, reports=typed("9276004424644352\n"), pause_s=0.005)
        await box.hands("send", name=meant, reports=typed(f"{CARD_NUMBER}\n"), pause_s=0.005)

    async with box.screen() as screen:
        checkout = await box.sell(screen, scan)
        assert (await screen.client.checkout(checkout)).phase == "completed"
