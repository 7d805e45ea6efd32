"""A whole till for tests: the real simulator over loopback, a real journal, a real pseudo-terminal with a drawer."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from pydantic import SecretStr

from agent.card import CardNumber, CardRules
from agent.checkout.events import ApplyAsked
from agent.checkout.evidence_state import DrawerRules
from agent.checkout.offline import OfflineLimits
from agent.checkout.state import Api, Basket, Card, Checkout, Level, Phase, Rules
from agent.chosen_outlets import ChosenOutlets
from agent.journal.errors import NotWritten
from agent.journal.journal import Journal, open_journal
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.smart.client import connect
from agent.smart.credentials import CredentialStore
from agent.smart.login import Client, ClientCredentialsLogin
from agent.smart.transport import Timeouts
from agent.till.api_calls import Calls
from agent.till.listener import CardRefusal, DrawerTold, ScanTold, UnexpectedTold
from agent.till.order import Order
from agent.till.settings import TillSettings
from agent.till.till import Till
from device.drawer import SerialDrawer
from device.drawer_profile_file import load_profile
from device.drawer_reading import SILENT_AFTER_S
from device.interface import DeviceState, Scan
from device.simulated_drawer import SimulatedDrawer

P = ParamSpec("P")
T = TypeVar("T")

CARD = CardNumber("9276004429942845")
SEED = Order(
    basket=Basket(
        products=(
            {"id": 1, "articleNumber": 30037, "desc": "Sandwich Romano", "quantity": 1, "priceOne": 349, "tax": 7},
            {"id": 2, "articleNumber": 30200, "desc": "Fruit salad", "quantity": 1, "priceOne": 249, "tax": 7},
            {"id": 3, "articleNumber": 51, "desc": "Water", "quantity": 2, "priceOne": 99, "tax": 19},
        )
    ),
    merchantRef="A-17",
)
"""The seed's basket: 796 cents; with the 500 of the simulated card, 296 are missing."""


@dataclass
class Heard:
    """Everything that the till told, and waiting for it without polling."""

    checkouts: list[Checkout] = field(default_factory=list)
    drawer: list[DrawerTold] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    scans: list[ScanTold] = field(default_factory=list)
    refusals: list[CardRefusal] = field(default_factory=list)
    checked: list[Card] = field(default_factory=list)
    devices: list[DeviceState] = field(default_factory=list)
    connections: list[Api] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    unexpected: list[UnexpectedTold] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def checkout_changed(self, checkout: Checkout, sequence: int) -> None:
        self.checkouts.append(checkout)
        self.wake()

    def drawer_is(self, drawer: str, level: Level) -> None:
        self.levels.append(level)
        self.wake()

    def drawer_told(self, told: DrawerTold, sequence: int) -> None:
        self.drawer.append(told)
        self.wake()

    def scanned(self, told: ScanTold) -> None:
        self.scans.append(told)
        self.wake()

    def card_checked(self, scanner: str, card: Card) -> None:
        self.checked.append(card)
        self.wake()

    def card_refused(self, scanner: str | None, reason: CardRefusal) -> None:
        self.refusals.append(reason)
        self.wake()

    def device_changed(self, state: DeviceState) -> None:
        self.devices.append(state)
        self.wake()

    def connection_changed(self, api: Api, since: datetime) -> None:
        self.connections.append(api)
        self.wake()

    def busy_changed(self, *, busy: bool) -> None:
        self.wake()

    def not_recorded(self, checkout_id: str) -> None:
        self.unrecorded.append(checkout_id)
        self.wake()

    def unexpected_told(self, told: UnexpectedTold, sequence: int) -> None:
        self.unexpected.append(told)
        self.wake()

    def wake(self) -> None:
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; the test's own time-out ends a wait in vain."""
        while not condition():
            self._changed.clear()
            await self._changed.wait()

    async def phase(self, phase: Phase) -> Checkout:
        """Wait until the newest word about a checkout is that it is in this phase."""
        await self.until(lambda: bool(self.checkouts) and self.checkouts[-1].phase is phase)
        return self.checkouts[-1]

    async def cash_awaited(self) -> None:
        """Wait until the drawer was seen open and the read that goes with it is answered, whatever that leads to."""

        def there() -> bool:
            newest = self.checkouts[-1]
            is_read = newest.asking is None and newest.payment is not None and newest.payment.drawer_seen_open
            return is_read or newest.phase is not Phase.AWAITING_CASH

        await self.until(there)

    async def drawer_event(self, event: str) -> None:
        await self.until(lambda: bool(self.drawer) and self.drawer[-1].event == event)


