"""A real Prometheus reads a real agent, with the rules and the dashboard of docs/monitoring."""

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.crashing_agent import Crash
from tests.test_killing import agent, fork_server, sell, shop

__all__ = ["fork_server"]

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

MONITORING = Path(__file__).parents[2] / "docs" / "monitoring"
LOOK_AGAIN_S = 0.2
"""How often Prometheus is asked whether it has scraped: there is nothing to wait on."""


@dataclass(frozen=True)
class Prometheus:
    session: aiohttp.ClientSession

    async def get(self, path: str, **parameters: str) -> Any:  # noqa: ANN401 - JSON of another program
        async with self.session.get(path, params=parameters) as answer:
            body = await answer.json()
            assert body["status"] == "success", body
            return body["data"]

    async def until_scraped(self) -> None:
        """Wait until the till was read twice, so that a rate can be told."""
        while int((await self._first("count_over_time(tillwire_ready[1m])")) or 0) < 2:  # noqa: ASYNC110 - another process
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _first(self, expression: str) -> str | None:
        found = (await self.get("/api/v1/query", query=expression))["result"]
        return found[0]["value"][1] if found else None


@asynccontextmanager
async def prometheus(directory: Path, address: str, token: Path) -> AsyncIterator[Prometheus]:
    """Run a server with the documented configuration; only the address, the token and the pace are the test's."""
    shutil.copy(MONITORING / "alerts.yml", directory)
    text = (MONITORING / "prometheus.yml").read_text()
    for documented, here in (
        ("127.0.0.1:8377", address),
        ("/etc/prometheus/tillwire_token", str(token)),
        ("scrape_interval: 15s", "scrape_interval: 1s"),
    ):
        assert documented in text
        text = text.replace(documented, here)
    (directory / "prometheus.yml").write_text(text)
    port = _free_port()
    server = await asyncio.create_subprocess_exec(
        "prometheus",
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        stderr=subprocess.DEVNULL,
    )
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await _until_ready(session)
            yield Prometheus(session)
    finally:
        server.terminate()
        await server.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


async def _until_ready(session: aiohttp.ClientSession) -> None:
    while True:
        try:
            async with session.get("/-/ready") as answer:
                if answer.ok:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(LOOK_AGAIN_S)


def _expressions() -> Iterator[str]:
    for name in ("dashboard.json", "fleet-dashboard.json"):
        dashboard = json.loads((MONITORING / name).read_text())
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield target["expr"].replace("$instance", ".*")


async def test_prometheus_reads_a_till_and_every_panel_and_rule_finds_its_figures(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop, agent(the_shop.config, Crash()) as (screen, _):
        await sell(screen, the_shop)
        token = the_shop.config.parent / "state" / "tokens" / "screen"
        address = screen.base_url.removeprefix("http://").rstrip("/")
        async with prometheus(tmp_path, address, token) as server:
            await server.until_scraped()
            targets = await server.get("/api/v1/targets")
            assert [target["health"] for target in targets["activeTargets"]] == ["up"]
            known = set(await server.get("/api/v1/label/__name__/values"))
            for expression in _expressions():
                assert (await server.get("/api/v1/query", query=expression))["result"] is not None
                assert _metrics_in(expression) <= known | MAY_BE_SILENT, expression
            rules = (await server.get("/api/v1/rules"))["groups"][0]["rules"]
            assert {rule["health"] for rule in rules} <= {"ok", "unknown"}
            assert [rule["name"] for rule in rules if rule["state"] == "firing"] == []


MAY_BE_SILENT = {
    "tillwire_refused_scans_total",
    "tillwire_refused_cards_total",
    "tillwire_DrawerFailedOpenCount_total",
    "tillwire_drawer_left_open_total",
    "tillwire_api_failures_total",
    "tillwire_connection_changes_total",
}
"""What a good day does not count, and Prometheus therefore has not seen yet."""


def _metrics_in(expression: str) -> set[str]:
    words = expression.replace("{", " ").replace("(", " ").replace("[", " ").split()
    return {word for word in words if word.startswith("tillwire_")}


@pytest.mark.parametrize("command", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")])
def test_the_alert_rules_say_what_their_tests_expect(command: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *command], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
