"""The processes around a measurement: started, read line by line, and ended."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

START_TIMEOUT_S = 60.0
"""A process that says nothing for so long has not started; a million checkouts are taken up in less."""


@dataclass
class Process:
    """A process that says what it does in lines."""

    process: asyncio.subprocess.Process

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(START_TIMEOUT_S):
            line = await self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the bench ended")
        return line.decode().strip()

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def cpu_s(self) -> float:
        """What it has used of a core so far."""
        return float(sum(psutil.Process(self.pid).cpu_times()[:2]))

    @property
    def rss_mib(self) -> float:
        return float(psutil.Process(self.pid).memory_info().rss) / 2**20

    @property
    def written_bytes(self) -> int:
        """What it has had written to disks so far."""
        return int(psutil.Process(self.pid).io_counters().write_bytes)


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[Process]:
    """Run a command until the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=None if "BENCH_ERRORS" in os.environ else asyncio.subprocess.DEVNULL,
        env=_environment(),
    )
    try:
        yield Process(process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


def python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def _environment() -> dict[str, str]:
    """As it is installed: nothing set for the till, and modules are compiled once."""
    kept = (name for name in os.environ if not name.startswith(("TILLWIRE_", "PYTHONDONTWRITEBYTECODE")))
    return {name: os.environ[name] for name in kept}


@dataclass
class Front:
    """The TLS end of the API: its port, and when which request arrived."""

    process: Process
    port: int

    async def arrival(self, wanted: str) -> int:
        """Return when the next request came whose line this pattern finds; nanoseconds of the monotonic clock."""
        while True:
            at, request = (await self.process.line()).split(" ", 1)
            if re.search(wanted, request):
                return int(at)

    async def close_connections(self) -> None:
        """Close every connection that waits, as a server does with one that is idle."""
        assert self.process.process.stdin is not None
        self.process.process.stdin.write(b"CLOSE\n")
        await self.process.process.stdin.drain()


@asynccontextmanager
async def front(upstream_port: int, directory: str, delay_ms: float = 0.0) -> AsyncIterator[Front]:
    """Run the TLS end before a port, or before nothing (0)."""
    command = python("-m", "tests.bench.front", str(upstream_port), directory, str(delay_ms))
    async with running(*command) as process:
        yield Front(process, int(await process.line()))
