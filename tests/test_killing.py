"""`kill -9` at every commit, every read of a port and every request of each flow, then a restart.

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
from functools import partial
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar, cast

import aiohttp
import pytest

from agent.checkout.state import Basket, Method
from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.client import KioskClient, kiosk_at
from agent.kiosk.event_answers import (
    ConnectionAnswer,
    DeviceAnswer,
    DrawerAnswer,
    EventData,
    ScanAnswer,
    SnapshotAnswer,
)
from agent.simulator import CLIENT_ID, CLIENT_SECRET, lifecycle
from agent.simulator.ledger import Kind
from agent.simulator.orders import order_from
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.simulator.switches import Switches
from device.simulated_drawer import SimulatedDrawer
from device.simulated_scanner import SimulatedSerialScanner
from tests.crashing_agent import Crash, Place, start_agent
from tests.till_bench import CARD, SEED, drawer_of

pytestmark = pytest.mark.system  # minutes: every place of every flow

EXECUTES_AGAIN = Switches(second_start="executes-again", second_cancel="executes-again")
T = TypeVar("T")
KEY_S = 0.003  # so that each character is a read of its own
AT_ONCE = 6  # scenarios side by side: most of each is waiting
CHARGE_LINE: dict[str, object] = {
    "id": 1,
    "ean": "4260447149502",
    "desc": "Kartenaufladung 15 EUR",
    "quantity": 1,
    "priceOne": 1500,
    "tax": 7,
}

CONFIGURATION = """
[api]
base_url = "{base_url}"
login = "client-credentials"
client_id = "{client_id}"
client_secret = "{client_secret}"
late_window_s = 0.1
terminal_timeout_s = 5

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
        self._due: dict[str, int | None] = {}
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
                self._due[told.id] = told.amount_due
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

    async def due(self, checkout_id: str, amount: int) -> None:
        """Wait until this amount is shown."""
        await self._until(lambda: (self._phases.get(checkout_id), self._due.get(checkout_id)) == ("due", amount))

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


@dataclass(frozen=True, kw_only=True)
class Flow:
    """One way to sell (smart-api 8), and the calls that it makes. Amounts in cents."""

    products: tuple[dict[str, object], ...] = SEED.basket.products
    on_card: int = 500
    use_balance: bool = False
    method: Method = "cash"
    amount: int
    calls: tuple[str, ...]
    first_products: tuple[dict[str, object], ...] = ()  # what is asked the amount of before: then the basket changes
    handed_over: bool = False  # a register created the transaction
    scanned: bool = False  # the others have their card from the operator: fewer places, the same ones


CHECKS = ("login", "validateMerchantcard", "cards", "create")
FLOWS = {
    "B collect only": Flow(amount=796, calls=(*CHECKS, "read", "start/cash")),
    "C card covers all": Flow(
        on_card=800,
        use_balance=True,
        method="loyalty",
        amount=0,
        calls=(*CHECKS, "preTransaction", "start/loyalty"),
    ),
    "D card and cash": Flow(
        use_balance=True, amount=296, calls=(*CHECKS, "preTransaction", "read", "start/cash"), scanned=True
    ),
    "E card and terminal": Flow(
        use_balance=True, method="cashless", amount=296, calls=(*CHECKS, "preTransaction", "start/cashless")
    ),
    "G change of mind": Flow(
        first_products=SEED.basket.products[:1], amount=796, calls=(*CHECKS, "update", "read", "start/cash")
    ),
    "a register's": Flow(handed_over=True, amount=796, calls=("login", "read", "start/cash")),
    "H charge": Flow(products=(CHARGE_LINE,), amount=1500, calls=(*CHECKS, "read", "start/cash")),
}
SEEDS = FLOWS["D card and cash"]


async def sell(screen: Screen, shop: Shop, flow: Flow = SEEDS) -> str:
    """Sell as a kiosk drives it; the seed's checkout if nothing else is said."""
    if flow.handed_over:
        transaction_id = registers_transaction(shop.simulator, flow)
        checkout_id = (await screen.ask(screen.kiosk.hand_over(transaction_id, flow.amount))).id
    else:
        checkout_id = await begin(screen, shop, flow)
    await screen.due(checkout_id, flow.amount)
    await screen.ask(screen.kiosk.pay(checkout_id, flow.method, flow.amount))
    if flow.method == "cash":
        await screen.drawer_open()
        shop.drawer.close_drawer()
    await screen.phase(checkout_id, "completed")
    return checkout_id


