"""The service manager is told over a real datagram socket, by a real till."""

import asyncio
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from agent.checkout.events import CancelAsked
from agent.checkout.state import Phase
from agent.service_manager import ServiceManager, Supervision, status_line
from agent.till.connection import Connection
from tests.test_killing import shop
from tests.till_bench import SEED, TillBench, whole_till

FED_S = 0.03
"""A watchdog's period that a test does not wait for."""
SILENCE_S = 0.3
"""Ten periods without a sign of life."""


@dataclass
class Manager:
    """What systemd is to a service: a socket that is written to."""

    address: str
    listening: socket.socket

    async def told(self) -> str:
        """Return the next datagram."""
        return (await asyncio.get_running_loop().sock_recv(self.listening, 4096)).decode()

    async def until(self, wanted: str) -> list[str]:
        """Return everything that was told up to this."""
        seen = [await self.told()]
        while seen[-1] != wanted:
            seen.append(await self.told())
        return seen

    def forget(self) -> None:
        """Throw away what was told and not asked for."""
        with suppress(BlockingIOError):
            while self.listening.recv(4096):
                pass

    def environment(self, watchdog_s: float | None = None) -> dict[str, str]:
        watchdog = {} if watchdog_s is None else {"WATCHDOG_USEC": str(int(watchdog_s * 1e6))}
        return {"NOTIFY_SOCKET": self.address, **watchdog}


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield Manager(str(tmp_path / "notify"), listening)


@asynccontextmanager
async def supervised(bench: TillBench, manager: ServiceManager, busy_file: Path | None = None) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as tasks:
        supervision = Supervision(manager=manager, busy_file=busy_file)
        works = [tasks.create_task(work) for work in supervision.works(bench.till)]
        yield
        for work in works:
            work.cancel()


async def test_the_agent_is_ready_when_its_interface_answers_and_says_that_it_stops(
    tmp_path: Path, manager: Manager
) -> None:
    async with shop(tmp_path / "shop") as the_shop:
        port = the_shop.config.with_name("http.sock")
        config = the_shop.config
        config.write_text(config.read_text().replace("127.0.0.1:0", f"unix:{port}"))
        agent = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "agent", "run", "--config", str(config)),
            env=manager.environment(watchdog_s=FED_S),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await manager.until("READY=1")
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(port))) as session:
            assert (await session.get("http://tillwire/health")).status == 200
        await manager.until("WATCHDOG=1")
        agent.terminate()
        await manager.until("STOPPING=1\nSTATUS=is being stopped")
        assert await agent.wait() == 0


async def test_the_watchdog_is_fed_while_jobs_are_done_and_not_while_one_hangs(
    tmp_path: Path, manager: Manager
) -> None:
    async with whole_till(tmp_path) as bench, supervised(bench, ServiceManager(manager.environment(FED_S))):
        await manager.until("WATCHDOG=1")
        disk_goes_on = threading.Event()
        bench.disk.submit(disk_goes_on.wait)
        before = bench.disk.submitted
        asking = asyncio.create_task(bench.till.create(SEED))
        await bench.heard.until(lambda: bench.disk.submitted > before)  # the till waits for the disk: no turn is given
        manager.forget()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(manager.told(), SILENCE_S)
        disk_goes_on.set()
        await asking
        await manager.until("WATCHDOG=1")


async def test_the_status_says_how_the_till_stands(tmp_path: Path, manager: Manager) -> None:
    async with whole_till(tmp_path) as bench, supervised(bench, ServiceManager(manager.environment())):
        await manager.until("STATUS=waiting for a customer")
        checkout = await bench.till.create(SEED)
        await manager.until("STATUS=a customer is being served")
        await bench.till.ask(checkout.id, CancelAsked())
        assert await manager.told() == "STATUS=waiting for a customer"


async def test_a_file_says_that_a_customer_is_being_served(tmp_path: Path, manager: Manager) -> None:
    busy = tmp_path / "busy"
    busy.touch()  # left by an agent that was killed
    async with whole_till(tmp_path) as bench:
        async with supervised(bench, ServiceManager(manager.environment()), busy):
            while busy.exists():  # noqa: ASYNC110 - a file tells nobody that it is gone
                await asyncio.sleep(0)
            await bench.till.create(SEED)
            while not busy.exists():  # noqa: ASYNC110
                await asyncio.sleep(0)
        assert not busy.exists(), "an agent that stops serves nobody"


async def test_a_busy_file_that_cannot_be_kept_stops_nothing(
    tmp_path: Path, manager: Manager, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = tmp_path / "missing" / "busy"
    async with whole_till(tmp_path) as bench, supervised(bench, ServiceManager(manager.environment()), nowhere):
        await bench.till.create(SEED)
        await manager.until("STATUS=a customer is being served")
        while "cannot be kept" not in caplog.text:  # noqa: ASYNC110 - a thread logs it
            await asyncio.sleep(0)


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nonexistent/notify"}])
def test_without_a_manager_nobody_is_told_and_nothing_fails(environment: dict[str, str]) -> None:
    manager = ServiceManager({**environment, "WATCHDOG_USEC": "none"})
    manager.ready()
    assert manager.watchdog_s is None


def test_an_abstract_address_is_told() -> None:
    name = f"tillwire-test-{id(object())}"
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listening:
        listening.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).ready()
        assert listening.recv(64) == b"READY=1"


SINCE = datetime(2026, 11, 22, 18, 5, tzinfo=UTC)
ONLINE, AWAY = Connection(api="online", since=SINCE), Connection(api="offline", since=SINCE)
REFUSED = Connection(api="not_authorised", since=SINCE)
SEVERAL = (Phase.CONFIRMED, Phase.DUE, Phase.UNSURE, Phase.ATTENTION, Phase.ATTENTION)


@pytest.mark.parametrize(
    ("phases", "connection", "records", "words"),
    [
        ((), ONLINE, True, ""),
        ((Phase.ATTENTION,), ONLINE, True, "1 payment needs a person: tillwire checkouts list; "),
        ((), AWAY, True, "the API is away since 18:05; "),
        (
            (Phase.STARTING,),
            REFUSED,
            True,
            "the API does not accept this till since 18:05; 1 payment is being booked; ",
        ),
        ((), ONLINE, False, "cash was taken and cannot be written down: see the disk and the log; "),
        (SEVERAL, ONLINE, True, "2 payments need a person: tillwire checkouts list; 2 payments are being booked; "),
    ],
)
def test_the_status_line_begins_with_what_needs_a_person(
    phases: tuple[Phase, ...], connection: Connection, records: bool, words: str
) -> None:
    for is_served, last in ((False, "waiting for a customer"), (True, "a customer is being served")):
        assert status_line(phases, connection, records=records, is_served=is_served) == words + last
