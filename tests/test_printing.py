"""Receipts on paper: a whole agent, the simulated API, and a printer on this machine."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.control import JsonObject, RunningAgent, SaidNo, agent_at
from agent.receipt import CodePage, as_escpos, parse_lines
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from config.settings import load
from tests.command_bench import NO_DRAWER, Box, device_is
from tests.drawer_reports import until
from tests.kiosk_bench import ORDER
from tests.loopback_printer import LoopbackPrinter
from tests.moved_clock import LONG_S, MovedClock
from tests.till_bench import CARD

PRINTER = """\
[printer]
connection = "network"
address = "127.0.0.1:{port}"
width = 32
code_page = "cp858"
receipts = ["customer", "merchant"]
provisional_after_s = 10.0
"""
PROVISIONAL_AFTER_S = 10.0
SLOW_START = f"start/cash:slow-answer:seconds={LONG_S}"


@dataclass
class Counter:
    """A till with a printer, and the cashier who keys everything in."""

    simulator: Simulator
    printer: LoopbackPrinter
    box: Box
    agent: RunningAgent

    async def paid(self) -> str:
        """Take the seed's 7.96 EUR in cash, and return the checkout's id."""
        checkout_id = str((await self.agent.post("/v1/checkouts", ORDER))["id"])
        path = f"/v1/checkouts/{checkout_id}"
        await self.agent._ask("PUT", f"{path}/card", {}, {"value": CARD.value})  # noqa: SLF001 - commands put nothing
        await self.agent.post(f"{path}/pay", {"method": "cash", "amount": 796})
        await self.phase("awaiting_cash")
        await self.agent.post(f"{path}/confirm", {"amount": 796, "by": "Ida"})
        return checkout_id

    async def cancelled(self) -> None:
        """Begin a sale and give it up: the till learns whether the API is there."""
        checkout_id = (await self.agent.post("/v1/checkouts", ORDER))["id"]
        path = f"/v1/checkouts/{checkout_id}"
        await self.agent.post(f"{path}/apply", {"use_balance": False})
        await self.phase("draft", "due")
        await self.agent.post(f"{path}/cancel", {})

    async def phase(self, *phases: str) -> JsonObject:
        """Wait until a checkout is in one of these phases."""
        async with aclosing(self.agent.events()) as events:
            async for name, told in events:
                found = told["checkouts"] if name == "snapshot" else [told] if name == "checkout" else []
                assert isinstance(found, list)
                for checkout in found:
                    if checkout["phase"] in phases:
                        return dict(checkout)
        raise AssertionError

    async def prints(self, text: bytes) -> None:
        """Wait until this is on the paper."""
        await until(lambda: text in self.printer.printed)


@asynccontextmanager
async def counter(box: Box, settings: str = PRINTER) -> AsyncIterator[Counter]:
    async with SimulatorServer() as simulator, LoopbackPrinter() as printer:
        box.write(base_url=simulator.base_url, rest=NO_DRAWER + settings.format(port=printer.port))
        async with box.agent(), agent_at(load(box.config, {})) as agent:
            assert agent is not None
            await box.heard(device_is("printer", "present"))
            yield Counter(simulator, printer, box, agent)


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


async def test_the_receipt_comes_out_when_the_checkout_is_completed(box: Box) -> None:
    async with counter(box) as at:
        checkout_id = await at.paid()
        await at.prints(b"\x1dVB\x00")
        told = await at.agent.get(f"/v1/checkouts/{checkout_id}/receipt")
        assert at.printer.printed == as_escpos(parse_lines(told["lines"]), 32, CodePage.PC858)
        assert at.printer.printed.startswith(b"\x1bt\x13")
        assert b"7,96 EUR" in at.printer.printed


async def test_a_booking_that_takes_long_gives_a_provisional_receipt_and_the_real_one_later(
    box: Box, clock: MovedClock
) -> None:
    async with counter(box) as at:
        at.simulator.add_fault(SLOW_START)
        checkout_id = await at.paid()
        await at.simulator.request_arrived("start/cash")
        clock.advance(PROVISIONAL_AFTER_S)
        await at.prints("Vorläufiger".encode("cp858"))
        await at.prints(b"\x1dVB\x00")
        assert b"KEIN KASSENBELEG" in at.printer.printed
        assert b"not a fiscal" in at.printer.printed
        assert checkout_id.encode() in at.printer.printed
        provisional_ends = len(at.printer.printed)
        await at.simulator.clock.advance(LONG_S)
        await at.phase("completed")
        await until(lambda: at.printer.printed.count(b"\x1dVB\x00") == 2)
        assert b"Kundenkarte" in at.printer.printed[provisional_ends:]
        assert b"KEIN KASSENBELEG" not in at.printer.printed[provisional_ends:]


async def test_cash_that_waits_for_the_api_gives_a_provisional_receipt_at_once(box: Box) -> None:
    async with counter(box) as at:
        at.simulator.refuse_connections(LONG_S)
        await at.cancelled()
        checkout_id = await at.paid()
        await at.prints(b"KEIN KASSENBELEG")
        assert (await at.agent.get(f"/v1/checkouts/{checkout_id}"))["phase"] == "confirmed"


async def test_a_receipt_is_printed_once_more_when_somebody_asks(box: Box) -> None:
    async with counter(box) as at:
        checkout_id = await at.paid()
        await at.prints(b"\x1dVB\x00")
        first = at.printer.printed
        await at.agent.post(f"/v1/checkouts/{checkout_id}/print", {})
        await at.prints(first * 2)
        for copy in ("merchant", "provisional"):
            with pytest.raises(SaidNo, match="no such receipt") as refused:
                await at.agent.post(f"/v1/checkouts/{checkout_id}/print", {"receipt": copy})
            assert refused.value.name == "no-receipt"


async def test_a_provisional_receipt_can_be_asked_for_where_none_comes_by_itself(box: Box) -> None:
    async with counter(box, PRINTER + 'provisional = "on-request"\n') as at:
        at.simulator.add_fault(SLOW_START)
        checkout_id = await at.paid()
        starting = await at.phase("starting")
        assert starting["receipts"] == ["provisional"]
        shown = await at.agent.get(f"/v1/checkouts/{checkout_id}/receipt", receipt="provisional")
        await at.agent.post(f"/v1/checkouts/{checkout_id}/print", {"receipt": "provisional"})
        expected = as_escpos(parse_lines(shown["lines"]), 32, CodePage.PC858)
        await at.prints(expected)
        await at.simulator.clock.advance(LONG_S)
        completed = await at.phase("completed")
        assert completed["receipts"] == ["customer"]
        await until(lambda: b"Kundenkarte" in at.printer.printed)
        assert at.printer.printed.count(b"KEIN KASSENBELEG") == 1


async def test_a_printer_without_paper_keeps_nobody_from_paying_and_prints_nothing_later(box: Box) -> None:
    async with counter(box) as at:
        at.printer.offline = True
        checkout_id = await at.paid()
        await at.phase("completed")
        with pytest.raises(SaidNo, match="close its cover"):
            await at.agent.post(f"/v1/checkouts/{checkout_id}/print", {})
        at.printer.close_cover()
        assert at.printer.printed == b""


async def test_a_till_without_printer_says_so(box: Box) -> None:
    async with SimulatorServer() as simulator:
        box.write(base_url=simulator.base_url)
        async with box.agent(), agent_at(load(box.config, {})) as agent:
            assert agent is not None
            at = Counter(simulator, LoopbackPrinter(), box, agent)
            checkout_id = await at.paid()
            await at.phase("completed")
            with pytest.raises(SaidNo, match="set \\[printer\\] connection"):
                await agent.post(f"/v1/checkouts/{checkout_id}/print", {})


async def test_check_finds_a_missing_printer(box: Box) -> None:
    async with SimulatorServer() as simulator, LoopbackPrinter() as printer:
        rest = NO_DRAWER + PRINTER.format(port=printer.port)
        box.write(base_url=simulator.base_url, rest=rest)
        there = await box.types("check")
        assert "OK     printer" in there.out
    gone = await box.types("check")
    assert gone.code == 1
    assert "WRONG  printer         the printer cannot be reached" in gone.out