def registers_transaction(simulator: Simulator, flow: Flow) -> str:
    """A register creates a transaction of its own, without a card."""
    basket = Basket(products=flow.products)
    body = {"basket": {"products": basket.products}, "basket_info": {"sum": basket.sum, "currency": "EUR"}}
    state, now = simulator.api.state, simulator.clock.now()
    return lifecycle.create(state, order_from(body), simulator.api.world.devices[0].id, now).id


async def begin(screen: Screen, shop: Shop, flow: Flow) -> str:
    """A basket and a card, of which the amount is asked."""
    checkout_id = (await screen.ask(screen.kiosk.begin(flow.first_products or flow.products))).id
    if flow.scanned:
        await scan(screen, shop, checkout_id)
    else:
        await screen.ask(screen.kiosk.set_card(checkout_id, CARD.value))
    await screen.ask(screen.kiosk.apply(checkout_id, use_balance=flow.use_balance))
    if flow.first_products:
        await screen.phase(checkout_id, "due")
        await screen.ask(screen.kiosk.set_basket(checkout_id, flow.products))
        await screen.ask(screen.kiosk.apply(checkout_id, use_balance=flow.use_balance))
    return checkout_id


async def scan(screen: Screen, shop: Shop, checkout_id: str) -> None:
    await screen.scanner_present()
    for scans in itertools.count(1):
        for character in f"{CARD.value}\r":
            shop.scanner.send(character.encode())
            await asyncio.sleep(KEY_S)
        if await screen.has_card(checkout_id, scans):
            break


async def bring_to_its_end(shop: Shop, flow: Flow) -> None:
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
                await screen.ask(screen.kiosk.confirm(checkout.id, flow.amount, by="Eva"))
                await screen.phase(checkout.id, "completed")
                assert len(simulator.ledger) == 1
            case _:
                ends = ("completed", "failed") if flow.method == "cashless" else ("completed",)
                end = await screen.phase(checkout.id, *ends)
                assert len(simulator.ledger) == (end == "completed")
        assert drawer.pulses <= 1
        assert len(simulator.requests_of(f"start/{flow.method}")) <= 2
        assert all(booking.amount == flow.amount for booking in simulator.ledger)


async def scenario(directory: Path, crash: Crash, flow: Flow) -> bool:
    """Sell with an agent that dies there; False when it lived to the end, because there are fewer such places."""
    async with shop(directory) as the_shop:
        the_shop.simulator.set_card(CARD.value, cash_balance=flow.on_card)
        try:
            async with agent(the_shop.config, crash) as (screen, _):
                await sell(screen, the_shop, flow)
                assert len(the_shop.simulator.ledger) == 1
        except Died:
            await bring_to_its_end(the_shop, flow)
            return True
        return False


# A reversal of what an agent has sold that lived


async def take_back(screen: Screen, sold: str) -> str:
    reversal = (await screen.ask(screen.kiosk.reverse(sold, "wrong lunch", by="Eva"))).id
    await screen.phase(reversal, "completed")
    return reversal


async def bring_reversal_to_its_end(shop: Shop, sold: str, call: Kind) -> None:
    """Not written, nothing was asked of the API; written, it is taken back exactly once and without a person."""
    simulator = shop.simulator
    simulator.faults.clear()
    async with agent(shop.config, Crash()) as (screen, _):
        sale = await screen.ask(screen.kiosk.checkout(sold))
        assert sale.phase == "completed"
        if sale.reversed_by is None:
            assert [booking.kind for booking in simulator.ledger] == ["start"]
            return
        screen.know(await screen.ask(screen.kiosk.checkout(sale.reversed_by)))
        await screen.phase(sale.reversed_by, "completed")
        assert [booking.kind for booking in simulator.ledger] == ["start", call]
        assert len(simulator.requests_of(call)) <= 2


REVERSED: dict[Kind, Flow] = {"cancel": FLOWS["B collect only"], "cancelTrx": FLOWS["E card and terminal"]}
REVERSALS = pytest.mark.parametrize("call", REVERSED)


