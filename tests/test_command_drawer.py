"""`tillwire drawer` as it is typed: with the drawer itself, and through a running agent."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.checkout.state import Json
from device.drawer_profile_file import load_profile
from device.simulated_drawer import SimulatedDrawer
from tests.command_bench import DRAWER, Box
from tests.journal_entries import journal_at

OPEN = ("drawer", "open", "--reason", "change", "--by", "Erika")
WITHOUT_STATUS = """\
[drawer]
profile = "escpos"
port = "{port}"
status = {{ source = "none" }}
[cash]
confirmed_by = ["operator"]
"""


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    box = Box(tmp_path, capsys)
    box.write(rest=DRAWER.format(port=box.directory / "drawer0"))
    return box


@pytest.fixture
async def drawer(box: Box) -> AsyncIterator[SimulatedDrawer]:
    profile = load_profile("escpos", overrides={"open_level": "low", "debounce_s": 0, "recharge_s": 0})
    async with SimulatedDrawer(profile, box.directory / "drawer0") as drawer:
        yield drawer


async def drawer_events(box: Box) -> list[Json]:
    async with journal_at(box.journal) as journal:
        return [event.data for event in await journal.events_since(0)]


# Without an agent


async def test_open_opens_it_and_writes_down_who_and_why(box: Box, drawer: SimulatedDrawer) -> None:
    said = await box.types(*OPEN)
    assert (said.code, said.out) == (0, "The drawer was asked to open.\nIt opened.\n")
    assert drawer.pulses == 1
    asked, opened = await drawer_events(box)
    assert (asked["event"], asked["reason"], asked["asked_by"]) == ("asked", "change", "Erika")
    assert (opened["event"], opened["by"]) == ("opened", "till")


async def test_a_drawer_that_is_stuck_did_not_open(box: Box, drawer: SimulatedDrawer) -> None:
    box.soon_did_not_open()
    drawer.faults.stuck = True
    said = await box.types(*OPEN)
    assert (said.code, said.out) == (1, "The drawer was asked to open.\n")
    assert said.err == "tillwire: the drawer did not open: is it locked, or its cable off?\n"
    assert [event["event"] for event in await drawer_events(box)] == ["asked", "did_not_open"]


async def test_a_drawer_that_stands_open_is_said_to(box: Box, drawer: SimulatedDrawer) -> None:
    drawer.open_by_key()
    said = await box.types(*OPEN)
    assert (said.code, said.out) == (0, "The drawer was asked to open.\nIt stood open already.\n")


async def test_whether_a_drawer_without_status_opened_cannot_be_told(box: Box, drawer: SimulatedDrawer) -> None:
    box.write(rest=WITHOUT_STATUS.format(port=drawer.path))
    said = await box.types(*OPEN)
    assert said.code == 0
    assert said.out.splitlines()[-1] == "Whether it opened cannot be told: it tells no level."
    await drawer.opened()


async def test_a_printer_that_is_offline_is_not_asked(box: Box, drawer: SimulatedDrawer) -> None:
    drawer.set_offline(offline=True)
    said = await box.types(*OPEN)
    assert said.code == 1
    assert said.err.startswith("tillwire: the drawer was not asked to open: printer offline")
    assert drawer.pulses == 0


async def test_a_port_that_is_not_there_is_not_asked(box: Box) -> None:
    said = await box.types(*OPEN)
    assert (said.code, said.out) == (1, "")
    assert "plug the device in" in said.err


@pytest.mark.parametrize(("is_open", "level"), [(False, "closed"), (True, "open")])
async def test_status_tells_the_level(box: Box, drawer: SimulatedDrawer, is_open: bool, level: str) -> None:
    if is_open:
        drawer.open_by_key()
    said = await box.types("drawer", "status")
    assert (said.code, said.out) == (0, f"{level}\n")


async def test_status_of_a_missing_drawer_is_unknown_and_says_why(box: Box) -> None:
    said = await box.types("drawer", "status")
    port = box.directory / "drawer0"
    assert said.code == 1
    assert said.out == f"unknown: {port} is not there: plug the device in, or correct the path\n"


async def test_status_for_programs(box: Box, drawer: SimulatedDrawer) -> None:
    said = await box.types("drawer", "status", "--json")
    assert said.json["level"] == "closed"
    device = said.json["device"]
    assert isinstance(device, dict)
    assert device["state"] == "present"
    assert drawer.pulses == 0


@asynccontextmanager
async def watching(box: Box, *words: str) -> AsyncIterator[asyncio.StreamReader]:
    """Watch in a process of its own, until Ctrl-C, which must end it well."""
    command = ("-m", "agent", "drawer", "watch", *words, "--config", str(box.config))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")


async def test_watch_shows_what_happens_until_ctrl_c(box: Box, drawer: SimulatedDrawer) -> None:
    async with watching(box) as out:
        assert (await out.readline()).split()[1:] == [b"closed"]
        drawer.open_by_key()
        assert b"opened unasked" in await out.readline()
        drawer.close_drawer()
        assert b"closed after" in await out.readline()
        drawer.unplug()
        assert b"the port is lost: " in await out.readline()
        drawer.plug_in()
        assert (await out.readline()).endswith(b"the port is present\n")
        drawer.set_offline(offline=True)
        assert b"out of order: printer offline" in await out.readline()


async def test_watch_for_programs(box: Box, drawer: SimulatedDrawer) -> None:
    async with watching(box, "--json") as out:
        assert json.loads(await out.readline())["level"] == "closed"
        drawer.open_by_key()
        assert json.loads(await out.readline())["drawer"]["event"] == "opened"


# Through a running agent


@pytest.mark.usefixtures("drawer")
async def test_a_running_agent_opens_it(box: Box) -> None:
    async with box.agent():
        await box.level_is_known()
        said = await box.types(*OPEN)
    assert (said.code, said.out) == (0, "The drawer was asked to open.\nIt opened.\n")
    assert [event.get("asked_by") for event in await drawer_events(box)] == ["Erika", None]


async def test_a_running_agent_says_that_it_did_not_open(box: Box, drawer: SimulatedDrawer) -> None:
    box.soon_did_not_open()
    drawer.faults.stuck = True
    async with box.agent():
        await box.level_is_known()
        said = await box.types(*OPEN)
    assert said.code == 1
    assert said.err.startswith("tillwire: the drawer did not open")


async def test_a_running_agent_tells_the_level(box: Box, drawer: SimulatedDrawer) -> None:
    drawer.open_by_key()
    async with box.agent():
        await box.level_is_known()
        said = await box.types("drawer", "status")
    assert (said.code, said.out) == (0, "open\n")


async def test_status_right_after_the_start_waits_for_the_drawers_first_answer(
    box: Box, drawer: SimulatedDrawer
) -> None:
    drawer.faults.delay_s = 0.4
    async with box.agent():
        said = await box.types("drawer", "status")
    assert (said.code, said.out) == (0, "closed\n")


async def test_a_running_agent_refuses_with_its_reason(box: Box) -> None:
    async with box.agent():
        said = await box.types(*OPEN)
    assert said.code == 1
    assert said.err.startswith("tillwire: The drawer was not asked to open.")


# Wrong use


async def test_without_a_drawer_nothing_is_opened(box: Box) -> None:
    box.write(rest='[cash]\nconfirmed_by = ["operator"]\n')
    alone = await box.types("drawer", "status")
    async with box.agent():
        asked = await box.types("drawer", "status")
    for said in (alone, asked):
        assert (said.code, said.err) == (1, "tillwire: no drawer is configured: set [drawer] profile and port\n")


async def test_a_profile_that_cannot_be_used_is_a_wrong_configuration(box: Box) -> None:
    box.write(rest='[drawer]\nprofile = "escposs"\nport = "/dev/null"\n')
    said = await box.types("drawer", "status")
    assert said.code == 2
    assert "did you mean 'escpos'?" in said.err


@pytest.mark.parametrize("words", [("open",), ("open", "--reason", ""), ("open", "--reason", "\x1b[2J")])
async def test_opening_asks_for_a_reason(box: Box, drawer: SimulatedDrawer, words: tuple[str, ...]) -> None:
    said = await box.types("drawer", *words)
    assert (said.code, said.out) == (2, "")
    assert drawer.pulses == 0
