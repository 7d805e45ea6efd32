"""A receipt printer on the network: a real TCP connection to one on this machine."""

import asyncio

import pytest

from device.interface import PrintInterrupted, PrintRefused
from device.network_printer import NetworkPrinterTalk
from device.printer import Printer
from tests.drawer_reports import running
from tests.loopback_printer import LoopbackPrinter

RECEIPT = b"\x1bt\x10Umsatz: 7,96 EUR\n\x1dVB\x00"
NEVER_S = 3600.0
SOON_S = 0.02


def printer_at(
    simulated: LoopbackPrinter,
    *,
    answers: bool = True,
    stall_s: float = NEVER_S,
    answer_s: float = NEVER_S,
    look_interval_s: float = NEVER_S,
) -> Printer:
    talk = NetworkPrinterTalk("127.0.0.1", simulated.port, stall_s=stall_s, answer_s=answer_s)
    return Printer(name="printer", talk=talk, answers=answers, look_interval_s=look_interval_s, retry_s=SOON_S)


async def test_a_receipt_arrives_whole_and_the_connection_is_closed() -> None:
    async with LoopbackPrinter() as simulated:
        await printer_at(simulated).print_bytes(RECEIPT)
        await simulated.closed.wait()
        assert simulated.printed == RECEIPT
        assert simulated.resets == 0


async def test_two_receipts_come_out_one_after_the_other() -> None:
    async with LoopbackPrinter() as simulated:
        printer = printer_at(simulated)
        first, second = b"1" * 50_000, b"2" * 50_000
        await asyncio.gather(printer.print_bytes(first), printer.print_bytes(second))
        assert simulated.printed == (first + second)[-len(simulated.printed) :]
        assert simulated.talks == 2


async def test_a_printer_that_is_offline_gets_nothing_that_it_could_print_later() -> None:
    async with LoopbackPrinter() as simulated:
        simulated.offline = True
        with pytest.raises(PrintRefused, match="close its cover"):
            await printer_at(simulated).print_bytes(RECEIPT)
        simulated.close_cover()
        assert simulated.printed == b""


async def test_a_silent_printer_gets_nothing_unless_the_configuration_says_that_it_cannot_answer() -> None:
    async with LoopbackPrinter() as simulated:
        simulated.silent = True
        with pytest.raises(PrintRefused, match="answers = false"):
            await printer_at(simulated, answer_s=0.2).print_bytes(RECEIPT)
        assert simulated.printed == b""
        await printer_at(simulated, answers=False).print_bytes(RECEIPT)
        assert simulated.printed == RECEIPT


async def test_what_a_jammed_printer_did_not_take_is_never_printed() -> None:
    async with LoopbackPrinter() as simulated:
        simulated.stalled = True
        receipt = b"x" * 4_000_000
        with pytest.raises(PrintInterrupted, match="only a part"):
            await printer_at(simulated, stall_s=0.2).print_bytes(receipt)
        simulated.take_again()
        await simulated.closed.wait()
        assert simulated.resets == 1


async def test_a_printer_that_is_switched_off_is_missing_and_comes_back() -> None:
    simulated = LoopbackPrinter()
    async with simulated:
        pass
    async with running(printer_at(simulated)) as reports:
        missing = await reports.state("missing")
        assert missing.kind == "printer"
        assert "switch it on" in (missing.reason or "")
        async with simulated:
            assert (await reports.state("present")).reason is None


@pytest.mark.parametrize(("fault", "says"), [("offline", "put paper in"), ("silent", "no answer")])
async def test_it_is_told_when_a_printer_has_trouble_and_when_it_is_well_again(fault: str, says: str) -> None:
    answer_s = 0.2 if fault == "silent" else NEVER_S
    async with (
        LoopbackPrinter() as simulated,
        running(printer_at(simulated, answer_s=answer_s, look_interval_s=SOON_S)) as reports,
    ):
        await reports.state("present")
        setattr(simulated, fault, True)
        assert says in ((await reports.state("fault")).reason or "")
        setattr(simulated, fault, False)
        await reports.state("present")


async def test_a_printer_that_goes_away_is_lost() -> None:
    async with LoopbackPrinter() as simulated, running(printer_at(simulated, look_interval_s=SOON_S)) as reports:
        await reports.state("present")
        await simulated.__aexit__(None, None, None)
        await reports.state("lost")
        await simulated.__aenter__()
        await reports.state("present")
