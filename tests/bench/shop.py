"""A shop to measure: the simulated API behind TLS, a reader, a drawer, and the real `tillwire run`."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import aiohttp

from agent.demo.story import BASKET
from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.client import KioskClient, kiosk_at
from agent.kiosk.event_answers import DrawerAnswer, ScanAnswer
from agent.simulator.certificates import CA_FILE
from device.drawer_profile_file import load_profile
from device.simulated_drawer import SimulatedDrawer
from device.simulated_scanner import SimulatedSerialScanner
from tests.bench.processes import Front, Process, front, python, running

CARD = "9276004429942845"
READ = "^GET .*/STX_"
READ_S = 0.02
"""Until that read is answered: a customer takes a second and more to pay."""
SETTLING_S = 2.2
"""What the drawer says within 2 s after its port was opened is no evidence."""

ESCPOS: Mapping[str, str] = MappingProxyType({"profile": "escpos"})

CONFIGURATION = """
[api]
base_url = "{base_url}"
ca_file = "{ca_file}"
login = "client-credentials"
client_id = "{client_id}"
client_secret = "{client_secret}"

[[scanner]]
name = "counter"
driver = "serial"
port = "{scanner}"

[cards]
repeated_within_s = 0

[drawer]
{model}
port = "{drawer}"
opened_by = "{opened_by}"
debounce_s = 0
recharge_s = 0

[cash]
confirmed_by = ["drawer-closed"]
minimum_open_s = 0.0001

[kiosk]
listen = "127.0.0.1:0"

[state]
directory = "{state}"
"""


def lines_of(model: Mapping[str, str]) -> str:
    """Return these keys of `[drawer]` as they stand in the file."""
    return "\n".join(f'{key} = "{value}"' for key, value in model.items())


@dataclass
class Shop:
    """Everything runs."""

    agent: Process
    front: Front
    kiosk: KioskClient
    scanner: SimulatedSerialScanner
    drawer: SimulatedDrawer
    screen: "Screen"
    url: str
    token: str = field(repr=False)

    async def commits(self) -> int:
        """Ask the agent how many commits its journal has made durable."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(self.url, headers=headers) as session, session.get("/metrics") as answer:
            counted = re.search(r"^tillwire_journal_commit_seconds_count (\S+)$", await answer.text(), re.MULTILINE)
        return int(float(counted[1])) if counted else 0

    async def begin(self) -> str:
        """Begin a checkout."""
        checkout = await self.kiosk.begin(BASKET)
        await self.screen.until_phase(checkout.id, "draft")
        return checkout.id

    async def scan(self) -> int:
        """Scan the card. Return when the last byte was written; nanoseconds."""
        self.screen.scanned_at = 0
        sent = time.monotonic_ns()
        await self.scanner.scan(CARD)
        return sent


class Screen:
    """What the screen has been told, with the time of each event in nanoseconds."""

    def __init__(self) -> None:
        self.checkouts: dict[str, CheckoutAnswer] = {}
        self.scanned_at = 0
        self.drawer = "unknown"
        self._changed = asyncio.Event()

    async def follow(self, kiosk: KioskClient) -> None:
        async with aclosing(kiosk.events()) as events:
            async for event in events:
                at = time.monotonic_ns()
                match event.data:
                    case CheckoutAnswer() as checkout:
                        self.take(checkout)
                    case ScanAnswer():
                        self.scanned_at = at
                    case DrawerAnswer():
                        self.drawer = event.data.state
                    case _:
                        pass
                self._changed.set()

    def take(self, checkout: CheckoutAnswer) -> None:
        """An event or the answer to a call: either may overtake the other."""
        known = self.checkouts.get(checkout.id, checkout)
        if known.updated <= checkout.updated:
            self.checkouts[checkout.id] = checkout

    def amount_due(self, checkout_id: str) -> int:
        """Cents; of a checkout that is due."""
        amount = self.checkouts[checkout_id].amount_due
        assert amount is not None
        return amount

    async def scan(self) -> int:
        """Return when the event of the scan was here."""
        while not self.scanned_at:
            await self._change()
        at, self.scanned_at = self.scanned_at, 0
        return at

    async def until_phase(self, checkout_id: str, phase: str) -> None:
        await self.until_one_of(checkout_id, {phase})

    async def until_one_of(self, checkout_id: str, phases: AbstractSet[str]) -> str:
        while (checkout := self.checkouts.get(checkout_id)) is None or checkout.phase not in phases:
            await self._change()
        return checkout.phase

    async def until_open(self) -> None:
        while self.drawer != "open":
            await self._change()

    async def until_card(self, checkout_id: str) -> None:
        while not self._is_card_valid(checkout_id):
            await self._change()

    def _is_card_valid(self, checkout_id: str) -> bool:
        checkout = self.checkouts.get(checkout_id)
        return checkout is not None and checkout.card is not None and checkout.card.valid is True

    async def _change(self) -> None:
        self._changed.clear()
        async with asyncio.timeout(30):
            await self._changed.wait()


