"""A whole agent behind its local interface, for tests: real till, simulator, journal and drawer; called over HTTP."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from agent.card import CardRules
from agent.checkout.offline import OfflineLimits
from agent.checkout.state import Level, Rules
from agent.chosen_outlets import ChosenOutlets
from agent.journal.journal import open_journal
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.rate_limit import Rate
from agent.kiosk.roles import Role
from agent.kiosk.server import REQUEST_TIMEOUT_S, KioskSettings, serve
from agent.kiosk.stream import EventStream
from agent.kiosk.tokens import Tokens, load_tokens
from agent.metrics.metrics import Metrics
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.smart.client import connect
from agent.smart.credentials import CredentialStore
from agent.smart.login import Client, ClientCredentialsLogin
from agent.till.api_calls import Calls
from agent.till.listener import Listeners
from agent.till.outlets import Outlets
from agent.till.settings import TillSettings
from agent.till.till import Till
from device.drawer import SerialDrawer
from device.interface import Scan
from device.simulated_drawer import SimulatedDrawer
from tests.till_bench import CARD, FAST_DRAWER, SEED, Disk, drawer_of

CARDS = CardRules(prefixes=("9276",), lengths=(16,))
ALLOWED_ORIGIN = "https://kiosk.example"
BASKET = {"products": list(SEED.basket.products)}
ORDER = {"merchantRef": "A-17", "basket": BASKET}

Json = dict[str, Any]


class _WatchedStream(EventStream):
    """The event stream, and waiting for the drawer's first level."""

    def __init__(self, journal: str, newest: int) -> None:
        super().__init__(journal, newest)
        self.drawer_known = asyncio.Event()

    def drawer_is(self, drawer: str, level: Level) -> None:
        super().drawer_is(drawer, level)
        if level != "unknown":
            self.drawer_known.set()


@dataclass(frozen=True)
class Told:
    """One event of the stream as it came over the wire."""

    name: str
    data: Json
    id: str | None


@dataclass(frozen=True)
class Answered:
    status: int
    body: Json
    headers: Mapping[str, str]

    @property
    def problem(self) -> str:
        """The name of the problem."""
        return str(self.body["type"]).removeprefix("urn:tillwire:problem:")


@dataclass
class Events:
    """A reader of the event stream."""

    response: aiohttp.ClientResponse
    heard: list[Told] = field(default_factory=list)

    async def next(self) -> Told:
        """Return the next event; pings are passed over."""
        fields: dict[str, str] = {}
        while line := (await self.response.content.readline()).decode():
            if line == "\n" and "event" in fields:
                told = Told(fields["event"], json.loads(fields["data"]), fields.get("id"))
                self.heard.append(told)
                return told
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value
        raise EOFError

    async def until(self, condition: Callable[[Told], bool]) -> Told:
        while not condition(told := await self.next()):
            pass
        return told

    async def phase(self, phase: str) -> Json:
        """Return the checkout when it is told to be in this phase."""
        return (await self.until(lambda told: told.name == "checkout" and told.data["phase"] == phase)).data


@dataclass
class KioskBench:
    """An agent at work, as its callers and its hardware see it."""

    till: Till
    kiosk: Kiosk
    simulator: Simulator
    drawer: SimulatedDrawer
    tokens: Tokens
    base_url: str
    control_socket: Path
    session: aiohttp.ClientSession
    disk: Disk

    def headers(self, role: Role | None) -> dict[str, str]:
        token = {Role.SCREEN: self.tokens.screen, Role.OPERATOR: self.tokens.operator, None: None}[role]
        return {"Authorization": f"Bearer {token}"} if token else {}

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        role: Role | None = Role.SCREEN,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answered:
        """Call, and return what was answered; `data` is sent as it is, `body` as JSON."""
        sent = self.headers(role) | dict(headers or {})
        if body is not None:
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        async with self.session.request(
            method, self.base_url + path, data=data, headers=sent, skip_auto_headers=["Content-Type"]
        ) as response:
            text = await response.text()
            is_json = response.content_type.endswith("json")
            return Answered(response.status, json.loads(text) if is_json else {"text": text}, response.headers)

    @asynccontextmanager
    async def events(
        self, *, role: Role = Role.SCREEN, last_id: str | None = None, query: str = ""
    ) -> AsyncIterator[Events]:
        headers = self.headers(role) | ({"Last-Event-ID": last_id} if last_id else {})
        async with self.session.get(self.base_url + "/v1/events" + query, headers=headers) as response:
            assert response.status == 200, await response.text()
            yield Events(response)

    def scan(self, text: str = CARD.value) -> None:
        self.till.report(Scan(scanner="counter", text=text, at=asyncio.get_running_loop().time()))

    async def begin(self) -> str:
        """Begin the seed's checkout, with its card, and return its id."""
        created = await self.call("POST", "/v1/checkouts", ORDER)
        assert created.status == 201, created.body
        checkout_id = str(created.body["id"])
        card = {"value": CARD.value}
        answered = await self.call("PUT", f"/v1/checkouts/{checkout_id}/card", card, role=Role.OPERATOR)
        assert answered.status == 200, answered.body
        return checkout_id

    async def due(self) -> str:
        """Bring the seed's checkout to the point where 296 cents are due."""
        async with self.events() as events:
            checkout_id = await self.begin()
            await self.call("POST", f"/v1/checkouts/{checkout_id}/apply", {"use_balance": True})
            await events.phase("due")
        return checkout_id


