"""A receipt that a person asks for over HTTP: printed whole, and once for a key, whoever stays and whoever goes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.checkout.receipts import ReceiptCopy
from agent.checkout.state import Checkout
from agent.chosen_outlets import ChosenOutlets
from agent.simulator.server import SimulatorServer
from agent.till.outlets import NotPrinted
from tests.kiosk_bench import ORDER, Answered, KioskBench, agent_at_work
from tests.till_bench import drawer_of


class SlowPaper(ChosenOutlets):
    """Paper that comes out when it is let, and jams when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.printed: list[ReceiptCopy] = []
        self.begun = asyncio.Event()
        self.let_out = asyncio.Event()
        self.is_jammed = False

    async def print_copy(self, checkout: Checkout, copy: ReceiptCopy) -> None:
        assert checkout.merchantRef == ORDER["merchantRef"]
        self.begun.set()
        await self.let_out.wait()
        if self.is_jammed:
            raise NotPrinted("paper jam")
        self.printed.append(copy)


@pytest.fixture
def paper() -> SlowPaper:
    return SlowPaper()


@pytest.fixture
async def bench(tmp_path: Path, paper: SlowPaper) -> AsyncIterator[KioskBench]:
    async with (
        SimulatorServer() as simulator,
        drawer_of(tmp_path) as drawer,
        agent_at_work(tmp_path, simulator, drawer, outlets=paper) as bench,
    ):
        yield bench


async def ask(bench: KioskBench, checkout_id: str, receipt: ReceiptCopy = "customer") -> Answered:
    key = {"Idempotency-Key": "print-1"}
    return await bench.call("POST", f"/v1/checkouts/{checkout_id}/print", {"receipt": receipt}, headers=key)


async def test_a_caller_that_goes_away_does_not_tear_the_receipt(bench: KioskBench, paper: SlowPaper) -> None:
    checkout_id = await bench.begin()
    gone = asyncio.create_task(ask(bench, checkout_id))
    await paper.begun.wait()
    gone.cancel()
    again = asyncio.create_task(ask(bench, checkout_id))
    await bench.call("GET", "/health")
    assert not again.done()
    paper.let_out.set()
    assert (await again).status == 204
    assert paper.printed == ["customer"]


async def test_a_receipt_is_printed_once_for_a_key(bench: KioskBench, paper: SlowPaper) -> None:
    checkout_id = await bench.begin()
    paper.let_out.set()
    assert [(await ask(bench, checkout_id)).status for _ in range(2)] == [204, 204]
    assert paper.printed == ["customer"]
    other = await ask(bench, checkout_id, "merchant")
    assert (other.status, other.problem) == (422, "idempotency-key-reused")


async def test_what_was_not_printed_may_be_asked_for_again_with_the_same_key(
    bench: KioskBench, paper: SlowPaper
) -> None:
    checkout_id = await bench.begin()
    paper.let_out.set()
    paper.is_jammed = True
    jammed = await ask(bench, checkout_id)
    assert (jammed.status, jammed.problem) == (503, "not-printed")
    paper.is_jammed = False
    assert (await ask(bench, checkout_id)).status == 204
    assert paper.printed == ["customer"]
