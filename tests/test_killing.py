"""`kill -9` at every commit, every read of a port and every request of the checkout, then a restart.

The real agent in a process of its own, the real simulator over loopback, which executes a second start again; a real
drawer's protocol on a pseudo-terminal. Whatever the moment: nothing is booked without a confirmation, a confirmed
payment is booked exactly once and without a person, and an unconfirmed one waits for the operator.
"""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar, cast

import aiohttp
import pytest

from agent.kiosk.answers import (
    CheckoutAnswer,
    ConnectionAnswer,
    DeviceAnswer,
    DrawerAnswer,
    EventData,
    ScanAnswer,
    SnapshotAnswer,
)
from agent.kiosk.client import KioskClient, kiosk_at
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.simulator.switches import Switches
from device.simulated_drawer import SimulatedDrawer
from device.simulated_scanner import SimulatedSerialScanner
from tests.crashing_agent import Crash, Place, start_agent
from tests.till_bench import CARD, SEED, drawer_of

pytestmark = pytest.mark.system  # minutes: every place of every flow

EXECUTES_AGAIN = Switches(second_start="executes-again")
T = TypeVar("T")
KEY_S = 0.003  # so that each character is a read of its own
AT_ONCE = 6  # scenarios side by side: most of each is waiting
CALLS = ("login", "validateMerchantcard", "cards", "create", "preTransaction", "read", "start/cash")

CONFIGURATION = """
[api]
base_url = "{base_url}"
login = "client-credentials"
client_id = "{client_id}"
client_secret = "{client_secret}"
late_window_s = 0.1

[[scanner]]
name = "counter"
driver = "serial"
port = "{scanner}"

[drawer]
profile = "escpos"
port = "{drawer}"
open_level = "low"
debounce_s = 0

[cash]
confirmed_by = ["drawer-closed"]
minimum_open_s = 0.0001

[kiosk]
listen = "127.0.0.1:0"

[state]
directory = "{state}"
"""


class Died(Exception):
    """The agent was killed in the middle of this."""


@dataclass(frozen=True)
class Shop:
    """Where one scenario plays: everything but the agent."""

    simulator: Simulator
    scanner: SimulatedSerialScanner
    drawer: SimulatedDrawer
    config: Path


