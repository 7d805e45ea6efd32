"""The shop of a soak: the simulated API, a drawer, and the real agent in a process of its own."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psutil

from agent.journal.journal import FILE_NAME
from agent.journal.opening import beside
from agent.kiosk.client import KioskClient
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.simulator.switches import Switches
from config.settings import CONTROL_SOCKET_NAME
from device.drawer_profile_file import load_profile
from device.simulated_drawer import SimulatedDrawer
from tests.bench.processes import Process, python, running
from tests.bench.shop import Screen
from tests.soak.judge import Sample

SPEED = 5000.0
"""Seconds of the shop's clock for one of ours: a day in 17 s, with some 300 checkouts."""
KEEP_DAYS = 2
"""So that the journal reaches the size that it keeps within the first thousand checkouts."""

SWITCHES = Switches(second_start="executes-again")
"""An API that books a payment twice when it is asked twice."""

CONFIGURATION = """
[api]
base_url = "{base_url}"
login = "client-credentials"
client_id = "{client_id}"
client_secret = "{client_secret}"
late_window_s = 0.2
request_timeout_s = 2

[drawer]
profile = "escpos"
port = "{drawer}"
open_level = "low"
debounce_s = 0
recharge_s = 0

[cash]
confirmed_by = ["drawer-closed"]
minimum_open_s = 0.0001

[kiosk]
listen = "127.0.0.1:0"

[state]
directory = "{state}"
keep_days = {keep_days}
"""


@dataclass
class Shop:
    """Everything runs."""

    simulator: Simulator
    drawer: SimulatedDrawer
    kiosk: KioskClient
    screen: Screen
    agent: Process
    state: Path

    async def sample(self, checkouts: int) -> Sample:
        """Look at the agent as it is now."""
        process = psutil.Process(self.agent.pid)
        process.send_signal(signal.SIGUSR1)
        tasks = int(await self.agent.line())
        journal = self.state / FILE_NAME
        return Sample(
            checkouts=checkouts,
            memory=process.memory_info().rss // 1024,
            descriptors=process.num_fds(),
            tasks=tasks,
            journal=sum(file.stat().st_size for file in (journal, beside(journal, "-wal")) if file.exists()) // 1024,
        )


@asynccontextmanager
async def open_shop(directory: Path) -> AsyncIterator[Shop]:
    """Start everything, and stop it at the end of the block."""
    state = directory / "state"
    state.mkdir(mode=0o700)
    profile = load_profile("escpos", overrides={"debounce_s": 0, "recharge_s": 0})
    drawer = SimulatedDrawer(profile, directory / "drawer0", opening_s=0.0)  # hours of springs would tell nothing
    async with SimulatorServer(switches=SWITCHES) as simulator, drawer:
        config = directory / "tillwire.toml"
        api = {"base_url": simulator.base_url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        config.write_text(CONFIGURATION.format(**api, drawer=drawer.path, state=state, keep_days=KEEP_DAYS))
        async with running(*python("-m", "tests.soak.agent", str(config), str(SPEED))) as agent:
            await agent.line()
            socket = aiohttp.UnixConnector(str(state / CONTROL_SOCKET_NAME))  # it sells faster than a screen may
            async with aiohttp.ClientSession("http://tillwire", connector=socket) as session:
                kiosk = KioskClient(session)
                screen = Screen()
                following = asyncio.create_task(screen.follow(kiosk))
                try:
                    yield Shop(simulator, drawer, kiosk, screen, agent, state)
                finally:
                    following.cancel()
                    await asyncio.wait([following])
