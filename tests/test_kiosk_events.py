"""The event stream over the wire: readers that are killed, that never read, that are many."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from agent.kiosk.roles import Role
from agent.kiosk.server import KioskSettings, serve
from agent.kiosk.stream import MOST_READERS
from agent.simulator.server import SimulatorServer
from tests.kiosk_bench import ORDER, Events, KioskBench, Told, agent_at_work, whole_agent
from tests.till_bench import drawer_of

LARGE = {"products": [{"id": n, "desc": "x" * 100, "quantity": 1, "priceOne": 1} for n in range(80)]}
"""About ten kilobytes: a reader that does not read is full after some hundred of them."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


def drawer_is(level: str) -> Callable[[Told], bool]:
    return lambda told: told.name == "drawer_level" and told.data["state"] == level


def sequence(event_id: str | None) -> int:
    assert event_id is not None
    return int(event_id.rpartition("-")[2])


async def test_a_reader_that_is_killed_at_any_moment_misses_nothing(bench: KioskBench) -> None:
    """A screen is killed after each single event of a whole checkout and comes back with the last id it knows."""
    last_id: str | None = None
    seen: list[tuple[int, str]] = []

    async def read() -> None:
        nonlocal last_id
        while not seen or seen[-1][1] != "completed":
            async with bench.events(last_id=last_id) as events:
                told = await events.until(lambda told: told.id is not None)
                last_id = told.id
                seen.append((sequence(told.id), told.data.get("phase", told.name)))

    reading = asyncio.create_task(read())
    checkout_id = await bench.due()
    async with bench.events() as events:
        await events.next()
        await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": "cash", "amount": 296})
        await events.until(lambda told: told.name == "drawer" and told.data["event"] == "opened")
        bench.drawer.close_drawer()
        await reading
    assert [number for number, _ in seen] == list(range(seen[0][0], seen[-1][0] + 1))


async def test_since_in_the_address_does_as_the_header_does(bench: KioskBench) -> None:
    """A browser's EventSource can't set a header when it begins."""
    async with bench.events() as events:
        place = (await events.next()).id
        await bench.call("POST", "/v1/checkouts", ORDER)
        told = await events.next()
    async with bench.events(query=f"?since={place}") as events:
        assert await events.next() == told
    async with bench.events(query="?since=nonsense", last_id=place) as events:
        assert await events.next() == told


async def test_a_screen_goes_on_after_the_agent_was_killed_and_started_again(tmp_path: Path) -> None:
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with agent_at_work(tmp_path, simulator, drawer) as bench, bench.events() as events:
            place = (await events.next()).id
            checkout_id = await bench.begin()
        async with agent_at_work(tmp_path, simulator, drawer) as bench:
            await bench.call("POST", f"/v1/checkouts/{checkout_id}/cancel", {})
            async with bench.events(last_id=place) as events:
                cancelled = await events.phase("cancelled")
    assert cancelled["id"] == checkout_id
    numbers = [sequence(told.id) for told in events.heard]
    assert numbers == list(range(sequence(place) + 1, sequence(place) + 1 + len(numbers)))


async def test_the_drawers_level_is_told_across_a_restart_and_an_unplugging(tmp_path: Path) -> None:
    """No payment is under way and nobody opens it for one: whether it stands open is told all the same."""
    async with SimulatorServer() as simulator, drawer_of(tmp_path) as drawer:
        async with agent_at_work(tmp_path, simulator, drawer) as bench, bench.events() as events:
            await events.next()
            drawer.open_by_key()
            place = (await events.until(lambda told: told.name == "drawer")).id
            await events.until(drawer_is("open"))
        drawer.close_drawer()
        async with agent_at_work(tmp_path, simulator, drawer) as bench, bench.events(last_id=place) as events:
            await events.until(drawer_is("closed"))
            drawer.unplug()
            await events.until(drawer_is("unknown"))
            drawer.open_by_key()
            drawer.plug_in()
            await events.until(drawer_is("open"))


async def test_the_stream_is_what_browsers_expect(bench: KioskBench) -> None:
    url, headers = f"{bench.base_url}/v1/events", bench.headers(Role.SCREEN)
    async with bench.session.get(url, headers=headers) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert await response.content.readline() == b"retry: 1000\n"


async def test_one_reader_too_many_is_told_to_come_later(bench: KioskBench) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST_READERS):
            events = await stack.enter_async_context(bench.events())
            await events.next()
        answered = await bench.call("GET", "/v1/events")
        assert (answered.status, answered.problem) == (503, "too-many-readers")
        assert answered.headers["Retry-After"] == "5"