@asynccontextmanager
async def shop(directory: Path) -> AsyncIterator[Shop]:
    state = directory / "state"
    state.mkdir(parents=True)
    async with (
        SimulatorServer(switches=EXECUTES_AGAIN) as simulator,
        SimulatedSerialScanner(directory / "scanner0") as scanner,
        drawer_of(directory) as drawer,
    ):
        config = directory / "tillwire.toml"
        api = {"base_url": simulator.base_url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        config.write_text(CONFIGURATION.format(**api, scanner=scanner.path, drawer=drawer.path, state=state))
        yield Shop(simulator, scanner, drawer, config)


class Screen:
    """The kiosk program: asks `/v1` and follows its events. Raises Died when the agent is gone."""

    def __init__(self, kiosk: KioskClient, base_url: str) -> None:
        self.kiosk = kiosk
        self.base_url = base_url
        self._phases: dict[str, str] = {}
        self._with_card: set[str] = set()
        self._devices: dict[str, str] = {}
        self._api = ""
        self._refused = 0
        self._drawer = ""
        self._gone = False
        self._changed = asyncio.Condition()

    async def ask(self, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except (aiohttp.ClientError, ValueError) as error:
            raise Died from error

    async def follow(self) -> None:
        with suppress(aiohttp.ClientError):
            async with aclosing(self.kiosk.events()) as events:
                async for event in events:
                    async with self._changed:
                        self._take(event.data)
                        self._changed.notify_all()
        async with self._changed:
            self._gone = True
            self._changed.notify_all()

    def _take(self, told: EventData) -> None:
        match told:
            case SnapshotAnswer():
                self._phases |= {each.id: each.phase for each in told.checkouts}
                self._drawer = told.drawer.state if told.drawer else ""
                for device in told.devices:
                    self._take(device)
                self._take(told.connection)
            case DeviceAnswer():
                self._devices[told.name] = told.state
            case ConnectionAnswer():
                self._api = told.api
            case ScanAnswer(refused=str()):
                self._refused += 1
            case CheckoutAnswer():
                self._phases[told.id] = told.phase
                if told.card is not None:
                    self._with_card.add(told.id)
            case DrawerAnswer():
                self._drawer = told.state
            case _:
                pass

    async def phase(self, checkout_id: str, *phases: str) -> str:
        """Wait until the checkout is in one of these phases."""
        await self._until(lambda: self._phases.get(checkout_id) in phases)
        return self._phases[checkout_id]

    async def told(self, *, devices: dict[str, str], api: str) -> None:
        """Wait until this is how the devices and the connection are told to be."""
        await self._until(lambda: (self._devices, self._api) == (devices, api))

    async def scanner_present(self) -> None:
        await self._until(lambda: self._devices.get("counter") == "present")

    async def has_card(self, checkout_id: str, scans: int) -> bool:
        """Wait until the card is there, or so many scans were refused: the first may come too soon after the start."""
        await self._until(lambda: checkout_id in self._with_card or self._refused >= scans)
        return checkout_id in self._with_card

    def know(self, checkout: CheckoutAnswer) -> None:
        """What was over before we came is told by no event."""
        self._phases.setdefault(checkout.id, checkout.phase)

    async def connected(self) -> None:
        """Wait for the snapshot, so that nothing is missed."""
        await self._until(lambda: self._api != "")

    async def drawer_open(self) -> None:
        await self._until(lambda: self._drawer == "open")

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._gone or condition())
            if not condition():
                raise Died


@asynccontextmanager
async def agent(config: Path, crash: Crash) -> AsyncIterator[tuple[Screen, int]]:
    """Run the agent until the end of the block, where it is asked to stop if it still lives. Raises Died."""
    process, connection = start_agent(config, crash)
    try:
        url = await asyncio.to_thread(_address, connection)
        token = (config.parent / "state" / "tokens" / "operator").read_text().strip()
        async with kiosk_at(url, token) as kiosk:
            screen = Screen(kiosk, url)
            following = asyncio.create_task(screen.follow())
            try:
                await screen.connected()
                yield screen, cast("int", process.pid)
            finally:
                following.cancel()
                await asyncio.wait([following])
    finally:
        connection.close()
        process.terminate()
        await asyncio.to_thread(process.join)
        process.close()


def _address(connection: Connection) -> str:
    try:
        return str(connection.recv())
    except EOFError:
        raise Died from None


async def sell(screen: Screen, shop: Shop) -> str:
    """The seed's checkout as a kiosk drives it."""
    checkout_id = (await screen.ask(screen.kiosk.begin(SEED.basket.products))).id
    await screen.scanner_present()
    for scans in itertools.count(1):
        for character in f"{CARD.value}\r":
            shop.scanner.send(character.encode())
            await asyncio.sleep(KEY_S)
        if await screen.has_card(checkout_id, scans):
            break
    await screen.ask(screen.kiosk.apply(checkout_id, use_balance=True))
    await screen.phase(checkout_id, "due")
    await screen.ask(screen.kiosk.pay(checkout_id, "cash", 296))
    await screen.drawer_open()
    shop.drawer.close_drawer()
    await screen.phase(checkout_id, "completed")
    return checkout_id


async def bring_to_its_end(shop: Shop) -> None:
    """Start the agent again and hold what is promised for each place where it can have stood."""
    simulator, drawer = shop.simulator, shop.drawer
    simulator.faults.clear()
    drawer.close_drawer()
    async with agent(shop.config, Crash()) as (screen, _):
        found = await screen.ask(screen.kiosk.checkouts())
        if not found:
            assert simulator.ledger == []
            return
        [checkout] = found
        screen.know(checkout)
        match checkout.phase:
            case "draft" | "due" | "applying":
                assert simulator.ledger == []
                await screen.ask(screen.kiosk.cancel(checkout.id))
            case "awaiting_cash":
                assert checkout.interrupted
                assert simulator.ledger == []
                assert drawer.pulses <= 1
                await screen.ask(screen.kiosk.confirm(checkout.id, 296, by="Eva"))
                await screen.phase(checkout.id, "completed")
                assert len(simulator.ledger) == 1
            case _:
                await screen.phase(checkout.id, "completed")
                assert len(simulator.ledger) == 1
        assert drawer.pulses <= 1
        assert len(simulator.requests_of("start/cash")) <= 2


async def scenario(directory: Path, crash: Crash) -> bool:
    """Sell with an agent that dies there; False when it lived to the end, because there are fewer such places."""
    async with shop(directory) as the_shop:
        try:
            async with agent(the_shop.config, crash) as (screen, _):
                await sell(screen, the_shop)
                assert len(the_shop.simulator.ledger) == 1
        except Died:
            await bring_to_its_end(the_shop)
            return True
        return False


@pytest.fixture(scope="session", autouse=True)
def fork_server() -> None:
    """Started before a test counts its descriptors; it ends with the test run."""
    resource_tracker.ensure_running()
    forkserver.ensure_running()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("where", ["before a commit", "after a commit", "after a read"])
async def test_killed_at_every_commit_and_every_read(tmp_path: Path, where: Place) -> None:
    crashes = 0
    for first in itertools.count(1, AT_ONCE):
        numbers = range(first, first + AT_ONCE)
        died = await asyncio.gather(*(scenario(tmp_path / str(n), Crash(where, n)) for n in numbers))
        crashes += sum(died)
        if not all(died):
            break
    assert crashes >= 5, "the agent was hardly ever killed"


async def killed_by_request(directory: Path, fault: str, call: str) -> None:
    """Kill the agent while this request is under way."""
    async with shop(directory) as the_shop:
        the_shop.simulator.add_fault(f"{call}:{fault}:1")
        with suppress(Died):
            async with agent(the_shop.config, Crash()) as (screen, pid):
                selling = asyncio.create_task(sell(screen, the_shop))
                await the_shop.simulator.request_arrived(call)
                if call == "start/cash" and "after" in fault:
                    await the_shop.simulator.booked()
                os.kill(pid, signal.SIGKILL)
                with suppress(Died):
                    await selling
        await bring_to_its_end(the_shop)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["no-answer-before-executing", "no-answer-after-executing"])
async def test_killed_while_each_request_is_under_way(tmp_path: Path, fault: str) -> None:
    await asyncio.gather(*(killed_by_request(tmp_path / str(n), fault, call) for n, call in enumerate(CALLS)))
