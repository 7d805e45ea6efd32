"""docs/fiscal.md says what a recording system gets in time to sign; docs/privacy.md what is kept where."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.kiosk.roles import Role
from tests.kiosk_bench import KioskBench, whole_agent
from tests.till_bench import CARD

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


async def test_at_due_the_split_is_the_sum_and_bonus_lines_have_their_tax(bench: KioskBench) -> None:
    bench.simulator.set_card(CARD.value, cash_balance=300, bonus_balance=200)
    checkout = (await bench.call("GET", f"/v1/checkouts/{await bench.due()}")).body
    assert checkout["phase"] == "due"
    assert {line["tax"] for line in checkout["bonus_products"]} == {7, 19}  # the rates of the seed's basket
    assert all(line["priceOne"] < 0 and {"desc", "quantity"} <= set(line) for line in checkout["bonus_products"])
    assert checkout["split"] == {"cash": 296, "card": 300, "bonus": 200, "terminal": 0}
    assert checkout["basket_info"]["sum"] == 796


async def test_what_is_given_up_and_each_opening_stays_with_its_reason(bench: KioskBench) -> None:
    checkout_id = await bench.begin()
    await bench.call("POST", f"/v1/checkouts/{checkout_id}/cancel", {})
    opened = await bench.call("POST", "/v1/drawer/open", {"reason": "change", "by": "Ada"}, role=Role.OPERATOR)
    assert opened.status == 204
    assert (await bench.call("GET", f"/v1/checkouts/{checkout_id}")).body["phase"] == "cancelled"
    told = await bench.call("GET", "/v1/history", role=Role.OPERATOR)
    openings = [event["data"] for event in told.body["events"] if event["event"] == "DrawerTold"]
    assert {"reason": "change", "asked_by": "Ada"}.items() <= openings[-1].items()


async def test_every_file_of_the_state_is_named_where_privacy_is_explained(bench: KioskBench, tmp_path: Path) -> None:
    await bench.begin()
    told = (DOCS / "privacy.md").read_text()
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert "journal.sqlite" in files
    assert [file for file in files if file.removesuffix("-wal").removesuffix("-shm") not in told] == []
