"""The virtual kiosk: a machine with the package installed, devices at its ports, and the simulated API outside."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp

from agent.checkout.evidence_state import SETTLING_S
from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.client import KioskClient
from agent.kiosk.client_event import Event
from agent.kiosk.event_answers import CardRefusedAnswer, DrawerLevelAnswer, ScanAnswer, SnapshotAnswer
from agent.kiosk.sent_events import LONGEST_EVENT_BYTES
from agent.simulator import CARD_NUMBER, CLIENT_SECRET
from agent.simulator.certificates import CA_FILE, server_context
from agent.simulator.network import TcpNetwork
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from device.drawer_profile_file import load_profile
from device.simulated_drawer import SimulatedDrawer
from tests.debian import cache
from tests.kept import kept
from tests.kiosk_vm.hid_reports import UHID_READERS
from tests.kiosk_vm.image import Image
from tests.kiosk_vm.machine import Machine, Saved, machine, new_disk
from tests.kiosk_vm.till_config import API_PORT, api
from tests.kiosk_vm.within import within
from tests.till_bench import SEED

SETTLED_S = 300.0
"""So long a test waits for something to become so: an emulated machine boots in a minute, and in four on a busy one."""
TYPED_AGAIN_S = 30.0
MONEY_IN_S = 2.0
"""Longer than `[cash] minimum_open_s`."""
CARD = "a card with its balance"
CASH_DUE = 296
"""What the seed's checkout leaves to pay of its 796 cents when the card pays 500."""
EMULATED = "[Service]\nTimeoutStartSec=900\nWatchdogSec=600\n"
"""Where a processor is emulated beside other work, starting takes longer than on any box."""

Scan = Callable[[], Awaitable[object]]
Data = TypeVar("Data")


@dataclass
class Outside:
    """What stands around a kiosk: the API over TLS, and a drawer behind a printer."""

    simulator: Simulator
    drawer: SimulatedDrawer
    ca: bytes


