"""Every reader, with every fault, in every phase of the checkout: what the screen is told, and whose card it is.

Readers on pipes and a pseudo-terminal, read by their own drivers; the till, its journal and the simulated API are real.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from agent.checkout.events import ApplyAsked, PayAsked
from agent.checkout.state import Phase, Rules
from agent.smart.transport import Timeouts
from agent.till.listener import ScanTold
from device.evdev_scanner import EvdevScanner, EvdevScannerSettings
from device.hidpos_scanner import HidPosScanner, HidPosScannerSettings
from device.interface import Scanner
from device.key_decoder import EV_KEY, PRESSED, RELEASED, InputEvent, KeyReading
from device.keystrokes import key_events, strokes
from device.line_decoder import LineReading
from device.matching import Match
from device.serial_scanner import SerialScanner, SerialScannerSettings
from device.simulated_scanner import (
    SimulatedHidPosScanner,
    SimulatedKeyScanner,
    SimulatedSerialScanner,
    scan_reports,
)
from device.tty import LineCounts, PortSettings, SerialTty, Tty
from tests.moved_clock import LONG_S
from tests.till_bench import CARD, SEED, TillBench, whole_till

IDLE_S = 0.1
KEY_S = 0.0002
OTHER_CARD = "9276004424644352"
STRIPE = ";4111111111111111=30121010000000000000?"
HARMLESS = "OK-"
KEY_F1 = 59
PAY = PayAsked(method="cash", amount=296)
PATIENT = Rules(late_window_s=LONG_S)
UNHURRIED = Timeouts(request_s=LONG_S)
"""A checkout stands in its phase for as long as the test takes."""

Fault = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class Reader:
    """A reader at work, and how to make each fault happen to it."""

    name: str
    scanner: Scanner
    scan: Callable[[str], Awaitable[None]]
    faults: dict[str, Fault]


class CountingTty(SerialTty):
    """A pseudo-terminal counts no errors; this one counts those that the test makes, and what was read."""

    errors = 0
    received = 0

    def read(self) -> bytes:
        data = super().read()
        CountingTty.received += len(data)
        return data

    def counts(self) -> LineCounts:
        return LineCounts(cts=0, dsr=0, dcd=0, ri=0, frame=0, overrun=CountingTty.errors, parity=0, brk=0)


def torn_by(bench: TillBench, scanner: str) -> Callable[[], Awaitable[None]]:
    """Return what waits until a scan of this reader breaks off after now: the pause that this fault is."""

    def torn() -> int:
        return sum((told.scanner, told.refused) == (scanner, "torn") for told in bench.heard.scans)

    before = torn()
    return lambda: bench.heard.until(lambda: torn() > before)


def key_reader(reader: SimulatedKeyScanner, bench: TillBench) -> Reader:
    def type_now(text: str, suffix: str = "enter") -> None:
        keys = strokes(text, "us", suffix)  # type: ignore[arg-type]
        reader.send(key_events(keys, time.monotonic(), KEY_S))

    async def scan(text: str) -> None:
        type_now(text)

    async def stalled() -> None:
        silence = torn_by(bench, "keys")
        type_now(CARD.value[:9], "none")
        await silence()
        type_now(CARD.value[9:])

    async def dropped() -> None:
        type_now(CARD.value[:3], "none")
        reader.overflow()
        type_now("42845")

    async def unplugged() -> None:
        type_now(CARD.value[:9], "none")
        reader.unplug()
        reader.plug_in()

    async def garbage() -> None:
        type_now(CARD.value[:9], "none")
        reader.send([InputEvent(time.monotonic(), EV_KEY, KEY_F1, value) for value in (PRESSED, RELEASED)])
        type_now(CARD.value[9:])

    reading = KeyReading(idle_s=IDLE_S)
    settings = EvdevScannerSettings(name="keys", match=Match(), reading=reading)
    faults: dict[str, Fault] = {
        "torn": lambda: reader.scan_torn(CARD.value[:9]),
        "stalled": stalled,
        "dropped": dropped,
        "unplugged": unplugged,
        "garbage": garbage,
        "payment_card": lambda: scan(STRIPE),
    }
    return Reader("keys", EvdevScanner(settings, open_device=reader.open_device), scan, faults)


def report_reader(reader: SimulatedHidPosScanner, bench: TillBench) -> Reader:
    first, last = scan_reports("X" * 60, "]C0")

    async def stalled() -> None:
        silence = torn_by(bench, "reports")
        reader.send(first)
        await silence()
        reader.send(last)

    async def dropped() -> None:
        """The last report of one scan and the first one of the next are missing."""
        reader.send(first)
        reader.send(scan_reports(CARD.value, "]Q1")[0])

    async def unplugged() -> None:
        reader.send(first)
        reader.unplug()
        reader.plug_in()

    async def garbage() -> None:
        reader.send(b"\x02\x3f" + first[2:])

    settings = HidPosScannerSettings(name="reports", match=Match(), idle_s=IDLE_S)
    faults: dict[str, Fault] = {
        "torn": lambda: reader.scan_torn(CARD.value[:9]),
        "stalled": stalled,
        "dropped": dropped,
        "unplugged": unplugged,
        "garbage": garbage,
        "payment_card": lambda: reader.scan(STRIPE),
    }
    return Reader("reports", HidPosScanner(settings, open_device=reader.open_device), reader.scan, faults)


def line_reader(reader: SimulatedSerialScanner, bench: TillBench) -> Reader:
    def opener(settings: PortSettings) -> Tty:
        return CountingTty.open(settings)

    async def stalled() -> None:
        silence = torn_by(bench, "line")
        reader.send(CARD.value[:9].encode())
        await silence()
        reader.send(CARD.value[9:].encode() + b"\r")

    async def dropped() -> None:
        CountingTty.errors += 1
        reader.send(b"42845\r")

    async def unplugged() -> None:
        until = CountingTty.received + 9
        reader.send(CARD.value[:9].encode())
        while CountingTty.received < until:  # noqa: ASYNC110 - unplugging a pseudo-terminal takes along what lies in it
            await asyncio.sleep(0)
        reader.unplug()
        reader.plug_in()

    async def garbage() -> None:
        reader.send(b"9276\xff\x80\x00\r")

    reading = LineReading(idle_s=IDLE_S)
    settings = SerialScannerSettings(name="line", port=PortSettings(path=reader.path), reading=reading)
    faults: dict[str, Fault] = {
        "torn": lambda: reader.scan_torn(CARD.value[:9]),
        "stalled": stalled,
        "dropped": dropped,
        "unplugged": unplugged,
        "garbage": garbage,
        "payment_card": lambda: reader.scan(STRIPE),
    }
    return Reader("line", SerialScanner(settings, opener=opener), reader.scan, faults)


@asynccontextmanager
async def three_readers(directory: Path, bench: TillBench) -> AsyncIterator[list[Reader]]:
    """One of each kind, at work for this till."""
    async with AsyncExitStack() as stack:
        readers = [
            key_reader(await stack.enter_async_context(SimulatedKeyScanner()), bench),
            report_reader(await stack.enter_async_context(SimulatedHidPosScanner()), bench),
            line_reader(await stack.enter_async_context(SimulatedSerialScanner(directory / "reader")), bench),
        ]
        running = [asyncio.create_task(reader.scanner.run(bench.till.report)) for reader in readers]
        try:
            await bench.heard.until(lambda: all(openings(bench, reader) for reader in readers))
            yield readers
        finally:
            for task in running:
                task.cancel()
            await asyncio.wait(running)


def openings(bench: TillBench, reader: Reader) -> int:
    """How often it was plugged in and opened."""
    return sum((state.name, state.state) == (reader.name, "present") for state in bench.heard.devices)


def told_of(bench: TillBench, reader: Reader) -> list[ScanTold]:
    """What was told of it, but for the harmless codes in between."""
    return [told for told in bench.heard.scans if told.scanner == reader.name and not is_harmless(told)]


def is_harmless(told: ScanTold) -> bool:
    return told.code is not None and told.code.startswith(HARMLESS)


NUMBERS = itertools.count()


async def works_again(bench: TillBench, reader: Reader) -> None:
    """Scan harmless codes until one comes out: what follows a fault closely may be lost with it, and is reported."""
    while True:
        code = f"{HARMLESS}{next(NUMBERS)}"
        await asyncio.sleep(IDLE_S)  # people need longer between two scans
        await reader.scan(code)
        with suppress(TimeoutError):
            async with asyncio.timeout(10 * IDLE_S):
                await bench.heard.until(partial(was_told, bench, code))
                return


def was_told(bench: TillBench, code: str) -> bool:
    return any(told.code == code for told in bench.heard.scans)


# The phases


async def no_checkout(_bench: TillBench) -> None:
    """Nobody stands there."""


async def draft(bench: TillBench) -> str:
    return (await bench.till.create(SEED)).id


async def applying(bench: TillBench) -> str:
    bench.simulator.add_fault(f"preTransaction:latency:seconds={LONG_S}")
    checkout = await bench.till.create(SEED)
    await bench.till.set_card(checkout.id, CARD)
    await bench.till.ask(checkout.id, ApplyAsked(use_balance=True))
    return checkout.id


async def due(bench: TillBench) -> str:
    return (await bench.due()).id


async def awaiting_cash(bench: TillBench) -> str:
    checkout_id = await due(bench)
    await bench.till.ask(checkout_id, PAY)
    await bench.heard.drawer_event("opened")
    return checkout_id


async def confirmed(bench: TillBench) -> str:
    checkout_id = await awaiting_cash(bench)
    await bench.simulator.request_arrived("read")
    bench.simulator.refuse_connections(LONG_S)
    bench.drawer.close_drawer()
    await bench.heard.phase(Phase.CONFIRMED)
    return checkout_id


def paid(fault: str | None, phase: Phase) -> Callable[[TillBench], Awaitable[str]]:
    async def bring(bench: TillBench) -> str:
        if fault is not None:
            bench.simulator.add_fault(f"start/cash:{fault}")
        checkout_id = await awaiting_cash(bench)
        bench.drawer.close_drawer()
        await bench.heard.phase(phase)
        return checkout_id

    return bring


@dataclass(frozen=True)
class Case:
    """A phase: how to get there, and why another card is refused in it; None: it is shown and belongs to nobody."""

    bring: Callable[[TillBench], Awaitable[str | None]]
    refused: str | None = None
    rules: Rules = PATIENT


CASES = {
    "no checkout": Case(no_checkout),
    "applying": Case(applying, "busy"),
    "due": Case(due, "card_present"),
    "awaiting_cash": Case(awaiting_cash, "too_late"),
    "confirmed": Case(confirmed),
    "starting": Case(paid(f"latency:seconds={LONG_S}", Phase.STARTING), "too_late"),
    "unsure": Case(paid("no-answer-before-executing", Phase.UNSURE), "too_late"),
    "attention": Case(paid("server-error:3", Phase.ATTENTION), "too_late", Rules(late_window_s=0.1, stale_read_s=0.0)),
    "completed": Case(paid(None, Phase.COMPLETED)),
}
FAULTS = ("torn", "stalled", "dropped", "unplugged", "garbage", "payment_card")


async def standing(bench: TillBench, checkout_id: str | None) -> object:
    """The phase of the checkout, and whose card it has."""
    if checkout_id is None:
        return bench.till.active
    checkout = await bench.till.lookup.find(checkout_id)
    return checkout.phase, checkout.card and checkout.card.number


async def goes_through(bench: TillBench, readers: list[Reader], fault: str) -> None:
    """The fault happens to every reader; the screen is told, and nothing else comes of it."""
    before, refusals = len(bench.heard.scans), len(bench.heard.refusals)
    marks = {reader.name: len(told_of(bench, reader)) for reader in readers}
    opened = {reader.name: openings(bench, reader) for reader in readers}
    await asyncio.gather(*(reader.faults[fault]() for reader in readers))
    if fault == "payment_card":
        await bench.heard.until(lambda: bench.heard.refusals[refusals:] == ["payment_card"] * len(readers))
    else:
        await bench.heard.until(lambda: all(len(told_of(bench, each)) > marks[each.name] for each in readers))
        first = {each.name: told_of(bench, each)[marks[each.name]].refused for each in readers}
        assert first == dict.fromkeys(first, "torn"), fault
    if fault == "unplugged":
        await bench.heard.until(lambda: all(openings(bench, each) > opened[each.name] for each in readers))
    await asyncio.gather(*(works_again(bench, reader) for reader in readers))
    for told in bench.heard.scans[before:]:
        assert is_harmless(told) or (told.refused, told.card, told.code) == ("torn", None, None), fault


async def two_cards_at_once(bench: TillBench, readers: list[Reader]) -> dict[str, str | None]:
    """Two readers read a card each while a third breaks off; by masked card, why it was refused."""
    keys, reports, line = readers
    marks = {reader.name: len(told_of(bench, reader)) for reader in readers}
    await asyncio.gather(keys.scan(CARD.value), reports.scan(OTHER_CARD), line.faults["torn"]())
    await bench.heard.until(lambda: all(len(told_of(bench, each)) > marks[each.name] for each in readers))
    told = {each.name: told_of(bench, each)[-1] for each in readers}
    assert (told["line"].refused, told["line"].card) == ("torn", None)
    return {str(told[name].card): told[name].refused for name in ("keys", "reports")}


@pytest.mark.parametrize("phase", CASES)
async def test_no_fault_of_a_reader_and_no_late_card_reaches_a_checkout(tmp_path: Path, phase: str) -> None:
    case = CASES[phase]
    async with (
        whole_till(tmp_path, rules=case.rules, timeouts=UNHURRIED) as bench,
        three_readers(tmp_path, bench) as readers,
    ):
        checkout_id = await case.bring(bench)
        before = await standing(bench, checkout_id)
        await asyncio.gather(*(works_again(bench, reader) for reader in readers))
        for fault in FAULTS:
            await goes_through(bench, readers, fault)
            assert await standing(bench, checkout_id) == before, fault
        refused = await two_cards_at_once(bench, readers)
        own = None if phase == "due" else case.refused  # the card that the checkout has already is no other card
        assert refused == {"9276********2845": own, "9276********4352": case.refused}
        assert await standing(bench, checkout_id) == before
        if bench.till.active is None:
            assert (await bench.till.create(SEED)).card is None


async def test_in_a_draft_no_fault_sets_a_card_and_of_two_at_once_one_is_taken(tmp_path: Path) -> None:
    async with whole_till(tmp_path) as bench, three_readers(tmp_path, bench) as readers:
        checkout_id = await draft(bench)
        await asyncio.gather(*(works_again(bench, reader) for reader in readers))
        for fault in FAULTS:
            await goes_through(bench, readers, fault)
            assert (await bench.till.lookup.find(checkout_id)).card is None, fault
        refused = await two_cards_at_once(bench, readers)
        [taken] = [card for card, why in refused.items() if why is None]
        assert set(refused.values()) == {None, "card_present"}
        given = {each.card.number for each in bench.heard.checkouts if each.card is not None}
        assert given == {taken}
