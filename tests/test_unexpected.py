"""What comes when nothing waits for it is logged, written and told: cash at a machine, and answers after the end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.checkout.events import CancelAsked, PayAsked, ResolveAsked
from agent.checkout.standing_guards import OVERDUE_AFTER
from agent.checkout.state import Checkout, Confirmation, Outcome, Phase, Rules
from agent.simulator.server import SimulatorServer
from agent.till.listener import UnexpectedTold
from device.interface import PaidMessage
from tests.moved_clock import LONG_S
from tests.till_bench import FAST_DRAWER, TillBench, at_work, drawer_of

PAY = PayAsked(method="cash", amount=296)
BY_MACHINE: tuple[Confirmation, ...] = ("paid-message",)
NO_WINDOW = Rules(late_window_s=0.0, stale_read_s=0.0)  # so that a person may decide at once
PAID = UnexpectedTold(what="paid_message", amount=296, contradicts=True)


@asynccontextmanager
async def at_machine(
    directory: Path, *confirmed_by: Confirmation
) -> AsyncIterator[Callable[[], AbstractAsyncContextManager[TillBench]]]:
    """A till beside a cash machine; each call is a life of its own."""
    by = confirmed_by or BY_MACHINE
    rules, drawer_rules = Rules(confirmed_by=by), replace(FAST_DRAWER, confirmed_by=by)
    async with SimulatorServer() as simulator, drawer_of(directory) as drawer:
        yield lambda: at_work(directory, simulator, drawer, rules=rules, drawer_rules=drawer_rules)


async def awaiting(bench: TillBench) -> str:
    due = await bench.due()
    await bench.till.ask(due.id, PAY)
    await bench.heard.cash_awaited()
    return due.id


def machine_says(bench: TillBench, amount: int) -> None:
    at = asyncio.get_running_loop().time()
    bench.till.report(PaidMessage(drawer="machine", amount=amount, connection=1, at=at))


async def told(bench: TillBench) -> UnexpectedTold:
    await bench.heard.until(lambda: bool(bench.heard.unexpected))
    [only] = bench.heard.unexpected
    return only


async def in_journal(bench: TillBench) -> list[str]:
    return [each.kind for each in await bench.journal.lone_events() if each.kind == UnexpectedTold.__name__]


async def test_cash_that_a_machine_took_after_the_customer_gave_up_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with at_machine(tmp_path) as life, life() as bench:
        checkout_id = await awaiting(bench)
        await bench.till.ask(checkout_id, CancelAsked())
        machine_says(bench, 296)
        assert await told(bench) == PAID
        assert await in_journal(bench) == ["UnexpectedTold"]
        assert (await bench.till.lookup.find(checkout_id)).phase is Phase.CANCELLED
    [line] = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert "296 cents" in line


@pytest.mark.parametrize(("amount", "contradicts"), [(296, False), (295, True)])
async def test_a_machine_that_names_what_the_drawer_confirmed_alarms_nobody(
    tmp_path: Path, amount: int, contradicts: bool
) -> None:
    async with at_machine(tmp_path, "drawer-closed", "paid-message") as life, life() as bench:
        checkout_id = await awaiting(bench)
        bench.drawer.close_drawer()
        await bench.heard.phase(Phase.COMPLETED)
        machine_says(bench, amount)
        said = await told(bench)
        assert (said.contradicts, said.checkout_id) == (contradicts, None if contradicts else checkout_id)


async def test_cash_that_a_machine_took_across_a_restart_is_told_and_a_person_decides(tmp_path: Path) -> None:
    async with at_machine(tmp_path) as life:
        async with life() as bench:
            await awaiting(bench)
        async with life() as bench:
            machine_says(bench, 296)
            assert await told(bench) == PAID
            assert (await bench.heard.phase(Phase.AWAITING_CASH)).payment is not None


async def test_what_cannot_be_written_of_it_is_written_later(tmp_path: Path) -> None:
    async with at_machine(tmp_path) as life, life() as bench:
        bench.disk.refuses = True
        machine_says(bench, 296)
        await bench.heard.until(lambda: bench.disk.refusals > 0)
        assert bench.heard.unexpected == []
        bench.disk.refuses = False
        assert await told(bench) == PAID


async def test_a_machine_says_nothing_new_where_its_word_is_no_evidence(tmp_path: Path) -> None:
    async with (
        SimulatorServer() as simulator,
        drawer_of(tmp_path) as drawer,
        at_work(tmp_path, simulator, drawer) as at,
    ):
        machine_says(at, 296)
        await at.till.take_turn()
        assert at.heard.unexpected == []


@asynccontextmanager
async def overdue(directory: Path, *, executed: bool) -> AsyncIterator[tuple[TillBench, Checkout]]:
    """A start was not answered for an hour, its late window is over, and a read is on its way."""
    when = "after" if executed else "before"
    async with SimulatorServer() as simulator, drawer_of(directory) as drawer:
        async with at_work(directory, simulator, drawer) as bench:
            simulator.add_fault(f"start/cash:no-answer-{when}-executing:1")
            checkout_id = await awaiting(bench)
            simulator.add_fault(f"read:latency:always:seconds={LONG_S}")
            drawer.close_drawer()
            await simulator.request_arrived("read", 2)  # one while the drawer was open, and one that waits
            await bench.heard.phase(Phase.UNSURE)
        later = datetime.now(UTC) + OVERDUE_AFTER + timedelta(minutes=1)
        async with at_work(directory, simulator, drawer, wall=lambda: later, rules=NO_WINDOW) as bench:
            await simulator.request_arrived("read", 3)
            yield bench, await bench.till.lookup.find(checkout_id)


async def answer_comes_after(bench: TillBench, checkout: Checkout, outcome: Outcome) -> UnexpectedTold:
    await bench.till.ask(checkout.id, ResolveAsked(outcome=outcome, note="looked at the portal", by="Eva"))
    await bench.simulator.clock.advance(LONG_S)
    return await told(bench)


@pytest.mark.parametrize("outcome", ["not_executed", "refunded"])
async def test_a_payment_that_was_executed_after_all_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, outcome: Outcome
) -> None:
    async with overdue(tmp_path, executed=True) as (bench, checkout):
        said = await answer_comes_after(bench, checkout, outcome)
        assert said == UnexpectedTold(
            what="read", checkout_id=checkout.id, phase=Phase.RESOLVED, status="ok", contradicts=True
        )
        assert await in_journal(bench) == ["UnexpectedTold"]
        over = await bench.till.lookup.find(checkout.id)
        assert (over.phase, over.resolution and over.resolution.outcome) == (Phase.RESOLVED, outcome)
    [line] = [
        each.getMessage() for each in caplog.records if each.levelno == logging.WARNING and "read" in each.message
    ]
    assert checkout.id in line
    assert "ok" in line


@pytest.mark.parametrize(("executed", "outcome"), [(True, "executed"), (False, "not_executed")])
async def test_an_answer_that_says_what_the_till_knows_alarms_nobody(
    tmp_path: Path, executed: bool, outcome: Outcome
) -> None:
    async with overdue(tmp_path, executed=executed) as (bench, checkout):
        assert not (await answer_comes_after(bench, checkout, outcome)).contradicts