async def reversal_scenario(directory: Path, crash: Crash, call: Kind) -> bool:
    async with shop(directory) as the_shop:
        async with agent(the_shop.config, Crash()) as (screen, _):
            sold = await sell(screen, the_shop, REVERSED[call])
        try:
            async with agent(the_shop.config, crash) as (screen, _):
                await take_back(screen, sold)
        except Died:
            await bring_reversal_to_its_end(the_shop, sold, call)
            return True
        return False


@pytest.fixture(scope="session", autouse=True)
def fork_server() -> None:
    """Started before a test counts its descriptors; it ends with the test run."""
    resource_tracker.ensure_running()
    forkserver.ensure_running()


Scenario = Callable[[Path, Crash], Awaitable[bool]]


async def at_every_place(directory: Path, where: Place, play: Scenario) -> int:
    """Play it again and again, with the agent killed at one place after the other; returns how often it died."""
    crashes = 0
    for first in itertools.count(1, AT_ONCE):
        numbers = range(first, first + AT_ONCE)
        died = await asyncio.gather(*(play(directory / str(n), Crash(where, n)) for n in numbers))
        crashes += sum(died)
        if not all(died):
            break
    return crashes


@pytest.mark.timeout(120)
async def test_killed_at_every_read_of_a_port(tmp_path: Path) -> None:
    assert await at_every_place(tmp_path, "after a read", partial(scenario, flow=SEEDS)) >= 5


@pytest.mark.timeout(120)
@pytest.mark.parametrize("where", ["before a commit", "after a commit"])
@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
async def test_killed_at_every_commit(tmp_path: Path, where: Place, flow: Flow) -> None:
    assert await at_every_place(tmp_path, where, partial(scenario, flow=flow)) >= 5


@pytest.mark.timeout(120)
@pytest.mark.parametrize("where", ["before a commit", "after a commit"])
@REVERSALS
async def test_killed_at_every_commit_of_a_reversal(tmp_path: Path, where: Place, call: Kind) -> None:
    assert await at_every_place(tmp_path, where, partial(reversal_scenario, call=call)) >= 3


async def killed_by_request(directory: Path, fault: str, call: str, flow: Flow) -> None:
    """Kill the agent while this request is under way."""
    async with shop(directory) as the_shop:
        the_shop.simulator.set_card(CARD.value, cash_balance=flow.on_card)
        the_shop.simulator.add_fault(f"{call}:{fault}:1")
        with suppress(Died):
            async with agent(the_shop.config, Crash()) as (screen, pid):
                selling = asyncio.create_task(sell(screen, the_shop, flow))
                await the_shop.simulator.request_arrived(call)
                if call.startswith("start/") and "after" in fault:
                    await the_shop.simulator.booked()
                os.kill(pid, signal.SIGKILL)
                with suppress(Died):
                    await selling
        await bring_to_its_end(the_shop, flow)


FAULTS = pytest.mark.parametrize("fault", ["no-answer-before-executing", "no-answer-after-executing"])


@pytest.mark.timeout(120)
@FAULTS
@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS)
async def test_killed_while_each_request_is_under_way(tmp_path: Path, fault: str, flow: Flow) -> None:
    await asyncio.gather(
        *(killed_by_request(tmp_path / str(n), fault, call, flow) for n, call in enumerate(flow.calls))
    )


@pytest.mark.timeout(60)
@FAULTS
@REVERSALS
async def test_killed_while_the_request_of_a_reversal_is_under_way(tmp_path: Path, fault: str, call: Kind) -> None:
    async with shop(tmp_path / "shop") as the_shop:
        simulator = the_shop.simulator
        async with agent(the_shop.config, Crash()) as (screen, _):
            sold = await sell(screen, the_shop, REVERSED[call])
        simulator.add_fault(f"{call}:{fault}:1")
        with suppress(Died):
            async with agent(the_shop.config, Crash()) as (screen, pid):
                taking_back = asyncio.create_task(take_back(screen, sold))
                await simulator.request_arrived(call)
                if "after" in fault:
                    await simulator.booked(2)
                os.kill(pid, signal.SIGKILL)
                with suppress(Died):
                    await taking_back
        await bring_reversal_to_its_end(the_shop, sold, call)
