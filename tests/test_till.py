"""The till with everything around it real: simulator over loopback, SQLite on disk, drawer on a pseudo-terminal."""

from pathlib import Path

from till_bench import SEED, whole_till

from agent.checkout_events import PayAsked
from agent.checkout_state import Phase


async def test_the_seeds_checkout(tmp_path: Path) -> None:
    async with whole_till(tmp_path) as bench:
        checkout = await bench.till.create(SEED)
        bench.scan()
        await bench.heard.until(lambda: bool(bench.heard.scans))
        due = await bench.applied(checkout.id)
        assert due.amount_due == 296
        await bench.till.ask(due.id, PayAsked(method="cash", amount=296))
        await bench.heard.drawer_event("opened")
        assert bench.simulator.ledger == []
        bench.drawer.close_drawer()
        done = await bench.heard.phase(Phase.COMPLETED)
        assert len(bench.simulator.ledger) == 1
        assert len(bench.simulator.requests_of("start/cash")) == 1
        assert done.receipt.customer
        assert bench.drawer.pulses == 1
