"""What is paid while nothing happens: start, memory, wake-ups; beside a process that only imports the libraries."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figures import figure, single
from tests.bench.processes import Process, python, running
from tests.bench.result import Row
from tests.bench.shop import open_shop

LIBRARIES = "aiohttp, serial, evdev, pydantic, pydantic_settings"
"""What a program of this kind imports; the last is what most would use for the settings."""
FLOOR = f"import {LIBRARIES}, sys; print('ready', flush=True); sys.stdin.read()"
UNASKED = {"profile": "acode-at10u3", "open_bytes": "07"}
"""A drawer that speaks by itself: nobody polls its line."""
REST_S = 3.0
"""After the start, until what was begun is done."""
CPU = "CPU at rest, a printer asked every second"
BESIDE = "importing the libraries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What a till at rest needs: MiB, wake-ups a second, share of a core."""

    rss_mib: float
    wakeups: float
    cpu_share: float


async def measure(directory: Path, rounds: int, idle_s: float) -> list[Row]:
    """Watch one agent do nothing for so long; then start agent and floor in turn, so many times."""
    (asked := directory / "asked").mkdir()
    async with open_shop(asked) as shop:
        rest_asked = await _rest(shop.agent, idle_s)
    async with open_shop(directory, model=UNASKED) as shop:
        rest = await _rest(shop.agent, idle_s)
    configuration = (directory / "tillwire.toml").read_text()
    starts: list[float] = []
    floor_starts: list[float] = []
    floor_sizes: list[float] = []
    for number in range(rounds):
        config = _own(directory, configuration, number)
        starts.append(await started(config))
        async with _timed(python("-c", FLOOR), floor_starts) as process:
            floor_sizes.append(process.rss_mib)
    return [
        Row(
            key="start",
            words="exec to ready",
            unit="s",
            measured=figure(starts),
            beside=figure(floor_starts),
            beside_words=BESIDE,
            goal=1.15,
        ),
        Row(
            key="memory",
            words="memory at rest (RSS)",
            unit="MiB",
            measured=single(rest.rss_mib),
            beside=figure(floor_sizes),
            beside_words=BESIDE,
            goal=1.1,
        ),
        Row(key="wake-ups", words="wake-ups at rest", unit="a second", measured=single(rest.wakeups), goal=2.0),
        Row(
            key="wake-ups asked",
            words="wake-ups at rest, a printer asked every second",
            unit="a second",
            measured=single(rest_asked.wakeups),
        ),
        Row(key="idle CPU", words=CPU, unit="% of a core", measured=single(rest_asked.cpu_share * 100), goal=0.2),
    ]


async def started(config: Path) -> float:
    """Start the agent, end it when it is ready, and return how many seconds that took."""
    took: list[float] = []
    async with _timed(python("-m", "agent", "run", f"--config={config}", "--json"), took):
        pass
    return took[0]


def _own(directory: Path, configuration: str, number: int) -> Path:
    """Return a configuration with a state directory of its own: each start is a first one. Most tills have no CA."""
    state = directory / f"state-{number}"
    state.mkdir(mode=0o700)
    config = directory / f"tillwire-{number}.toml"
    lines = configuration.replace(str(directory / "state"), str(state)).splitlines()
    config.write_text("\n".join(line for line in lines if not line.startswith("ca_file")))
    return config


@asynccontextmanager
async def _timed(command: tuple[str, ...], took: list[float]) -> AsyncIterator[Process]:
    began = time.monotonic()
    async with running(*command) as process:
        await process.line()
        took.append(time.monotonic() - began)
        yield process


async def _rest(agent: Process, seconds: float) -> Rest:
    await asyncio.sleep(REST_S)
    wakeups, cpu_s = _wakeups(agent.pid), agent.cpu_s
    await asyncio.sleep(seconds)
    return Rest(
        rss_mib=agent.rss_mib,
        wakeups=(_wakeups(agent.pid) - wakeups) / seconds,
        cpu_share=(agent.cpu_s - cpu_s) / seconds,
    )


def _wakeups(pid: int) -> int:
    """How often a thread of the process slept and was woken, since it began."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        total += int(status["voluntary_ctxt_switches"])
    return total
