"""The rivals beside the floor: each a process on a pseudo-terminal of its own, with a TLS end of its own."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from agent.simulator.certificates import CA_FILE
from tests.bench.processes import Front, front, python, running
from tests.bench.result import ROOT
from tests.bench.terminals import terminal, timed

HERE = Path(__file__).parent / "rivals"
PLACE = ROOT / "build" / "bench-node"
"""Where the Node program is installed with its library."""
INSTALL_TIMEOUT_S = 120.0
"""Ten small packages, and nothing is built: serialport brings its binaries."""
RIVALS = {
    "script with session": "pyserial and requests, one session, no journal",
    "script": "pyserial and requests, a connection each time, no journal",
    "node": "Node, serialport and fetch, no journal",
}


@dataclass
class Rival:
    """One process with its drawer."""

    front: Front
    drawer: int

    async def closing(self) -> int:
        return await timed(self.front, self.drawer, b"\x00", "/start/cash$")


async def available() -> list[str]:
    """Return which of them can run here: the Node program needs `node` and `npm`, once with a network."""
    return [name for name in RIVALS if name != "node" or await _is_installed()]


@asynccontextmanager
async def open_rival(name: str, directory: Path) -> AsyncIterator[Rival]:
    async with AsyncExitStack() as stack:
        tls = await stack.enter_async_context(front(0, str(directory / "tls")))
        drawer, device = terminal(stack)
        address, ca_file = f"https://localhost:{tls.port}", str(directory / "tls" / CA_FILE)
        command: tuple[str, ...]
        if name == "node":
            command = ("env", f"NODE_EXTRA_CA_CERTS={ca_file}", "node", str(PLACE / "program.mjs"), address, device)
        else:
            connections = "session" if name == "script with session" else "each"
            command = python(str(HERE / "script.py"), address, ca_file, device, connections)
        process = await stack.enter_async_context(running(*command))
        await process.line()
        yield Rival(tls, drawer)


async def _is_installed() -> bool:
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    PLACE.mkdir(parents=True, exist_ok=True)
    for file in ("program.mjs", "package.json"):
        shutil.copyfile(HERE / file, PLACE / file)
    if (PLACE / "node_modules" / "serialport").exists():
        return True
    install = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock")
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*install, cwd=PLACE, stdout=quiet, stderr=quiet, env=os.environ)
    async with asyncio.timeout(INSTALL_TIMEOUT_S):
        return await process.wait() == 0
