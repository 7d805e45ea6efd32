"""The virtual kiosk: a machine with the package installed, devices at its ports, and the simulated API outside.

A test starts from a memory that was saved after installing, so that no test waits for a boot that is not its subject.
"""

import asyncio
import hashlib
import json
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.client import KioskClient, kiosk_at
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.certificates import CA_FILE, server_context
from agent.simulator.network import TcpNetwork
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.simulator.world import DEVICE_UUID
from device.drawer_profile_file import load_profile
from device.hidpos_decoder import REPORT_BYTES
from device.simulated_drawer import SimulatedDrawer
from tests.debian import cache
from tests.kiosk_vm.image import Image, image
from tests.kiosk_vm.machine import Machine, Saved, machine, new_disk
from tests.till_bench import SEED

SETTLED_S = 600.0
"""So long a test waits for something to become so: everything is slow under emulation, and nobody waits in vain."""
USB_KEYBOARD = ("0627", "0001")
USB_SERIAL = ("0403", "6001")

API = """\
[api]
base_url = "{base_url}"
login = "client-credentials"
client_id = "{client_id}"
client_secret_file = "/etc/tillwire/client_secret"
device_uuid = "{device_uuid}"
ca_file = "/etc/tillwire/simulator.pem"
"""
KEYBOARD_READER = """\
[[scanner]]
name = "counter"
driver = "evdev"
match = {{ id_vendor = "{0}", id_model = "{1}" }}
"""
POS_READER = """\
[[scanner]]
name = "counter"
driver = "hidpos"
match = {{ id_vendor = "{0}", id_model = "{1}" }}
"""
DRAWER = f"""\
[drawer]
profile = "escpos"
port = "/dev/tillwire/drawer0"
match = {{ id_vendor = "{USB_SERIAL[0]}", id_model = "{USB_SERIAL[1]}" }}
open_level = "low"
"""
USB_READER = KEYBOARD_READER.format(*USB_KEYBOARD)

# Report descriptors (HID 1.11 appendix B.1; HID POS 1.02, usage page 8C).
BOOT_KEYBOARD = "05010906a101050719e029e71500250175019508810295017508810195067508150025650507190029658100c0"
POS_SCANNER = "058c0902a1018502150026ff007508953f0903810285fe95010904b102c0"
_ENTER, _FIRST_DIGIT = 0x28, 0x1E  # HID usages: 1 to 9, then 0


def typed(text: str) -> list[str]:
    """Return the reports of a boot keyboard that types digits, and Enter for a line's end."""
    usages = [_ENTER if character == "\n" else _FIRST_DIGIT + (int(character) - 1) % 10 for character in text]
    return [report for usage in usages for report in (f"0000{usage:02x}0000000000", "00" * 8)]


def pos_report(text: str) -> list[str]:
    """Return the report of a reader in HID POS mode (hardware.md 3.5)."""
    data = bytes([2, len(text)]) + b"]C0" + text.encode()
    return [data.ljust(REPORT_BYTES, b"\0").hex()]


@dataclass
class Kiosk:
    """One kiosk, its devices and the API outside."""

    machine: Machine
    simulator: Simulator
    drawer: SimulatedDrawer
    ca: bytes
    config: str = field(default="", init=False)

    # Installation

    async def set_up(self, *parts: str) -> None:
        """Write configuration, secret and CA, and let udev name the devices: what an installer does."""
        port = self.simulator.base_url.rpartition(":")[2]
        await self.machine.shell(f"echo 10.0.2.2 {socket.gethostname()} >>/etc/hosts")
        api = API.format(
            base_url=f"https://{socket.gethostname()}:{port}",
            client_id=CLIENT_ID,
            device_uuid=DEVICE_UUID,
        )
        await self.machine.write("/etc/tillwire/tillwire.toml", "".join((api, *parts)).encode())
        await self.machine.write("/etc/tillwire/client_secret", CLIENT_SECRET.encode(), "600")
        await self.machine.write("/etc/tillwire/simulator.pem", self.ca)
        await self.machine.shell("tillwire udev-rules --write")

    async def start(self) -> None:
        """Start the agent; where a processor is emulated beside other work, that takes longer than on any box."""
        drop_in = "/run/systemd/system/tillwire.service.d/emulated.conf"
        await self.machine.shell(
            f"mkdir -p {drop_in.rpartition('/')[0]}; "
            f"printf '[Service]\\nTimeoutStartSec=900\\nWatchdogSec=600\\n' >{drop_in}; "
            "systemctl daemon-reload; systemctl start tillwire.service"
        )

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

    # Looking

    async def shows(self, script: str, wanted: Callable[[str], bool]) -> str:
        """Wait until a script inside says what is wanted."""
        async with asyncio.timeout(SETTLED_S):
            while not wanted(said := await self.machine.shell(f"{script} || true")):  # noqa: ASYNC110 - a machine is looked at
                await asyncio.sleep(1)
        return said

    async def status_line(self) -> str:
        return (await self.machine.shell("systemctl show --property=StatusText --value tillwire.service")).strip()

    async def console(self) -> str:
        """Return what stands on the text console, where a keyboard's keys end up that nobody took."""
        return await self.machine.shell("cat /dev/vcs1")

    # Selling

    @asynccontextmanager
    async def screen(self, role: str = "screen") -> AsyncIterator["Screen"]:
        token = (await self.machine.shell(f"cat /var/lib/tillwire/tokens/{role}")).strip()
        async with kiosk_at(f"http://127.0.0.1:{self.machine.ports[8300]}", token) as client:
            yield Screen(client)

    async def sell(self, screen: "Screen", scan: Callable[[], Awaitable[object]]) -> str:
        """The seed's checkout with a card: 796 cents, of which the card pays 500."""
        checkout_id = await self.until_cash(screen, scan)
        await self.take_cash()
        await screen.phase(checkout_id, "completed")
        return checkout_id

    async def until_cash(self, screen: "Screen", scan: Callable[[], Awaitable[object]]) -> str:
        """Bring the seed's checkout to the point where the drawer is asked to open."""
        await screen.devices("present")
        checkout = await screen.client.begin(SEED.basket.products)
        await scan()
        await screen.until(checkout.id, lambda seen: seen.card is not None and seen.card.balance is not None)
        await screen.client.apply(checkout.id, use_balance=True)
        await screen.phase(checkout.id, "due")
        await screen.client.pay(checkout.id, "cash", 296)
        return checkout.id

    async def take_cash(self) -> None:
        """The drawer springs open; somebody puts the money in and closes it."""
        await self.drawer.opened()
        await asyncio.sleep(2)  # as long as [cash] minimum_open_s and the poll of a slow machine
        self.drawer.close_drawer()


