"""GET /metrics of a running agent, after a whole checkout."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.crashing_agent import Crash
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
