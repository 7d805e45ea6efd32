"""A receipt printer on USB: the real pyusb, above a bus without hardware."""

import errno

import pytest

from device.interface import PrintInterrupted, PrintRefused
from device.matching import Match
from device.printer import Printer
from device.usb_printer import CHUNK_BYTES, UsbPrinterTalk
from tests.drawer_reports import running
from tests.usb_bus import HID, UsbBus, UsbPrinter

ANY = Match(id_vendor="04b8", id_model="0e15")
RECEIPT = b"Umsatz: 7,96 EUR\n"
SOON_S = 0.02


def printer_on(bus: UsbBus, match: Match = ANY, *, answers: bool = True, answer_s: float = 60.0) -> Printer:
    talk = UsbPrinterTalk(match, stall_s=0.2, answer_s=answer_s, backend=bus)
    return Printer(name="printer", talk=talk, answers=answers, look_interval_s=SOON_S, retry_s=SOON_S)


async def test_a_receipt_is_printed_and_the_kernel_gets_its_printer_back() -> None:
    simulated = UsbPrinter()
    await printer_on(UsbBus(simulated)).print_bytes(RECEIPT)
    assert simulated.printed == RECEIPT
    assert (simulated.held_by_kernel, simulated.claimed, simulated.opened) == (True, False, 0)


async def test_a_long_receipt_arrives_whole() -> None:
    simulated = UsbPrinter(held_by_kernel=False)
    receipt = bytes(range(65, 91)) * 1000
    assert len(receipt) > 2 * CHUNK_BYTES
    await printer_on(UsbBus(simulated)).print_bytes(receipt)
    assert simulated.printed == receipt


async def test_of_two_alike_the_one_with_the_serial_number_prints() -> None:
    left, right = UsbPrinter(serial="L"), UsbPrinter(serial="R")
    bus = UsbBus(left, right)
    with pytest.raises(PrintRefused, match="add serial to the match"):
        await printer_on(bus).print_bytes(RECEIPT)
    await printer_on(bus, Match(id_vendor="04b8", id_model="0e15", serial="R")).print_bytes(RECEIPT)
    assert (left.printed, right.printed) == (b"", RECEIPT)


@pytest.mark.parametrize("taken", [3, 10, CHUNK_BYTES + 3])
async def test_what_a_jammed_printer_did_not_take_is_dropped_and_said(taken: int) -> None:
    simulated = UsbPrinter(takes=taken)
    with pytest.raises(PrintInterrupted, match="only a part"):
        await printer_on(UsbBus(simulated)).print_bytes(b"x" * 2 * CHUNK_BYTES)
    assert (simulated.held_by_kernel, simulated.claimed, simulated.opened) == (True, False, 0)


async def test_a_printer_that_is_offline_gets_nothing_that_it_could_print_later() -> None:
    simulated = UsbPrinter(offline=True)
    with pytest.raises(PrintRefused, match="close its cover"):
        await printer_on(UsbBus(simulated)).print_bytes(RECEIPT)
    assert simulated.close_cover() == b""


async def test_a_printer_without_a_way_to_answer_prints_where_the_configuration_says_so() -> None:
    simulated = UsbPrinter(speaks=False)
    with pytest.raises(PrintRefused, match="answers = false"):
        await printer_on(UsbBus(simulated)).print_bytes(RECEIPT)
    await printer_on(UsbBus(simulated), answers=False).print_bytes(RECEIPT)
    assert simulated.printed == RECEIPT


@pytest.mark.parametrize(
    ("simulated", "says"),
    [
        (UsbPrinter(interface_class=HID), "is no USB printer"),
        (UsbPrinter(refuses_with=errno.EBUSY), "held by another program"),
        (UsbPrinter(refuses_with=errno.EACCES), "permission denied"),
        (UsbPrinter(refuses_with=errno.ENODEV), "was unplugged"),
        (UsbPrinter(refuses_with=errno.EIO), "switch it off and on"),
    ],
    ids=["no-printer", "busy", "no-permission", "gone", "broken"],
)
async def test_why_it_cannot_be_used_is_said_with_what_to_do(simulated: UsbPrinter, says: str) -> None:
    with pytest.raises(PrintRefused, match=says):
        await printer_on(UsbBus(simulated)).print_bytes(RECEIPT)
    assert simulated.opened == 0


async def test_a_printer_that_is_unplugged_in_the_middle_was_interrupted_and_did_not_refuse() -> None:
    simulated = UsbPrinter(unplugged_after=CHUNK_BYTES)
    with pytest.raises(PrintInterrupted, match="lost while it printed"):
        await printer_on(UsbBus(simulated)).print_bytes(b"x" * (CHUNK_BYTES + 1))
    assert len(simulated.printed) == CHUNK_BYTES


async def test_what_a_printer_took_before_it_was_unplugged_is_printed() -> None:
    simulated = UsbPrinter(unplugged_after=len(RECEIPT))
    await printer_on(UsbBus(simulated)).print_bytes(RECEIPT)
    assert simulated.printed == RECEIPT


async def test_a_printer_is_missing_until_it_is_plugged_in_and_lost_when_it_is_unplugged() -> None:
    bus = UsbBus()
    async with running(printer_on(bus)) as reports:
        missing = await reports.state("missing")
        assert (missing.kind, "plug it in" in (missing.reason or "")) == ("printer", True)
        bus.printers.append(UsbPrinter())
        await reports.state("present")
        bus.printers.clear()
        await reports.state("lost")
