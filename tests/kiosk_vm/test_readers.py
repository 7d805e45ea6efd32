"""Readers as the kernel shows them: as keyboards, a stripe, two of one model; and a program that stands still."""

from functools import partial

import pytest

from agent.kiosk.event_answers import CardRefusedAnswer, ScanAnswer
from agent.simulator import CARD_NUMBER
from tests.kiosk_vm.hid_reports import BOOT_KEYBOARD, UHID_READERS, pos_report, typed
from tests.kiosk_vm.kiosk import Kiosk
from tests.kiosk_vm.till_config import DRAWER, HONEYWELL_KEYBOARD, MAGTEK, reader

OTHER_CARD = "9276004424644352"
STRIPE = f"%B{CARD_NUMBER}^MUSTERMANN/ERIKA^4912101?;{CARD_NUMBER}=49121010000?\n"
BANK_CARD = "4111111111111111"
BANK_STRIPE = f"%B{BANK_CARD}^MUSTERMANN/ERIKA^4912101?;{BANK_CARD}=49121010000?\n"


async def test_with_a_keyboard_mode_reader_whose_keys_reach_nobody_else(box: Kiosk) -> None:
    await box.make_reader("hand", HONEYWELL_KEYBOARD, BOOT_KEYBOARD)
    async with box.screen() as screen:
        await box.sell(screen, lambda: box.reads_whole(screen, "hand", typed(f"{CARD_NUMBER}\n")), reader="hand")
    assert "2845" not in await box.console()
    node = await box.machine.shell("stat --format='%G %a' --dereference /dev/tillwire/hand")
    assert node == "tillwire-devices 640\n"


async def test_without_the_agent_the_keys_do_reach_the_console(box: Kiosk) -> None:
    """The test above could fail: this is what the agent keeps away."""
    await box.machine.shell("systemctl stop tillwire")
    await box.types_onto_console(CARD_NUMBER)


async def test_with_a_magstripe_reader(box: Kiosk) -> None:
    await box.make_reader("stripe", MAGTEK, BOOT_KEYBOARD)
    async with box.screen() as screen:
        await screen.devices("present", "stripe")
        async with screen.listening(CardRefusedAnswer) as refused:
            await box.reads_whole(screen, "stripe", typed(BANK_STRIPE))
            assert (await refused).reason == "payment_card"
        await box.sell(screen, lambda: box.reads_whole(screen, "stripe", typed(STRIPE)), reader="stripe")
    for number in (CARD_NUMBER, BANK_CARD):
        assert await box.machine.shell(f"grep --recursive --files-with-matches {number} /var || true") == ""
    assert "MUSTERMANN" not in await box.console()


async def test_each_kind_of_reader_may_be_pulled_and_plugged_in_again(box: Kiosk) -> None:
    async with box.screen() as screen:
        await box.make_readers()
        await screen.devices("present", *UHID_READERS)
        for name in UHID_READERS:
            await box.hands("destroy", name=name)
        await screen.devices("lost", *UHID_READERS)
        await box.make_readers()
        await screen.devices("present", *UHID_READERS)
        await box.sell(screen, lambda: box.reads("pos", pos_report(CARD_NUMBER)), reader="pos")


@pytest.mark.parametrize("read", [0, 1])
async def test_of_two_readers_of_one_model_the_meant_one_is_read(box: Kiosk, read: int) -> None:
    serials = ("R1", "R2")
    other, meant = serials[1 - read], serials[read]
    await box.set_up(reader("counter", "evdev", HONEYWELL_KEYBOARD, f', serial = "{meant}"'), DRAWER)
    for serial in serials:
        await box.make_reader(serial, HONEYWELL_KEYBOARD, BOOT_KEYBOARD, serial)

    async def scan() -> None:
        await box.reads(other, typed(f"{OTHER_CARD}\n"))
        await box.reads(meant, typed(f"{CARD_NUMBER}\n"))

    async with box.screen() as screen:
        checkout = await box.sell(screen, scan)
        assert (await screen.client.checkout(checkout)).phase == "completed"


async def test_a_loop_that_stands_still_for_a_second_in_mid_scan_neither_loses_nor_tears_it(box: Kiosk) -> None:
    await box.make_reader("hand", HONEYWELL_KEYBOARD, BOOT_KEYBOARD)
    async with box.screen() as screen:
        stopped = partial(_scan_while_stopped, box, "main thread")
        await box.sell(screen, lambda: box.scans_whole(screen, stopped), reader="hand")


async def test_a_program_that_stands_still_in_mid_scan_discards_it_and_says_so(box: Kiosk) -> None:
    await box.make_reader("hand", HONEYWELL_KEYBOARD, BOOT_KEYBOARD)
    async with box.screen() as screen:
        await screen.devices("present", "hand")
        async with screen.listening(ScanAnswer) as scanned:
            await _scan_while_stopped(box, "process")
            torn = await scanned
        assert (torn.card, torn.code, torn.refused) == (None, None, "torn")
        await box.sell(screen, lambda: box.reads_whole(screen, "hand", typed(f"{CARD_NUMBER}\n")), reader="hand")


async def _scan_while_stopped(box: Kiosk, stopped: str) -> None:
    main = int(await box.machine.shell("systemctl show --property=MainPID --value tillwire"))
    await box.hands(
        "send_while_stopped",
        name="hand",
        reports=typed(f"{CARD_NUMBER}\n"),
        pause_s=0.005,
        process=main,
        stopped=stopped,
    )
