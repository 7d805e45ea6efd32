"""What stands around the agent in the demo: simulator, reader, drawer, and a configuration file that names them."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from agent.kiosk.client import KioskClient, kiosk_at
from device.drawer_profile_file import load_profile
from device.simulated_drawer import SimulatedDrawer
from device.simulated_scanner import SimulatedSerialScanner

START_TIMEOUT_S = 30.0
"""A process that says nothing for so long has not started; a small board needs a few seconds."""
STOP_TIMEOUT_S = 5.0
"""SIGTERM ends the agent within 2 s; then it is killed."""

CONFIGURATION = """\
[api]
base_url = "{base_url}"
login = "client-credentials"        # the demo only: a till logs in as its device
client_id = "{client_id}"
client_secret = "{client_secret}"
is_demo = true

[[scanner]]
name = "counter"
driver = "serial"
port = "{scanner}"

[drawer]
profile = "escpos"                  # a drawer behind a receipt printer
port = "{drawer}"
open_level = "low"

[cash]
confirmed_by = ["drawer-closed"]

[kiosk]
listen = "{listen}"

[state]
directory = "{state}"
"""


class NotStarted(Exception):
    """A process of the demo did not start. The text says which, and what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Everything is running, and the screen is connected."""

    config: Path
    simulator_url: str
    agent_url: str
    scanner: SimulatedSerialScanner
    drawer: SimulatedDrawer
    screen: KioskClient


@asynccontextmanager
async def set_up(directory: Path) -> AsyncIterator[Stage]:
    """Build the stage in this directory and take it down again. Raises NotStarted."""
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(_process("simulator", "--port", "0", "--json"))
        api = cast("Mapping[str, str]", json.loads(await _first_line(simulator, "the simulator")))
        profile = load_profile("escpos", overrides={"open_level": "low"})
        drawer = await stack.enter_async_context(SimulatedDrawer(profile, directory / "drawer0"))
        scanner = await stack.enter_async_context(SimulatedSerialScanner(directory / "scanner0"))
        config = _write_config(directory, api, scanner=scanner.path, drawer=drawer.path)
        agent = await stack.enter_async_context(_process("run", "--config", str(config), "--json"))
        agent_url = json.loads(await _first_line(agent, "the agent"))["url"]
        token = (directory / "state" / "tokens" / "screen").read_text(encoding="ascii").strip()
        screen = await stack.enter_async_context(kiosk_at(agent_url, token))
        yield Stage(
            config=config,
            simulator_url=f"{api['base_url']}/simulator",
            agent_url=agent_url,
            scanner=scanner,
            drawer=drawer,
            screen=screen,
        )


async def one_time_address(stage: Stage) -> str:
    """Return an address that logs a browser in as the screen."""
    asking = await asyncio.create_subprocess_exec(
        *_command("kiosk", "url", "--config", str(stage.config)), stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await asking.communicate()
    return answer.decode().strip()


def _command(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "agent", *arguments)


def _write_config(directory: Path, api: Mapping[str, str], *, scanner: str, drawer: str) -> Path:
    state = directory / "state"
    state.mkdir(mode=0o700)
    config = directory / "tillwire.toml"
    text = CONFIGURATION.format(**api, scanner=scanner, drawer=drawer, state=state, listen="127.0.0.1:0")
    config.write_text(text, encoding="utf-8")
    return config


@asynccontextmanager
async def _process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command of ours until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *_command(*arguments), stdout=asyncio.subprocess.PIPE, env=_environment()
    )
    try:
        yield process
    finally:
        await _stop(process)


def _environment() -> dict[str, str]:
    """The demo's configuration is its file, whatever is set around it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TILLWIRE_")}


async def _first_line(process: asyncio.subprocess.Process, what: str) -> str:
    assert process.stdout is not None  # noqa: S101 - it was asked for above
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line:
        raise NotStarted(f"{what} did not start")
    return line.decode()


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_TIMEOUT_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