@dataclass
class Kiosk:
    """One kiosk, its devices and the API outside."""

    machine: Machine
    simulator: Simulator
    drawer: SimulatedDrawer
    ca: bytes

    # Installation

    def config(self, *parts: str) -> str:
        return "".join((api(socket.gethostname()), *parts))

    async def prepare(self) -> None:
        """Let the box find the API, trust it, and have time."""
        await self.machine.shell(
            f"echo 10.0.2.2 {socket.gethostname()} >>/etc/hosts; mkdir -p /etc/systemd/system/tillwire.service.d"
        )
        await self.machine.write("/etc/systemd/system/tillwire.service.d/emulated.conf", EMULATED.encode())
        await self.machine.write("/etc/tillwire/simulator.pem", self.ca)
        await self.machine.shell("systemctl daemon-reload")

    async def set_up(self, *parts: str) -> None:
        """Write configuration and secret, and let udev name the devices: what an installer does by hand."""
        await self.machine.write("/etc/tillwire/tillwire.toml", self.config(*parts).encode())
        await self.machine.write("/etc/tillwire/client_secret", CLIENT_SECRET.encode(), "600")
        await self.machine.shell("tillwire udev-rules --write; systemctl enable tillwire; systemctl restart tillwire")

    async def hands(self, do: str, **what: object) -> dict[str, object]:
        """Let the hands inside do something with a device."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.machine.ports[8301])
        writer.write(json.dumps({"do": do, **what}).encode() + b"\n")
        told = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        assert isinstance(told, dict)
        if "error" in told:
            raise OSError(f"{do} {what}: {told['error']}")
        return told

    async def make_reader(self, name: str, ids: tuple[str, str], descriptor: str, serial: str = "") -> None:
        vendor, product = (int(number, 16) for number in ids)
        await self.hands("create", name=name, vendor=vendor, product=product, descriptor=descriptor, uniq=serial)

    async def make_readers(self) -> None:
        for name, (ids, descriptor) in UHID_READERS.items():
            await self.make_reader(name, ids, descriptor)

    async def reads(self, name: str, reports: list[str]) -> None:
        """Let a reader send what it read, as quickly as real ones do."""
        await self.hands("send", name=name, reports=reports, pause_s=0.005)

    async def reads_whole(self, screen: "Screen", name: str, reports: list[str]) -> None:
        await self.scans_whole(screen, lambda: self.reads(name, reports))

    async def scans_whole(self, screen: "Screen", scan: Scan) -> None:
        """Scan again while the box is too busy for all of a reader's keys and says so, as a cashier would."""
        torn = True
        while torn:
            async with screen.listening(ScanAnswer, CardRefusedAnswer) as read:
                await scan()
                told = await read
            torn = isinstance(told, ScanAnswer) and told.refused == "torn"

    # Looking

    async def shows(self, script: str, wanted: Callable[[str], bool]) -> str:
        """Wait until a script inside says what is wanted."""
        said = ""
        async with within(SETTLED_S, lambda: f"{script}, which says: {said}"):
            while not wanted(said := await self.machine.shell(f"{script} || true")):  # noqa: ASYNC110 - a machine is looked at
                await asyncio.sleep(1)
        return said

    async def status_line(self) -> str:
        return (await self.machine.shell("systemctl show --property=StatusText --value tillwire.service")).strip()

    async def console(self) -> str:
        """Return what stands on the text console, where a keyboard's keys end up that nobody took."""
        return await self.machine.shell("cat /dev/vcs1")

    async def types_onto_console(self, digits: str) -> None:
        """Type until it stands there: QEMU loses keys when its host is busy."""
        async with within(SETTLED_S, lambda: f"{digits} on the text console"):
            while digits not in await self.console():
                await self.machine.types(f"{digits}\n")

    # Selling

    @asynccontextmanager
    async def screen(self, role: str = "screen") -> AsyncIterator["Screen"]:
        token = await self.shows(f"cat /var/lib/tillwire/tokens/{role}", bool)
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{self.machine.ports[8300]}",
            headers={"Authorization": f"Bearer {token.strip()}"},
            timeout=aiohttp.ClientTimeout(total=SETTLED_S),
            read_bufsize=LONGEST_EVENT_BYTES,
        ) as session:
            yield Screen(KioskClient(session))

    async def sell(self, screen: "Screen", scan: Scan | None = None, reader: str = "counter") -> str:
        """The seed's checkout with a card: 796 cents, of which the card pays 500. `scan`: else it is typed."""
        checkout_id = await self.until_cash(screen, scan, reader)
        await self.take_cash(screen)
        await screen.phase(checkout_id, "completed")
        assert [booking.amount for booking in self.simulator.ledger] == [CASH_DUE]
        return checkout_id

    async def until_cash(self, screen: "Screen", scan: Scan | None = None, reader: str = "counter") -> str:
        """Bring the seed's checkout to the point where the drawer is asked to open."""
        await screen.devices("present", reader, "drawer")
        await self._settled()
        checkout = await screen.client.begin(SEED.basket.products)
        if scan is None:
            await self._types_card(screen, checkout.id)
        else:
            await scan()
            await screen.until(checkout.id, _has_card, CARD)
        await screen.client.apply(checkout.id, use_balance=True)
        await screen.phase(checkout.id, "due")
        await screen.client.pay(checkout.id, "cash", CASH_DUE)
        return checkout.id

    async def _settled(self) -> None:
        """Wait by the clock of the box, however fast that is: so long a drawer's port proves nothing."""
        await self.machine.shell(f"sleep {SETTLING_S}")

    async def _types_card(self, screen: "Screen", checkout_id: str) -> None:
        """Type the card on the USB keyboard, again where QEMU lost a key: it does when its host is busy."""
        times = 0
        async with within(SETTLED_S, lambda: f"{CARD}, typed {times} times"):
            while True:
                times += 1
                await self.machine.types(f"{CARD_NUMBER}\n")
                with suppress(TimeoutError):
                    async with asyncio.timeout(TYPED_AGAIN_S):
                        await screen.until(checkout_id, _has_card, CARD)
                        return

    async def take_cash(self, screen: "Screen") -> None:
        """The drawer springs open; somebody puts the money in and closes it."""
        await self.put_money_in(screen)
        self.drawer.close_drawer()

    async def put_money_in(self, screen: "Screen") -> None:
        """A slow machine may look at its drawer seconds after that opened: so long the drawer stays open."""
        async with within(SETTLED_S, lambda: "the drawer to open"):
            await self.drawer.opened()
        await screen.drawer_open()
        await asyncio.sleep(MONEY_IN_S)


def _has_card(seen: CheckoutAnswer) -> bool:
    return seen.card is not None and seen.card.balance is not None