@asynccontextmanager
async def agent_at_work(
    directory: Path,
    simulator: Simulator,
    drawer: SimulatedDrawer,
    *,
    rules: Rules | None = None,
    page: bool = True,
    request_timeout_s: float = REQUEST_TIMEOUT_S,
    rate: Rate | None = None,
    outlets: Outlets | None = None,
) -> AsyncIterator[KioskBench]:
    """Run an agent on this state directory until the end of the block."""
    login = ClientCredentialsLogin(client=Client(client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET)))
    numbers = itertools.count(1)
    clock = asyncio.get_running_loop().time
    metrics = Metrics(clock)
    with Disk(lambda: None) as executor:
        journal = await open_journal(directory / "journal.sqlite", executor)
        try:
            async with connect(simulator.base_url, login, CredentialStore(directory)) as api:
                device = SerialDrawer(name="drawer", path=drawer.path, profile=drawer.profile)
                stream = _WatchedStream(journal.id, journal.latest_sequence)
                till = Till(
                    TillSettings(
                        rules=rules or Rules(),
                        offline=OfflineLimits(),
                        cards=CARDS,
                        drawer=FAST_DRAWER,
                        forwarding=frozenset({"counter"}),
                    ),
                    journal=journal,
                    calls=Calls(api, is_demo=True, clock=clock),
                    drawer=device,
                    listener=Listeners(stream, metrics),
                    outlets=outlets or ChosenOutlets(),
                    wall=lambda: datetime.now(UTC),
                    new_id=lambda: f"co_{next(numbers)}_{id(stream)}",
                    jitter=lambda: 0.0,
                )
                tokens = load_tokens(directory / "tokens")
                kiosk = Kiosk(
                    till=till,
                    stream=stream,
                    cards=CARDS,
                    tokens=tokens,
                    why_not_ready=lambda: (),
                    clock=clock,
                    metrics=metrics,
                )
                settings = KioskSettings(
                    listen=("127.0.0.1", 0),
                    control_socket=directory / "tillwire.sock",
                    allowed_origins=frozenset({ALLOWED_ORIGIN}),
                    page=page,
                    request_timeout_s=request_timeout_s,
                    rate=rate or Rate(),
                )
                async with asyncio.TaskGroup() as tasks:
                    running = [tasks.create_task(till.run()), tasks.create_task(device.run(till.report))]
                    await till.ready.wait()
                    try:
                        async with serve(kiosk, settings) as address, aiohttp.ClientSession() as session:
                            assert address is not None
                            bench = KioskBench(
                                till,
                                kiosk,
                                simulator,
                                drawer,
                                tokens,
                                address.rstrip("/"),
                                settings.control_socket,
                                session,
                                executor,
                            )
                            await stream.drawer_known.wait()
                            yield bench
                    finally:
                        for task in running:
                            task.cancel()
        finally:
            await journal.close()


@asynccontextmanager
async def whole_agent(
    directory: Path,
    *,
    page: bool = True,
    request_timeout_s: float = REQUEST_TIMEOUT_S,
    rate: Rate | None = None,
) -> AsyncIterator[KioskBench]:
    """Simulator, drawer and agent, all fresh."""
    async with (
        SimulatorServer() as simulator,
        drawer_of(directory) as drawer,
        agent_at_work(directory, simulator, drawer, page=page, request_timeout_s=request_timeout_s, rate=rate) as bench,
    ):
        yield bench