@asynccontextmanager
async def on_unix_socket(bench: KioskBench, directory: Path) -> AsyncIterator[Path]:
    """Serve the same agent on a Unix socket too: its buffers are small, so a sleeping reader is soon full."""
    path = directory / "screen.sock"
    settings = KioskSettings(listen=path, control_socket=directory / "second.sock")
    async with serve(bench.kiosk, settings):
        yield path


def never_reads(path: Path, token: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(str(path))
    connection.sendall(f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    return connection


@dataclass(frozen=True)
class Crowd:
    """As many readers as there is room for, half of which never read."""

    session: aiohttp.ClientSession
    readers: list[Events]
    sleepers: list[socket.socket]


@asynccontextmanager
async def crowd_at(bench: KioskBench, directory: Path) -> AsyncIterator[Crowd]:
    async with AsyncExitStack() as stack:
        path = await stack.enter_async_context(on_unix_socket(bench, directory))
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path), limit=0))
        )
        readers = []
        for _ in range(MOST_READERS // 2):
            get = session.get("http://x/v1/events", headers=bench.headers(Role.SCREEN))
            readers.append(Events(await stack.enter_async_context(get)))
        sleepers = [
            stack.enter_context(never_reads(path, bench.tokens.screen)) for _ in range(MOST_READERS - len(readers))
        ]
        for reader in readers:
            assert (await reader.next()).name == "snapshot"
        yield Crowd(session, readers, sleepers)


async def test_readers_that_never_read_cost_the_others_nothing(bench: KioskBench, tmp_path: Path) -> None:
    """32 readers, half of them asleep: the sleepers are cut off, the others miss and repeat nothing."""
    changes = 170
    async with crowd_at(bench, tmp_path) as crowd:
        last = json.dumps(LARGE | {"products": [*LARGE["products"], {"quantity": 1, "priceOne": 0, "desc": "last"}]})
        reading = [asyncio.create_task(reader.until(lambda told: "last" in str(told.data))) for reader in crowd.readers]
        checkout_id = (await bench.call("POST", "/v1/checkouts", ORDER)).body["id"]
        for _ in range(changes):
            assert (await bench.call("PUT", f"/v1/checkouts/{checkout_id}/basket", LARGE)).status == 200
        await bench.call("PUT", f"/v1/checkouts/{checkout_id}/basket", json.loads(last))
        await asyncio.gather(*reading)
        for reader in crowd.readers:
            numbers = [sequence(told.id) for told in reader.heard[1:] if told.id]
            assert numbers == list(range(1, changes + 3))
        for sleeper in crowd.sleepers:
            assert await was_cut_off(sleeper)
        async with crowd.session.get("http://x/v1/events", headers=bench.headers(Role.SCREEN)) as response:
            assert (await Events(response).next()).name == "snapshot"


async def test_beside_a_whole_checkout_no_reader_misses_or_repeats_an_event(bench: KioskBench, tmp_path: Path) -> None:
    """32 readers, half of them asleep, from the basket to the booking; devices and busy are state and have no id."""
    async with crowd_at(bench, tmp_path) as crowd:
        first, *others = crowd.readers
        reading = [asyncio.create_task(reader.phase("completed")) for reader in others]
        checkout_id = await bench.begin()
        await bench.call("POST", f"/v1/checkouts/{checkout_id}/apply", {"use_balance": True})
        await first.phase("due")
        await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": "cash", "amount": 296})
        await first.until(lambda told: told.name == "drawer" and told.data["event"] == "opened")
        bench.drawer.close_drawer()
        await first.phase("completed")
        await asyncio.gather(*reading)
    numbers = [sequence(told.id) for told in first.heard if told.id]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert all(reader.heard[1:] == first.heard[1:] for reader in others)


async def was_cut_off(sleeper: socket.socket) -> bool:
    """Read what the sleeper had before it was cut off. One that is still connected never ends."""
    sleeper.setblocking(False)
    loop = asyncio.get_running_loop()
    try:
        while await loop.sock_recv(sleeper, 1 << 20):
            pass
    except ConnectionResetError:
        pass
    return True


async def test_open_streams_do_not_delay_the_end(bench: KioskBench, tmp_path: Path) -> None:
    """One of these readers does not even read. How soon SIGTERM ends the agent is shown in test_service."""
    async with AsyncExitStack() as stack:
        path = await stack.enter_async_context(on_unix_socket(bench, tmp_path))
        streams = [await asyncio.open_unix_connection(str(path)) for _ in range(3)]
        sleeper = never_reads(path, bench.tokens.screen)
        token = bench.tokens.screen
        for reader, writer in streams:
            writer.write(f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
            await reader.readuntil(b"event: snapshot")
        async with asyncio.timeout(30):  # aiohttp waits a minute for those who do not end by themselves
            await stack.aclose()
        for reader, writer in streams:
            assert (await reader.read()).endswith(b"0\r\n\r\n")
            writer.close()
        sleeper.close()