@dataclass
class Screen:
    """The screen program, outside."""

    client: KioskClient

    async def until(self, checkout_id: str, wanted: Callable[[CheckoutAnswer], bool], called: str) -> CheckoutAnswer:
        """Wait until a checkout is as wanted (and `called` when it does not come), over restarts of the agent."""
        seen: CheckoutAnswer | None = None
        async with within(SETTLED_S, lambda: f"{called}; the checkout is {seen}"):
            while True:
                with suppress(aiohttp.ClientError, ConnectionError):
                    async with aclosing(self.client.follow()) as events:
                        async for _ in events:
                            if wanted(seen := await self.client.checkout(checkout_id)):
                                return seen

    async def phase(self, checkout_id: str, phase: str) -> CheckoutAnswer:
        return await self.until(checkout_id, lambda seen: seen.phase == phase, phase)

    @asynccontextmanager
    async def listening(self, *kinds: type[Data]) -> AsyncIterator[Awaitable[Data]]:
        """Give the first event of these kinds that comes within the block: of a scan nothing stays to be looked at."""
        async with aclosing(self.client.follow()) as events:
            await anext(events)
            yield self._first(kinds, events)

    async def _first(self, kinds: tuple[type[Data], ...], events: AsyncIterator[Event]) -> Data:
        async with within(SETTLED_S, lambda: " or ".join(kind.__name__ for kind in kinds)):
            async for event in events:
                if isinstance(event.data, kinds):
                    return event.data
        raise AssertionError("the events ended")

    async def drawer_open(self) -> None:
        """Wait until the till knows it."""
        levels: list[str] = []
        awaited = within(SETTLED_S, lambda: f"the till to see its drawer open; it saw {levels}")
        async with awaited, aclosing(self.client.follow()) as events:
            async for event in events:
                drawer = event.data.drawer if isinstance(event.data, SnapshotAnswer) else event.data
                levels += [drawer.state] if isinstance(drawer, DrawerLevelAnswer) else []
                if "open" in levels:
                    return

    async def devices(self, state: str, *names: str) -> None:
        """Wait until each of these devices is in this state."""
        states: dict[str, str] = {}
        awaited = within(SETTLED_S, lambda: f"{', '.join(names)} to be {state}; the devices are {states}")
        async with awaited, aclosing(self.client.follow()) as events:
            async for _ in events:
                states = {device.name: device.state for device in (await self.client.devices()).devices}
                if {states[name] for name in names} == {state}:
                    return


@asynccontextmanager
async def kiosk(folder: Path, base: Image, saved: Saved) -> AsyncIterator[Kiosk]:
    """Run a saved kiosk with its USB keyboard and its drawer plugged in, until the end of the block."""
    disk = await new_disk(folder / "disk.qcow2", saved.disk)
    async with around(folder) as outside, switched_on(folder, base, disk, outside, saved.memory) as running:
        yield running


def certificates() -> Path:
    """Return the folder with the API's certificates. They are always the same: kept kiosks trust them."""
    folder = cache() / "kiosk" / f"tls-{socket.gethostname()}"
    with kept(folder, lambda beside: asyncio.run(server_context(beside))):
        return folder


@asynccontextmanager
async def around(folder: Path) -> AsyncIterator[Outside]:
    """Give what stands outside."""
    trusted = await asyncio.to_thread(certificates)
    tls = await server_context(trusted)
    profile = load_profile("escpos", overrides={"open_level": "low"})
    async with (
        SimulatorServer(network=TcpNetwork("127.0.0.1", API_PORT, tls)) as simulator,
        SimulatedDrawer(profile, folder / "drawer0") as drawer,
    ):
        yield Outside(simulator, drawer, (trusted / CA_FILE).read_bytes())


@asynccontextmanager
async def switched_on(
    folder: Path, base: Image, disk: str, outside: Outside, memory: Path | None = None
) -> AsyncIterator[Kiosk]:
    """Run the machine, from its saved memory or from its boot, with keyboard and drawer plugged in."""
    async with AsyncExitStack() as stack:
        chardevs = (f"serial,id=drawer,path={outside.drawer.path}",)
        running = await stack.enter_async_context(machine(folder, base, disk, memory=memory, chardevs=chardevs))
        await running.booted()
        await running.plug("usb-kbd", "reader")
        await running.plug("usb-serial", "drawer", chardev="drawer")
        yield Kiosk(running, outside.simulator, outside.drawer, outside.ca)
