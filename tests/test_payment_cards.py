"""A bank card that comes to the till by mistake leaves no digit: in no file, log, event, answer or recording.

The whole agent, from the port of a reader to the event stream, with every logger of the process at its most talkative.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import aiohttp
import pytest

from agent.control import JsonObject, agent_at
from agent.simulator.server import SimulatorServer
from config.settings import load
from device.simulated_scanner import SimulatedSerialScanner
from tests.command_bench import Box, device_is

NUMBER = "4929817364520937"
PIECES = tuple(NUMBER[start : start + 6] for start in range(len(NUMBER) - 5))
SCANNER = '[[scanner]]\nname = "counter"\ndriver = "serial"\nport = "{port}"\nother_codes = "forward"\n'
SWIPES = (
    f"%B{NUMBER}^MUSTER/ERIKA^2512101?;{NUMBER}=25121010000000000000?",
    f";{NUMBER}=2512?",
    NUMBER,
    " ".join(NUMBER[start : start + 4] for start in range(0, 16, 4)),
    f"CARD:{NUMBER}",
    f"]C0{NUMBER}",
)


def digits_in(content: bytes) -> list[str]:
    return [piece for piece in PIECES if piece.encode() in content]


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


async def next_of(events: AsyncGenerator[tuple[str, JsonObject], None], name: str) -> JsonObject:
    """The next event of this name; whatever else is told of a scan meanwhile is wrong."""
    async for told, data in events:
        if told == name:
            return data
        assert told not in {"scan", "card_refused"}, told
    raise EOFError


async def works(reader: SimulatedSerialScanner, events: AsyncGenerator[tuple[str, JsonObject], None]) -> None:
    """Scan until one is whole: what comes before the port was seen silent is the rest of something."""
    while True:
        await reader.scan("4006381333931")
        if (await next_of(events, "scan")).get("refused") != "torn":
            return


async def typed(box: Box, path: str) -> str:
    """Type the number in, as somebody at the screen or a register may, and return the refusal."""
    connector = aiohttp.UnixConnector(str(load(box.config, {}).control_socket))
    async with (
        aiohttp.ClientSession("http://tillwire", connector=connector) as session,
        session.put(path, json={"value": NUMBER}) as response,
    ):
        answer = await response.text()
        assert "payment-card" in answer
        return answer


async def test_no_digit_of_a_bank_card_is_left_anywhere(
    box: Box, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    async with SimulatorServer() as simulator, SimulatedSerialScanner(tmp_path / "reader") as reader:
        box.write(base_url=simulator.base_url, rest=box.rest + SCANNER.format(port=reader.path))
        async with box.agent(record=tmp_path / "recording"), agent_at(load(box.config, {})) as agent:
            assert agent is not None
            await box.heard(device_is("counter", "present"))
            checkout = await agent.post("/v1/checkouts", {"basket": {"products": []}})
            async with aclosing(agent.events()) as events:
                told.append(str(await anext(events)))
                await works(reader, events)
                for swipe in SWIPES:
                    await reader.scan(swipe)
                    told.append(str(await next_of(events, "card_refused")))
                await reader.scan_torn(f";{NUMBER[:10]}")
                told.append(str(await next_of(events, "scan")))
                await reader.scan(f"{NUMBER[10:]}=2512?")
                told.append(str(await next_of(events, "scan")))
            told.append(await typed(box, f"/v1/checkouts/{checkout['id']}/card"))
            told.append(str(await agent.get(f"/v1/checkouts/{checkout['id']}")))
        requests = [str(request) for request in simulator.requests]
    assert digits_in("\n".join((*told, *requests, caplog.text, *box.capsys.readouterr())).encode()) == []
    for file in (file for file in tmp_path.rglob("*") if file.is_file()):
        assert digits_in(file.read_bytes()) == [], file
    assert (tmp_path / "recording").exists()