@asynccontextmanager
async def open_shop(
    directory: Path,
    *,
    round_trip_ms: float = 0.0,
    opened_by: str = "tillwire",
    model: Mapping[str, str] = ESCPOS,
) -> AsyncIterator[Shop]:
    """Start everything, and wait until a drawer's closing counts. `model`: keys of `[drawer]`."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(running(*python("-m", "agent", "simulator", "--port=0", "--json")))
        api = json.loads(await simulator.line())
        port = int(api["base_url"].rsplit(":", 1)[1])
        tls = await stack.enter_async_context(front(port, str(directory / "tls"), round_trip_ms))
        profile = load_profile(model["profile"], overrides={key: model[key] for key in model if key != "profile"})
        drawer = await stack.enter_async_context(SimulatedDrawer(profile, directory / "drawer0"))
        scanner = await stack.enter_async_context(SimulatedSerialScanner(directory / "scanner0"))
        config = directory / "tillwire.toml"
        api["base_url"], api["ca_file"] = f"https://127.0.0.1:{tls.port}", directory / "tls" / CA_FILE
        state = directory / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        devices = {"scanner": scanner.path, "drawer": drawer.path, "opened_by": opened_by}
        devices["model"] = lines_of(model)
        config.write_text(CONFIGURATION.format(**api, **devices, state=state))
        agent = await stack.enter_async_context(running(*python("-m", "agent", "run", f"--config={config}", "--json")))
        url = json.loads(await agent.line())["url"]
        token = (state / "tokens" / "screen").read_text().strip()
        kiosk = await stack.enter_async_context(kiosk_at(url, token))
        screen = Screen()
        following = asyncio.create_task(screen.follow(kiosk))
        await asyncio.sleep(SETTLING_S)
        try:
            yield Shop(agent, tls, kiosk, scanner, drawer, screen, url, token)
        finally:
            following.cancel()


async def scan_card(shop: Shop) -> tuple[str, int]:
    """Begin a checkout and scan its card. Return it, and when the last byte was written."""
    checkout_id = await shop.begin()
    return checkout_id, await shop.scan()


async def until_cash_awaited(shop: Shop, checkout_id: str) -> None:
    """Go on until the cash is awaited."""
    await shop.screen.until_card(checkout_id)
    await shop.kiosk.apply(checkout_id, use_balance=True)
    await shop.screen.until_phase(checkout_id, "due")
    await shop.kiosk.pay(checkout_id, "cash", shop.screen.amount_due(checkout_id))


async def until_paid_into_drawer(shop: Shop, checkout_id: str) -> None:
    """Go on until the cash lies in the open drawer and the transaction was read once more."""
    await until_cash_awaited(shop, checkout_id)
    await shop.drawer.opened()
    await shop.front.arrival(READ)
    await asyncio.sleep(READ_S)


async def close_drawer(shop: Shop, checkout_id: str) -> int:
    """Close the drawer and return how long it took until the request was there; nanoseconds."""
    closed = time.monotonic_ns()
    shop.drawer.close_drawer()
    arrived = await shop.front.arrival("/start/cash$")
    await shop.screen.until_phase(checkout_id, "completed")
    return arrived - closed
