"""Each way to confirm cash, end to end: the whole agent, the simulated API, and the lines of a till or a drawer."""

import asyncio
import os
import pty
import re
import tty
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from agent.control import JsonObject, RunningAgent, agent_at
from agent.simulator.server import SimulatorServer
from config.settings import load
from device.drawer_profile_file import load_profile
from device.paid_message import ON_ITS_WAY_S
from device.simulated_drawer import SimulatedDrawer
from tests.command_bench import Box, device_is
from tests.moved_clock import MovedClock
from tests.till_bench import SEED

AMOUNT = 796
QUICK = "debounce_s = 0\nrecharge_s = 0\n"
PAID_BY_MACHINE = """\
[cash]
confirmed_by = ["paid-message"]
[cash.paid_message]
port = "{port}"
pattern = 'paid (?P<amount>\\d+)'
booked_message = "OK {{merchantRef}}\\r"
"""
BY_REGISTER = """\
[drawer]
profile = "escpos"
port = "{port}"
open_level = "low"
opened_by = "register"
{quick}[cash]
minimum_open_s = 0.001
confirmed_by = ["{confirmed_by}"]
"""


class Machine:
    """A cash machine at the other end of a pseudo-terminal."""

    def __init__(self) -> None:
        self.master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self._is_plugged_in = True
        asyncio.get_running_loop().add_reader(self.master, lambda: self._heard.put_nowait(os.read(self.master, 100)))

    def says(self, text: str) -> None:
        os.write(self.master, text.encode())

    async def hears_until(self, end: bytes) -> bytes:
        heard = b""
        while not heard.endswith(end):
            heard += await self._heard.get()
        return heard

    def pull(self) -> None:
        """Its cable is pulled, or it is switched off."""
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)
        self._is_plugged_in = False

    def close(self) -> None:
        if self._is_plugged_in:
            self.pull()
        os.close(self._slave)


@pytest.fixture
async def machine() -> AsyncIterator[Machine]:
    made = Machine()
    yield made
    made.close()


@pytest.fixture
async def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> AsyncIterator[Box]:
    async with SimulatorServer() as simulator:
        yield Box(tmp_path, capsys, base_url=simulator.base_url)


@asynccontextmanager
async def agent_of(box: Box) -> AsyncIterator[RunningAgent]:
    async with box.agent(), agent_at(load(box.config, {})) as agent:
        assert agent is not None
        yield agent


async def awaiting_cash(agent: RunningAgent) -> str:
    """Bring a checkout to where its cash is awaited, and return its id."""
    order = {"merchantRef": "A-17", "basket": {"products": list(SEED.basket.products)}}
    made = await agent.post("/v1/checkouts", order)
    await agent.post(f"/v1/checkouts/{made['id']}/pay", {"method": "cash", "amount": AMOUNT})
    await in_phase(agent, "awaiting_cash")
    return str(made["id"])


async def in_phase(agent: RunningAgent, *phases: str) -> JsonObject:
    """Wait until the checkout is in one of these phases."""
    async with aclosing(agent.events()) as events:
        async for name, told in events:
            shown = told["checkouts"] if name == "snapshot" else [told] if name == "checkout" else []
            assert isinstance(shown, list)
            for checkout in shown:
                if checkout["phase"] in phases:
                    return dict(checkout)
    raise AssertionError("the agent was stopped")


async def ended(agent: RunningAgent, checkout_id: str) -> JsonObject:
    """Wait for the end, which may have come before anybody looked."""
    while (now := await agent.get(f"/v1/checkouts/{checkout_id}"))["phase"] in {"awaiting_cash", "starting", "unsure"}:
        pass
    return now


async def test_a_machine_says_that_it_was_paid_and_hears_that_it_is_booked(
    box: Box, machine: Machine, clock: MovedClock
) -> None:
    box.write(rest=PAID_BY_MACHINE.format(port=machine.path))
    async with agent_of(box) as agent:
        await box.heard(device_is("paid_message", "present"))
        clock.advance(ON_ITS_WAY_S)
        checkout_id = await awaiting_cash(agent)
        machine.says("unpaid 796\rpaid 796\r\n")
        assert await machine.hears_until(b"\r") == b"OK A-17\r"
        done = await ended(agent, checkout_id)
    assert done["phase"] == "completed"
    assert isinstance(done["evidence"], dict)
    assert (done["evidence"]["kind"], done["evidence"]["amount"]) == ("paid-message", AMOUNT)


