"""GET /metrics of a running agent, after a whole checkout."""

import sys
import threading
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from agent.kiosk.roles import Role
from tests.crashing_agent import Crash
from tests.kiosk_bench import whole_agent
from tests.test_killing import Screen, Shop, agent, fork_server, sell, shop

__all__ = ["fork_server"]


@pytest.fixture
async def sold(tmp_path: Path) -> AsyncIterator[tuple[Shop, Screen]]:
    async with shop(tmp_path / "shop") as the_shop, agent(the_shop.config, Crash()) as (screen, _):
        await sell(screen, the_shop)
        yield the_shop, screen


async def scraped(screen: Screen, token: str | None) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession(screen.base_url) as session, session.get("/metrics", headers=headers) as answer:
        return answer.status, await answer.text()


async def test_a_whole_checkout_is_counted_and_timed(sold: tuple[Shop, Screen]) -> None:
    the_shop, screen = sold
    token = (the_shop.config.parent / "state" / "tokens" / "screen").read_text().strip()
    status, text = await scraped(screen, token)
    assert status == 200
    counted = {
        sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples
    }
    assert counted["tillwire_GoodScanCount_total"] == 1
    assert counted["tillwire_DrawerGoodOpenCount_total"] == 1
    assert counted["tillwire_confirmed_payments_total"] == 1
    assert counted["tillwire_checkouts_total"] == 1
    assert counted["tillwire_confirmation_to_start_seconds_count"] == 1
    assert counted["tillwire_scan_to_request_seconds_count"] == 1
    assert counted["tillwire_scan_to_event_seconds_count"] == 1
    assert counted["tillwire_journal_commit_seconds_count"] > 5
    assert counted["tillwire_waiting_payments"] == 0
    assert counted["tillwire_ready"] == 1


async def test_nobody_reads_them_without_a_token(sold: tuple[Shop, Screen]) -> None:
    _, screen = sold
    status, text = await scraped(screen, None)
    assert status == 401
    assert "tillwire_" not in text


async def test_who_may_open_the_control_socket_needs_none(sold: tuple[Shop, Screen]) -> None:
    the_shop, _ = sold
    connector = aiohttp.UnixConnector(str(the_shop.config.parent / "state" / "tillwire.sock"))
    async with aiohttp.ClientSession(connector=connector) as session, session.get("http://tillwire/metrics") as answer:
        assert answer.status == 200
        assert "tillwire_GoodScanCount_total" in await answer.text()


async def test_a_payment_is_as_old_as_the_tills_clock_says(tmp_path: Path) -> None:
    async with whole_agent(tmp_path) as bench:
        checkout_id = await bench.due()
        bench.simulator.add_fault("start/cash:bare-server-error")
        async with bench.events() as events:
            await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": "cash", "amount": 296})
            await bench.drawer.opened()
            bench.drawer.close_drawer()
            since = datetime.fromisoformat((await events.phase("unsure"))["waiting_since"])
        bench.till.wall = lambda: since + timedelta(minutes=30)
        text = (await bench.call("GET", "/metrics", role=Role.OPERATOR)).body["text"]
    assert "tillwire_oldest_waiting_seconds 1800.0" in text


class ImportsHeard:
    """Where a module is looked for, the threads that ask for it."""

    def __init__(self, module: str) -> None:
        self._module = module
        self.threads: list[threading.Thread] = []

    def find_spec(self, name: str, *_: object) -> None:
        if name == self._module:
            self.threads.append(threading.current_thread())


async def test_what_only_a_scrape_needs_is_not_imported_on_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "agent.metrics.exposition"
    imports = ImportsHeard(module)
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setattr(sys, "meta_path", [imports, *sys.meta_path])
    async with whole_agent(tmp_path) as bench:
        assert (await bench.call("GET", "/metrics")).status == 200
    [thread] = imports.threads
    assert thread is not threading.main_thread()
