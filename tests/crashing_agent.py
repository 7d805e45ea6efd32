"""The agent in a process of its own that kills itself, `kill -9`, at a chosen place.

The process is forked from a server that has the imports done, so that a hundred of them cost seconds.
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

from agent.outside import Outside, journal_thread
from agent.service import serve
from config.settings import load
from device.tty import PortSettings, SerialTty, Tty

P = ParamSpec("P")
T = TypeVar("T")
Place = Literal["before a commit", "after a commit", "after a read", "nowhere"]

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload(["agent.service"])


@dataclass(frozen=True)
class Crash:
    """Where the agent dies: at the nth time that it is at this place."""

    place: Place = "nowhere"
    number: int = 0


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class Countdown:
    """Dies at the nth call."""

    def __init__(self, crash: Crash, place: Place) -> None:
        self._left = crash.number if crash.place == place else 0

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            die()


class CrashingThread(ThreadPoolExecutor):
    """The journal's thread; each of its jobs is a commit or a look."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(1)
        self._before = Countdown(crash, "before a commit")
        self._after = Countdown(crash, "after a commit")

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        def job() -> T:
            self._before()
            try:
                return work(*args, **kwargs)
            finally:
                self._after()

        return super().submit(job)


def crashing_opener(crash: Crash) -> Callable[[PortSettings], Tty]:
    """Open ports whose reads are counted, all together."""
    count = Countdown(crash, "after a read")

    class CountedTty(SerialTty):
        def read(self) -> bytes:
            data = super().read()
            count()
            return data

    return CountedTty.open


def start_agent(config: Path, crash: Crash) -> tuple[BaseProcess, Connection]:
    """Start the agent; the connection gets the address when it is ready, and its end when it is dead."""
    ours, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_run, args=(config, crash, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _run(config: Path, crash: Crash, connection: Connection) -> None:
    logging.basicConfig(filename=config.with_suffix(".log"), level=logging.INFO)
    asyncio.run(_serve(config, crash, connection))


async def _serve(config: Path, crash: Crash, connection: Connection) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)

    def thread() -> Executor:
        return CrashingThread(crash) if crash.place != "nowhere" else journal_thread()

    await serve(
        load(config, {}),
        stop.wait,
        environment={},
        ready=connection.send,
        outside=Outside(executor=thread, opener=crashing_opener(crash), settling_s=0.0),
    )
