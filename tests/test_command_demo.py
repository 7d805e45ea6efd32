"""`tillwire demo` as a newcomer starts it: a process of its own, which leaves nothing behind."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture
def directory() -> Iterator[Path]:
    """With a short name: the demo's control socket is in it, and pytest's own are too long for that under xdist."""
    with TemporaryDirectory() as directory:
        yield Path(directory)


@asynccontextmanager
async def demo(directory: Path, *words: str, stdin: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start it with this directory for what it writes."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", "demo", *words),
        env={"TMPDIR": str(directory), "PATH": "/usr/bin:/bin"},
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def said_until(process: asyncio.subprocess.Process, words: bytes) -> bytes:
    assert process.stdout is not None
    return await process.stdout.readuntil(words)


async def rest_of(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await process.stdout.read()).decode()


async def test_the_checkout_of_the_seed_is_played_and_booked_once(directory: Path) -> None:
    async with demo(directory, stdin=asyncio.subprocess.DEVNULL) as process:
        said = await rest_of(process)
        assert await process.wait() == 0, said
    assert "booked once" in said
    assert "9276********2845" in said
    assert not list(directory.iterdir())


async def test_served_with_nobody_at_the_keyboard_it_runs_until_it_is_ended(directory: Path) -> None:
    async with demo(directory, "--serve", stdin=asyncio.subprocess.DEVNULL) as process:
        await said_until(process, b"  quit\n")
        process.terminate()
        assert "Traceback" not in await rest_of(process)
        assert await process.wait() == 0
    assert not list(directory.iterdir())


async def test_what_is_typed_happens_at_the_till(directory: Path) -> None:
    async with demo(directory, "--serve", stdin=asyncio.subprocess.PIPE) as process:
        await said_until(process, b"  quit\n")
        assert process.stdin is not None
        process.stdin.write(b"scan\n")
        await said_until(process, b"read 9276********2845\n")
        process.stdin.write(b"dance\n")
        assert b"scan, article" in await said_until(process, b", quit\n")
        process.stdin.write(b"quit\n")
        assert await rest_of(process) == ""
        assert await process.wait() == 0
    assert not list(directory.iterdir())