class Disk(ThreadPoolExecutor):
    """The journal's thread, on a disk that may refuse to write."""

    def __init__(self, told: Callable[[], None]) -> None:
        super().__init__(1)
        self._told = told
        self._loop = asyncio.get_running_loop()
        self.refuses = False
        self.refusals = 0
        self.submitted = 0

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def job() -> T:
            if self.refuses:
                self.refusals += 1
                self._loop.call_soon_threadsafe(self._told)
                raise NotWritten("the disk refuses")
            return work(*args, **kwargs)

        self.submitted += 1
        self._loop.call_soon(self._told)
        return super().submit(job)


@dataclass
class TillBench:
    """A till at work, and what stands around it."""

    till: Till
    simulator: Simulator
    drawer: SimulatedDrawer
    heard: Heard
    disk: Disk
    journal: Journal

    def scan(self, text: str = CARD.value) -> None:
        self.till.report(Scan(scanner="counter", text=text, at=asyncio.get_running_loop().time()))

    async def due(self) -> Checkout:
        """Bring the seed's checkout to the point where 296 cents are due."""
        checkout = await self.till.create(SEED)
        await self.till.set_card(checkout.id, CARD)
        return await self.applied(checkout.id)

    async def applied(self, checkout_id: str) -> Checkout:
        await self.till.ask(checkout_id, ApplyAsked(use_balance=True))
        return await self.heard.phase(Phase.DUE)


FAST_DRAWER = DrawerRules(minimum_open_s=0.0, settling_s=0.0, open_timeout_s=60.0)
"""A test does not wait for a second with the drawer open, and no drawer is late because the machine is busy.

Both times are shown in test_evidence.
"""


@asynccontextmanager
async def at_work(
    directory: Path,
    simulator: Simulator,
    drawer: SimulatedDrawer,
    *,
    rules: Rules | None = None,
    drawer_rules: DrawerRules = FAST_DRAWER,
    timeouts: Timeouts | None = None,
    show_balance: bool = False,
    silent_after_s: float = SILENT_AFTER_S,
    wall: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> AsyncIterator[TillBench]:
    """Run a till on this state directory until the end of the block."""
    heard = Heard()
    login = ClientCredentialsLogin(client=Client(client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET)))
    numbers = itertools.count(1)
    with Disk(heard.wake) as executor:
        journal = await open_journal(directory / "journal.sqlite", executor)
        try:
            async with connect(simulator.base_url, login, CredentialStore(directory), timeouts=timeouts) as api:
                device = SerialDrawer(
                    name="drawer",
                    path=drawer.path,
                    profile=drawer.profile,
                    opener=drawer.opener,
                    silent_after_s=silent_after_s,
                )
                till = Till(
                    TillSettings(
                        rules=rules or Rules(),
                        offline=OfflineLimits(),
                        cards=CardRules(prefixes=("9276",), lengths=(16,)),
                        drawer=drawer_rules,
                        forwarding=frozenset({"counter", "keys", "reports", "line"}),
                        show_balance=show_balance,
                    ),
                    journal=journal,
                    calls=Calls(api, is_demo=True, clock=asyncio.get_running_loop().time),
                    drawer=device,
                    listener=heard,
                    outlets=ChosenOutlets(),
                    wall=wall,
                    new_id=lambda: f"co_{next(numbers)}_{id(heard)}",
                    jitter=lambda: 0.0,
                )
                async with asyncio.TaskGroup() as tasks:
                    running = [tasks.create_task(till.run()), tasks.create_task(device.run(till.report))]
                    await till.ready.wait()
                    await heard.until(lambda: till.drawer_level != "unknown")
                    try:
                        yield TillBench(till, simulator, drawer, heard, executor, journal)
                    finally:
                        for task in running:
                            task.cancel()
        finally:
            await journal.close()


def drawer_of(directory: Path) -> SimulatedDrawer:
    """A drawer behind an ESC/POS printer, without the pauses that protect a real solenoid."""
    profile = load_profile("escpos", overrides={"open_level": "low", "debounce_s": 0, "recharge_s": 0})
    return SimulatedDrawer(profile, directory / "drawer0")


@asynccontextmanager
async def whole_till(
    directory: Path,
    *,
    rules: Rules | None = None,
    timeouts: Timeouts | None = None,
    open_timeout_s: float = FAST_DRAWER.open_timeout_s,
    show_balance: bool = False,
) -> AsyncIterator[TillBench]:
    """Simulator, drawer and till, all fresh."""
    drawer_rules = replace(FAST_DRAWER, open_timeout_s=open_timeout_s)
    async with (
        SimulatorServer() as simulator,
        drawer_of(directory) as drawer,
        at_work(
            directory,
            simulator,
            drawer,
            rules=rules,
            drawer_rules=drawer_rules,
            timeouts=timeouts,
            show_balance=show_balance,
        ) as bench,
    ):
        yield bench
