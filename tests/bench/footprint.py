"""What is paid while nothing happens: start, memory, wake-ups; beside a process that only imports the libraries."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.bench.processes import Process, python, running
from tests.bench.shop import open_shop

LIBRARIES = "aiohttp, serial, evdev, pydantic, pydantic_settings"
"""What a program of this kind imports; the last is what most would use for the settings."""
FLOOR = f"import {LIBRARIES}, sys; print('ready', flush=True); sys.stdin.read()"
REST_S = 3.0
"""After the start, until what was begun is done."""
IDLE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """Seconds, MiB, wake-ups a second, share of a core."""

    start_s: float
    floor_start_s: float
    rss_mib: float
    floor_rss_mib: float
    wakeups_a_second: float
    cpu_share: float


async def measure(directory: Path, rounds: int) -> Footprint:
    """Start the agent and the floor in turn so many times; then watch one agent do nothing for a minute."""
    starts: list[float] = []
    floor_starts: list[float] = []
    sizes: list[float] = []
    floor_sizes: list[float] = []
    async with open_shop(directory) as shop:
        configuration = (directory / "tillwire.toml").read_text()
        wakeups, cpu_share = await _idle(shop.agent.pid)
    for number in range(rounds):
        config = _own(directory, configuration, number)
        async with _timed(python("-m", "agent", "run", f"--config={config}", "--json"), starts) as process:
            await asyncio.sleep(REST_S)
            sizes.append(_rss_mib(process.pid))
        async with _timed(python("-c", FLOOR), floor_starts) as process:
            floor_sizes.append(_rss_mib(process.pid))
    return Footprint(
        start_s=statistics.median(starts),
        floor_start_s=statistics.median(floor_starts),
        rss_mib=statistics.median(sizes),
        floor_rss_mib=statistics.median(floor_sizes),
        wakeups_a_second=wakeups,
        cpu_share=cpu_share,
    )


def _own(directory: Path, configuration: str, number: int) -> Path:
    """Return a configuration with a state directory of its own: each start is a first one."""
    state = directory / f"state-{number}"
    state.mkdir(mode=0o700)
    config = directory / f"tillwire-{number}.toml"
    config.write_text(configuration.replace(str(directory / "state"), str(state)))
    return config


@asynccontextmanager
async def _timed(command: tuple[str, ...], took: list[float]) -> AsyncIterator[Process]:
    began = time.monotonic()
    async with running(*command) as process:
        await process.line()
        took.append(time.monotonic() - began)
        yield process


def _rss_mib(pid: int) -> float:
    return float(psutil.Process(pid).memory_info().rss) / 2**20


async def _idle(pid: int) -> tuple[float, float]:
    """Return wake-ups a second and the share of a core."""
    process = psutil.Process(pid)
    await asyncio.sleep(REST_S)
    wakeups, cpu = _wakeups(pid), sum(process.cpu_times()[:2])
    await asyncio.sleep(IDLE_S)
    return (_wakeups(pid) - wakeups) / IDLE_S, (sum(process.cpu_times()[:2]) - cpu) / IDLE_S


def _wakeups(pid: int) -> int:
    """How often a thread of the process slept and was woken, since it began."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        status = dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        total += int(status["voluntary_ctxt_switches"])
    return total
