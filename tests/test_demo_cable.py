"""The demo's network cable: what goes through, and what does not once it is pulled."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from agent.demo import cable
from agent.demo.cable import NetworkCable
from agent.simulator.server import SimulatorServer


@pytest.fixture
async def network() -> AsyncIterator[NetworkCable]:
    async with SimulatorServer() as simulator, NetworkCable(simulator.base_url) as network:
        yield network


async def reached(network: NetworkCable) -> bool:
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{network.url}/simulator") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


async def test_it_is_pulled_and_plugged_in_again_at_the_same_address(network: NetworkCable) -> None:
    url = network.url
    assert await reached(network)
    await network.pull()
    assert not network.is_plugged_in
    assert not await reached(network)
    await network.plug_in()
    assert network.url == url
    assert await reached(network)


async def test_a_connection_that_is_open_ends_when_it_is_pulled(network: NetworkCable) -> None:
    reader, writer = await asyncio.open_connection(*network.url.removeprefix("http://").split(":"))
    writer.write(b"GET /simulator HTTP/1.1\r\nHost: simulator\r\n\r\n")
    await reader.readline()
    await network.pull()
    await reader.read()
    writer.close()


async def test_a_slow_network_still_carries_everything(network: NetworkCable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cable, "SLOW_S", 0.01)
    network.is_slow = True
    assert await reached(network)


async def test_an_api_that_is_away_is_a_connection_that_ends() -> None:
    async with NetworkCable("http://127.0.0.1:9") as network:
        assert not await reached(network)