async def test_a_machine_that_was_paid_another_amount_needs_a_person(
    box: Box, machine: Machine, clock: MovedClock
) -> None:
    box.write(rest=PAID_BY_MACHINE.format(port=machine.path))
    async with agent_of(box) as agent:
        await box.heard(device_is("paid_message", "present"))
        clock.advance(ON_ITS_WAY_S)
        checkout_id = await awaiting_cash(agent)
        machine.says("paid 800\r")
        done = await ended(agent, checkout_id)
    assert (done["phase"], done["reason"]) == ("attention", "other_amount_paid")


async def test_a_machine_that_is_lost_is_told_as_what_it_is_and_its_cash_needs_a_person(
    box: Box, machine: Machine
) -> None:
    box.write(rest=PAID_BY_MACHINE.format(port=machine.path))
    async with agent_of(box) as agent:
        await box.heard(device_is("paid_message", "present"))
        checkout_id = await awaiting_cash(agent)
        machine.pull()
        await box.heard(device_is("paid_message", "lost"))
        devices = (await agent.get("/v1/devices"))["devices"]
        while (told := await agent.get(f"/v1/checkouts/{checkout_id}"))["drawer_trouble"] is None:
            pass
    assert isinstance(devices, list)
    assert [(device["kind"], device["state"]) for device in devices] == [("paid_message", "lost")]
    assert (told["phase"], told["drawer_trouble"]) == ("awaiting_cash", "lost")


async def test_a_machine_whose_message_cannot_be_read_leaves_the_word_to_the_operator(
    box: Box, machine: Machine, clock: MovedClock
) -> None:
    box.write(rest=PAID_BY_MACHINE.format(port=machine.path))
    async with agent_of(box) as agent:
        await box.heard(device_is("paid_message", "present"))
        clock.advance(ON_ITS_WAY_S)
        checkout_id = await awaiting_cash(agent)
        async with box.hears(lambda _, told: told.get("drawer_trouble") == "message_torn"):
            machine.says("paid 7967967967\r")
        await agent.post(f"/v1/checkouts/{checkout_id}/confirm", {"amount": AMOUNT, "by": "Ada"})
        done = await ended(agent, checkout_id)
    assert done["phase"] == "completed"
    assert isinstance(done["evidence"], dict)
    assert (done["evidence"]["kind"], done["evidence"]["by"]) == ("operator", "Ada")


@pytest.mark.parametrize("confirmed_by", ["drawer-opened", "drawer-closed"])
async def test_a_register_opens_its_drawer_and_tillwire_only_watches(box: Box, confirmed_by: str) -> None:
    profile = load_profile("escpos", overrides={"open_level": "low", "debounce_s": 0})
    async with SimulatedDrawer(profile, box.directory / "drawer0") as drawer:
        box.write(rest=BY_REGISTER.format(port=drawer.path, quick=QUICK, confirmed_by=confirmed_by))
        async with agent_of(box) as agent:
            await box.level_is_known()
            checkout_id = await awaiting_cash(agent)
            drawer.open_by_key()  # as the register does it, over its own line
            if confirmed_by == "drawer-closed":
                await box.heard(_is_open)
                assert (await agent.get(f"/v1/checkouts/{checkout_id}"))["phase"] == "awaiting_cash"
                drawer.close_drawer()
            done = await ended(agent, checkout_id)
    assert done["phase"] == "completed"
    assert isinstance(done["evidence"], dict)
    assert done["evidence"]["kind"] == confirmed_by
    assert drawer.pulses == 0
    assert not re.search(rb"\x1bp|\x10\x14", drawer.received)


def _is_open(name: str, told: JsonObject) -> bool:
    drawer = told.get("drawer") if name == "snapshot" else told
    return isinstance(drawer, dict) and drawer.get("state") == "open"
