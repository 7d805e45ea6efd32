"""The agent as a process: it becomes ready, and it stops in time without losing anything."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.crashing_agent import Crash, start_agent
from tests.test_killing import Died, agent, fork_server, sell, shop

__all__ = ["fork_server"]

STOP_S = 2.0
"""What the issue promises; systemd would wait for 90 s."""


async def test_sigterm_ends_the_agent_in_time_with_open_event_streams(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop:
        process, connection = start_agent(the_shop.config, Crash())
        url = await asyncio.to_thread(connection.recv)
        token = (tmp_path / "shop" / "state" / "tokens" / "screen").read_text().strip()
        async with aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {token}"}) as session:
            streams = [await session.get("/v1/events") for _ in range(5)]
            for stream in streams:
                await stream.content.readline()
            process.terminate()
            await asyncio.to_thread(process.join, STOP_S)
            assert process.exitcode == 0
            for stream in streams:
                await stream.content.read()
        connection.close()
        process.close()


async def test_a_checkout_goes_on_where_it_stood_when_the_agent_is_stopped_and_started(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop:
        async with agent(the_shop.config, Crash()) as (screen, _):
            checkout = await screen.call("POST", "/v1/checkouts", {"basket": {"products": []}})
        async with agent(the_shop.config, Crash()) as (screen, _):
            found = await screen.call("GET", f"/v1/checkouts/{checkout['id']}")
            assert found["phase"] == "draft"
            await screen.call("POST", f"/v1/checkouts/{checkout['id']}/cancel", {})
            await sell(screen, the_shop)
        assert len(the_shop.simulator.ledger) == 1


async def test_a_second_agent_on_one_state_directory_does_not_start(tmp_path: Path) -> None:
    async with shop(tmp_path / "shop") as the_shop, agent(the_shop.config, Crash()):
        with pytest.raises(Died):
            async with agent(the_shop.config, Crash()):
                pass