@dataclass
class Screen:
    """The screen program, outside."""

    client: KioskClient

    async def until(self, checkout_id: str, wanted: Callable[[CheckoutAnswer], bool]) -> CheckoutAnswer:
        """Wait until a checkout is as wanted."""
        async with asyncio.timeout(SETTLED_S), aclosing(self.client.follow()) as events:
            async for _ in events:
                if wanted(seen := await self.client.checkout(checkout_id)):
                    return seen
        raise AssertionError("the events ended")

    async def phase(self, checkout_id: str, phase: str) -> CheckoutAnswer:
        return await self.until(checkout_id, lambda seen: seen.phase == phase)

    async def devices(self, state: str) -> None:
        """Wait until every device is in this state."""
        async with asyncio.timeout(SETTLED_S), aclosing(self.client.follow()) as events:
            async for _ in events:
                if {device.state for device in (await self.client.devices()).devices} == {state}:
                    return


# Making kiosks


async def installed(release: str, package: Path) -> tuple[Image, Saved]:
    """Return a machine on which this package was just installed, saved for the tests to start from."""
    base = image(release)
    digest = hashlib.sha256(base.folder.name.encode() + package.read_bytes()).hexdigest()[:16]
    folder = cache() / "kiosk" / f"{release}-installed-{digest}"
    saved = Saved(memory=folder / "memory", disk=folder / "disk.qcow2")
    if not folder.is_dir():
        _forget_others(release, folder)
        beside = folder.with_suffix(".new")
        beside.mkdir(parents=True, exist_ok=True)
        await _install(base, package, replace(saved, memory=beside / "memory", disk=beside / "disk.qcow2"))
        beside.rename(folder)
    return base, saved


def _forget_others(release: str, folder: Path) -> None:
    """Remove what was installed from other packages: each is half a gigabyte."""
    for other in (cache() / "kiosk").glob(f"{release}-installed-*"):
        if other != folder:
            for file in other.iterdir():
                file.unlink()
            other.rmdir()


async def _install(base: Image, package: Path, saved: Saved) -> None:
    await new_disk(saved.disk, base.disk, "raw")
    with tempfile.TemporaryDirectory() as folder:
        async with machine(Path(folder), base, saved.disk) as running:
            await running.booted()
            await running.write("/root/tillwire.deb", package.read_bytes())
            await running.shell("dpkg --install /root/tillwire.deb", timeout_s=600)
            await running.shell("systemctl is-active hands.service door.socket tillwire-inhibit.path && sync")
            await running.save(saved.memory)


@asynccontextmanager
async def kiosk(folder: Path, base: Image, saved: Saved) -> AsyncIterator[Kiosk]:
    """Run a kiosk with its USB keyboard and its drawer plugged in, until the end of the block."""
    disk = folder / "disk.qcow2"
    await new_disk(disk, saved.disk, "qcow2")
    async with around(folder) as (simulator, drawer, ca), switched_on(folder, base, disk, drawer, saved.memory) as on:
        yield Kiosk(on, simulator, drawer, ca)


@asynccontextmanager
async def around(folder: Path) -> AsyncIterator[tuple[Simulator, SimulatedDrawer, bytes]]:
    """Give what stands outside: the API over TLS, and a drawer behind a printer."""
    tls = await server_context(folder / "tls")
    profile = load_profile("escpos", overrides={"open_level": "low"})
    async with (
        SimulatorServer(network=TcpNetwork("127.0.0.1", 0, tls)) as simulator,
        SimulatedDrawer(profile, folder / "drawer0") as drawer,
    ):
        yield simulator, drawer, (folder / "tls" / CA_FILE).read_bytes()


@asynccontextmanager
async def switched_on(
    folder: Path, base: Image, disk: Path, drawer: SimulatedDrawer, memory: Path | None = None
) -> AsyncIterator[Machine]:
    """Run the machine, from its saved memory or from its boot, with keyboard and drawer plugged in."""
    async with AsyncExitStack() as stack:
        chardevs = (f"serial,id=drawer,path={drawer.path}",)
        running = await stack.enter_async_context(machine(folder, base, disk, memory=memory, chardevs=chardevs))
        await running.booted()
        await running.plug("usb-kbd", "reader")
        await running.plug("usb-serial", "drawer", chardev="drawer")
        yield running
