"""A box with Debian's own systemd, in a container of this machine: what installing and running the package does.

It has no kernel and no devices of its own (the virtual kiosk has), and for that the speed of this machine. It shares
the network, so the simulated API and the screen are on loopback.
"""

import asyncio
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from agent.kiosk.client import KioskClient, kiosk_at
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.simulator import Simulator
from tests.till_bench import SEED

SETTLED_S = 120.0
"""So long a test waits for something to become so; nobody waits in vain."""
PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command said, and its exit code."""

    code: int
    out: str


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@dataclass
class Box:
    """One box."""

    root: Path
    leader: int
    simulator: Simulator
    port: int

    async def types(self, *command: str) -> Ran:
        """Run a command as root."""
        process = await asyncio.create_subprocess_exec(
            *("nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--pid", "--cgroup"),
            *("/usr/bin/env", "--ignore-environment", PATH, "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", *command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        return Ran(code=process.returncode or 0, out=out.decode(errors="replace"))

    async def says(self, *command: str) -> str:
        """Run a command that has to succeed."""
        ran = await self.types(*command)
        assert ran.code == 0, f"{command} ended with {ran.code}: {ran.out}"
        return ran.out.strip()

    async def shows(self, wanted: str, *command: str) -> None:
        """Wait until a command says what is wanted."""
        async with asyncio.timeout(SETTLED_S):
            while wanted not in (await self.types(*command)).out:  # noqa: ASYNC110 - systemd is looked at
                await asyncio.sleep(0.2)

    async def install(self, package: Path) -> Ran:
        shutil.copy(package, self.root / "root" / package.name)
        return await self.types("dpkg", "--install", f"/root/{package.name}")

    def config(self, *more: str, port: int | None = None) -> str:
        """Return a configuration for this box: no devices, cash confirmed by the operator."""
        return "\n".join(
            (
                "[api]",
                f'base_url = "{self.simulator.base_url}"',
                'login = "client-credentials"',
                f'client_id = "{CLIENT_ID}"',
                'client_secret_file = "/etc/tillwire/client_secret"',
                '[cash]\nconfirmed_by = ["operator"]',
                f'[kiosk]\nlisten = "127.0.0.1:{port or self.port}"',
                *more,
            )
        )

    async def set_up(self) -> Ran:
        """Let the box install itself from an answer file."""
        answers = f"[secrets]\nclient_secret = '{CLIENT_SECRET}'\n[config]\ntillwire = '''\n{self.config()}\n'''\n"
        (self.root / "root/answers.toml").write_text(answers)
        return await self.types("tillwire", "setup", "--answers", "/root/answers.toml")

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[KioskClient]:
        token = (self.root / "var/lib/tillwire/tokens/operator").read_text().strip()
        async with kiosk_at(f"http://127.0.0.1:{self.port}", token) as client:
            yield client

    async def until_cash(self) -> str:
        """Begin the seed's checkout and bring it to the point where cash is awaited."""
        async with self.operator() as client:
            checkout = await client.begin(SEED.basket.products)
            await client.pay(checkout.id, "cash", 796)
            await self.phase(checkout.id, "awaiting_cash")
            return checkout.id

    async def take_cash(self, checkout_id: str) -> None:
        async with self.operator() as client:
            await client.confirm(checkout_id, 796, by="Eva")

    async def phase(self, checkout_id: str, phase: str) -> None:
        async with asyncio.timeout(SETTLED_S), self.operator() as client:
            while (await client.checkout(checkout_id)).phase != phase:  # noqa: ASYNC110 - its events may end meanwhile
                await asyncio.sleep(0.1)


@asynccontextmanager
async def running_box(root: Path, simulator: Simulator) -> AsyncIterator[Box]:
    """Start the system in this folder, and stop it at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe"),
        *(f"--directory={root}", f"--machine=tillwire-{free_port()}"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        box = Box(root, await _leader(process.pid), simulator, free_port())
        await box.shows("running", "systemctl", "is-system-running", "--wait")
        yield box
    finally:
        for child in _children(process.pid):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)  # and with it all that runs inside
        await process.wait()


async def _leader(nspawn: int) -> int:
    """Return the process that is number 1 inside, once it is systemd: a helper of nspawn's is its first child."""
    async with asyncio.timeout(SETTLED_S):
        while not (leaders := [child for child in _children(nspawn) if _is_systemd(child)]):  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0.05)
    return leaders[0]


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _is_systemd(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip() == "systemd"
    except OSError:  # it has gone since
        return False
