"""What stands around the agent in the demo: simulator, network, reader, drawer, and a configuration that names them."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from agent.checkout.state import Level
from agent.demo.cable import NetworkCable
from agent.kiosk.client import KioskClient, kiosk_at
from agent.kiosk.event_answers import DrawerLevelAnswer, SnapshotAnswer
from agent.kiosk.roles import Role
from device.drawer_profile_file import load_profile
from device.simulated_drawer import SimulatedDrawer
from device.simulated_scanner import SimulatedSerialScanner

START_TIMEOUT_S = 30.0
"""A process that says nothing for so long has not started; a small board needs a few seconds."""
STOP_TIMEOUT_S = 5.0
"""SIGTERM ends the agent within 2 s; then it is killed."""
USUAL_PORT = 8377
"""The agent's own default."""
SETTLING_S = 2.2
"""Within 2 s of opening the drawer's port nothing is evidence."""

CONFIGURATION = """\
[api]
base_url = "{base_url}"
login = "client-credentials"        # the demo only: a till logs in as its device
client_id = "{client_id}"
client_secret = "{client_secret}"
is_demo = true

[cards]
show_balance = true                 # of a card that is scanned before anybody buys

[[scanner]]
name = "counter"
driver = "serial"
port = "{scanner}"
other_codes = "forward"             # articles go live to the screen

[drawer]
profile = "escpos"                  # a drawer behind a receipt printer
port = "{drawer}"
open_level = "low"

[cash]
confirmed_by = ["drawer-closed"]

[kiosk]
listen = "{listen}"
allowed_origins = {origins}

[state]
directory = "{state}"
"""


class NotStarted(Exception):
    """A process of the demo did not start. The text says which, and what it said."""


class Process:
    """A command of ours that runs. An async context manager: started inside."""

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self._process: asyncio.subprocess.Process | None = None
        self.told: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end(signal.SIGTERM)

    async def start(self) -> None:
        """Start it, and keep in `told` what its first line says. Raises NotStarted."""
        self._process = await asyncio.create_subprocess_exec(
            *_command(*self._arguments), stdout=asyncio.subprocess.PIPE, env=_environment()
        )
        self.told = cast("Mapping[str, str]", json.loads(await self._first_line(self._process)))

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def _first_line(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout is not None  # noqa: S101 - it was asked for above
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                line = await process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise NotStarted(f"`tillwire {self._arguments[0]}` did not start")
        return line

    async def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(how)
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything is running, and the screen is connected."""

    config: Path
    simulator_url: str
    agent_url: str
    agent: Process
    network: NetworkCable
    scanner: SimulatedSerialScanner
    drawer: SimulatedDrawer
    screen: KioskClient
    operator: KioskClient

    @property
    def tokens(self) -> Path:
        """The folder of the two tokens."""
        return self.config.parent / "state" / "tokens"

    async def drawer_is_known(self, level: Level) -> None:
        """Wait until the agent knows this of the drawer."""
        async with aclosing(self.screen.follow()) as events:
            async for event in events:
                told = event.data.drawer if isinstance(event.data, SnapshotAnswer) else event.data
                if isinstance(told, DrawerLevelAnswer) and told.state == level:
                    return

    async def settled(self) -> None:
        """Wait until the drawer's port has been open for so long that its signals count."""
        await self.drawer_is_known("closed")
        await asyncio.sleep(SETTLING_S)

    async def one_time_address(self, role: Role = Role.SCREEN) -> str:
        """Return an address that logs a browser in."""
        page = ("--operator",) if role is Role.OPERATOR else ()
        asking = await asyncio.create_subprocess_exec(
            *_command("kiosk", "url", *page, "--config", str(self.config)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        answer, _ = await asking.communicate()
        return answer.decode().strip()


@asynccontextmanager
async def set_up(directory: Path, *, port: int = 0, framed_by: str | None = None) -> AsyncIterator[Stage]:
    """Build the stage in this directory and take it down again. Raises NotStarted.

    The agent listens on this port, or on any. `framed_by` is the origin that may show its screen in a frame.
    """
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Process("simulator", "--port", "0", "--json"))
        network = await stack.enter_async_context(NetworkCable(simulator.told["base_url"]))
        profile = load_profile("escpos", overrides={"open_level": "low"})
        drawer = await stack.enter_async_context(SimulatedDrawer(profile, directory / "drawer0"))
        scanner = await stack.enter_async_context(SimulatedSerialScanner(directory / "scanner0"))
        settings = {
            **simulator.told,
            "base_url": network.url,
            "scanner": scanner.path,
            "drawer": drawer.path,
            "listen": f"127.0.0.1:{port or free_port()}",
            "origins": json.dumps([framed_by] if framed_by else []),
        }
        config = _write_config(directory, settings)
        agent = await stack.enter_async_context(Process("run", "--config", str(config), "--json"))
        tokens = directory / "state" / "tokens"
        screen, operator = [
            await stack.enter_async_context(kiosk_at(agent.told["url"], (tokens / role).read_text("ascii").strip()))
            for role in Role
        ]
        yield Stage(
            config=config,
            simulator_url=f"{simulator.told['base_url']}/simulator",
            agent_url=agent.told["url"],
            agent=agent,
            network=network,
            scanner=scanner,
            drawer=drawer,
            screen=screen,
            operator=operator,
        )


def free_port(usual: int = 0) -> int:
    """Return a port that nobody listens on: the usual one if it is free. It must be known before the agent starts."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", usual))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "agent", *arguments)


def _write_config(directory: Path, settings: Mapping[str, str]) -> Path:
    state = directory / "state"
    state.mkdir(mode=0o700, exist_ok=True)
    config = directory / "tillwire.toml"
    config.write_text(CONFIGURATION.format(**settings, state=state), encoding="utf-8")
    return config


def _environment() -> dict[str, str]:
    """The demo's configuration is its file, whatever is set around it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TILLWIRE_")}
