"""What systemd is told (sd_notify(3)): ready, alive, stopping, and how the till stands in plain words.

The watchdog is fed by the queue that handles money: a loop that turns and does no jobs is not alive. While a customer
is being served a file says so; image updaters look for it, and tillwire-inhibit.path keeps the machine up.
"""

import asyncio
import logging
import socket
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from agent.checkout.state import Checkout, Phase
from agent.till.connection import Connection
from agent.till.inbox import Overloaded

logger = logging.getLogger("tillwire.service")

FEEDS_A_PERIOD = 3
"""Twice the watchdog may be fed late, as by a job that waits for a slow disk."""
MICROSECONDS = 1_000_000


class ServiceManager:
    """The service manager's socket; without one nobody is told. Never blocks and never fails."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        period = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(period) / MICROSECONDS if self._address and period.isdecimal() else None

    def ready(self) -> None:
        self._send("READY=1")

    def alive(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=is being stopped")

    def status(self, words: str) -> None:
        """Say in one line how the till stands: `systemctl status` shows it."""
        self._send(f"STATUS={words}")

    def _send(self, told: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sender:
            try:
                sender.sendto(told.encode(), self._address)
            except OSError:
                return  # a manager that does not listen; one that misses us stops and starts us


class WatchedTill(Protocol):
    """What is told of a till."""

    @property
    def open_checkouts(self) -> list[Checkout]: ...
    @property
    def active(self) -> Checkout | None: ...
    @property
    def connection(self) -> Connection: ...
    @property
    def records(self) -> bool: ...
    async def take_turn(self) -> None:
        """Return when a job that was queued now has had its turn. Raises Overloaded."""

    async def job_done(self) -> None:
        """Return when the till has done its next job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """Tells the service manager and the box about one till."""

    manager: ServiceManager
    busy_file: Path | None

    def works(self, till: WatchedTill) -> Iterator[Coroutine[None, None, None]]:
        """Yield what runs beside the till."""
        yield self._tell_status(till)
        if self.manager.watchdog_s is not None:
            yield self._feed_watchdog(till, self.manager.watchdog_s / FEEDS_A_PERIOD)
        if self.busy_file is not None:
            yield _keep_busy_file(till, self.busy_file)

    def without_till(self, why: str) -> Iterator[Coroutine[None, None, None]]:
        """Yield what runs where there is no till: it is out of order, and being stopped would not mend it."""
        self.manager.status(why)
        if self.manager.watchdog_s is not None:
            yield self._feed(self.manager.watchdog_s / FEEDS_A_PERIOD)

    async def _feed(self, pause_s: float) -> None:
        while True:
            self.manager.alive()
            await asyncio.sleep(pause_s)

    async def _tell_status(self, till: WatchedTill) -> None:
        told = ""
        while True:
            phases = [checkout.phase for checkout in till.open_checkouts]
            words = status_line(phases, till.connection, records=till.records, is_served=till.active is not None)
            if words != told:
                self.manager.status(words)
                told = words
            await till.job_done()

    async def _feed_watchdog(self, till: WatchedTill, pause_s: float) -> None:
        while True:
            try:
                await till.take_turn()
            except Overloaded:
                pass  # jobs come faster than they are done: not fed until there is room
            else:
                self.manager.alive()
            await asyncio.sleep(pause_s)


async def _keep_busy_file(till: WatchedTill, file: Path) -> None:
    """Keep the file while a customer is being served, and none when the till is stopped."""
    is_there = None
    try:
        while True:
            busy = till.active is not None
            if busy is is_there:
                await till.job_done()
            else:
                await asyncio.to_thread(_show_busy, file, busy=busy)
                is_there = busy
    finally:
        _show_busy(file, busy=False)


def _show_busy(file: Path, *, busy: bool) -> None:
    try:
        file.touch() if busy else file.unlink(missing_ok=True)
    except OSError as error:  # it protects from a restart at a bad moment, and a restart loses nothing
        logger.warning("%s cannot be kept: %s", file, error.strerror)


def status_line(phases: Sequence[Phase], connection: Connection, *, records: bool, is_served: bool) -> str:
    """Say how the till stands; first what needs a person. `phases`: of all open checkouts."""
    return "; ".join(_standing(phases, connection, records=records, is_served=is_served))


def _standing(phases: Sequence[Phase], connection: Connection, *, records: bool, is_served: bool) -> Iterator[str]:
    if not records:
        yield "cash was taken and cannot be written down: see the disk and the log"
    if count := phases.count(Phase.ATTENTION):
        yield f"{_payments(count)} need{'s' if count == 1 else ''} a person: tillwire checkouts list"
    if connection.api != "online":
        away = "the API is away" if connection.api == "offline" else "the API does not accept this till"
        yield f"{away} since {connection.since:%H:%M}"
    if count := sum(phase in {Phase.CONFIRMED, Phase.STARTING, Phase.UNSURE} for phase in phases):
        yield f"{_payments(count)} {'is' if count == 1 else 'are'} being booked"
    yield "a customer is being served" if is_served else "waiting for a customer"


def _payments(count: int) -> str:
    return "1 payment" if count == 1 else f"{count} payments"
