"""Crowds of connections: the oldest that nobody we know is using gives way, and streams and calls under way stay."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import psutil
import pytest

from agent.kiosk import connections
from agent.kiosk.connections import MOST_CONNECTIONS
from agent.kiosk.rate_limit import Rate
from agent.kiosk.server import KioskSettings, serve
from agent.kiosk.stream import MOST_READERS
from agent.simulator.certificates import server_context
from tests.kiosk_bench import KioskBench, whole_agent

MANY = 2 * MOST_CONNECTIONS
LOOK_S = 0.02


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


def port_of(bench: KioskBench) -> int:
    return int(bench.base_url.rpartition(":")[2])


async def connect(bench: KioskBench, stack: AsyncExitStack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await connect_to(port_of(bench), stack)


async def connect_to(port: int, stack: AsyncExitStack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(writer.close)
    return reader, writer


def accepted(port: int) -> set[int]:
    """The clients' ports of the connections that the agent holds."""
    return {
        each.raddr.port for each in psutil.Process().net_connections("tcp") if each.raddr and each.laddr.port == port
    }


async def test_there_are_never_more_and_the_oldest_idle_one_gives_way(bench: KioskBench) -> None:
    async with AsyncExitStack() as stack:
        crowd = [await connect(bench, stack) for _ in range(MANY)]
        for reader, _ in crowd[: MANY - MOST_CONNECTIONS]:
            assert await ended(reader)
        assert len(accepted(port_of(bench))) <= MOST_CONNECTIONS
        newest, writer = crowd[-1]
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await newest.readline()).startswith(b"HTTP/1.1 200")


async def ended(reader: asyncio.StreamReader) -> bool:
    """Wait until the connection is over. One that is not never ends."""
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


async def test_the_streams_of_callers_we_know_outlast_any_crowd(bench: KioskBench) -> None:
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(bench.events()) for _ in range(MOST_READERS)]
        for stream in streams:
            await stream.next()
        for _ in range(MANY):
            _, writer = await connect(bench, stack)
            writer.write(b"POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
            writer.write(b"Content-Length: 9\r\n\r\n{")  # a stranger's call under way
        checkout_id = (await bench.call("POST", "/v1/checkouts", {})).body["id"]
        for stream in streams:
            assert (await stream.until(lambda told: told.name == "checkout")).data["id"] == checkout_id


async def test_where_all_are_in_use_by_callers_we_know_a_new_one_is_turned_away(bench: KioskBench) -> None:
    half = f"POST /v1/checkouts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bench.tokens.screen}\r\n"
    half += "Content-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    async with AsyncExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            reader, writer = await connect(bench, stack)
            writer.write(half.encode())
            assert await reader.readline() == b"HTTP/1.1 100 Continue\r\n"  # its body is waited for
        turned_away, _ = await connect(bench, stack)
        assert await ended(turned_away)
        writer.write(b"{}")
        assert await reader.readline() == b"\r\n"
        assert await reader.readline() == b"HTTP/1.1 201 Created\r\n"


async def test_who_takes_nothing_of_an_answer_is_cut_off(tmp_path: Path) -> None:
    """It is the kernel that cuts off here, by its own clock."""
    async with whole_agent(tmp_path, request_timeout_s=2.0, rate=Rate(burst=1000)) as bench:
        with socket.socket() as greedy:
            greedy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            greedy.setblocking(False)
            await asyncio.get_running_loop().sock_connect(greedy, ("127.0.0.1", port_of(bench)))
            request = b"GET /inter.woff2 HTTP/1.1\r\nHost: localhost\r\n\r\n"
            await asyncio.get_running_loop().sock_sendall(greedy, request * 100)
            port = greedy.getsockname()[1]
            while port in accepted(port_of(bench)):  # noqa: ASYNC110 - the kernel sets no event
                await asyncio.sleep(LOOK_S)
        assert (await bench.call("GET", "/health")).status == 200


# TLS

REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def behind_tls(bench: KioskBench, directory: Path) -> AsyncIterator[int]:
    """Serve the same kiosk once more, and yield the port."""
    tls = await server_context(directory / "tls")
    settings = KioskSettings(listen=("127.0.0.1", 0), control_socket=directory / "second.sock", tls=tls)
    async with serve(bench.kiosk, settings) as url:
        assert url is not None
        yield int(url.strip("/").rpartition(":")[2])


def any_certificate() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def test_who_begins_no_handshake_is_counted_from_the_accept_on(bench: KioskBench, tmp_path: Path) -> None:
    async with behind_tls(bench, tmp_path) as port, AsyncExitStack() as stack:
        crowd = [await connect_to(port, stack) for _ in range(MANY)]
        for reader, _ in crowd[: MANY - MOST_CONNECTIONS]:
            assert await ended(reader)
        assert len(accepted(port)) <= MOST_CONNECTIONS
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=any_certificate())
        with closing(writer):
            writer.write(REQUEST)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")


async def test_who_goes_on_with_no_handshake_is_cut_off(
    bench: KioskBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "HANDSHAKE_TIMEOUT_S", 0.01)
    async with behind_tls(bench, tmp_path) as port, AsyncExitStack() as stack:
        reader, _ = await connect_to(port, stack)
        assert await ended(reader)


async def test_who_speaks_no_tls_is_cut_off(bench: KioskBench, tmp_path: Path) -> None:
    async with behind_tls(bench, tmp_path) as port, AsyncExitStack() as stack:
        reader, writer = await connect_to(port, stack)
        writer.write(REQUEST)
        assert not (await rest(reader)).startswith(b"HTTP")


async def rest(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


async def test_a_request_that_comes_together_with_the_end_of_the_handshake_is_answered(
    bench: KioskBench, tmp_path: Path
) -> None:
    """As browsers send it. In one segment here: asyncio's own client would send two."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = any_certificate().wrap_bio(coming, going)
    async with behind_tls(bench, tmp_path) as port, AsyncExitStack() as stack:
        reader, writer = await connect_to(port, stack)
        while not _shaken(client):
            writer.write(going.read())
            coming.write(await reader.read(65536))
        client.write(REQUEST)
        writer.write(going.read())
        answered = b""
        while b"HTTP/1.1 200" not in answered:
            coming.write(await reader.read(65536))
            answered += _read(client)


def _shaken(client: ssl.SSLObject) -> bool:
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _read(client: ssl.SSLObject) -> bytes:
    try:
        return client.read()
    except ssl.SSLWantReadError:
        return b""


async def test_handshakes_end_with_the_agent(bench: KioskBench, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with behind_tls(bench, tmp_path) as port:
            reader, _ = await connect_to(port, stack)
            while not accepted(port):  # noqa: ASYNC110 - the kernel sets no event
                await asyncio.sleep(LOOK_S)
        assert await ended(reader)


async def test_too_many_requests_are_told_when_to_try_again(tmp_path: Path) -> None:
    async with whole_agent(tmp_path, rate=Rate(per_s=0.01, burst=3)) as bench:
        for _ in range(3):
            assert (await bench.call("GET", "/v1/checkouts", role=None)).status == 401
        for path in ("/v1/checkouts", "/", "/nothing", "/health"):
            refused = await bench.call("GET", path, role=None)
            assert (refused.status, refused.problem) == (429, "too-many-requests")
            assert int(refused.headers["Retry-After"]) > 90
        assert (await bench.call("GET", "/v1/checkouts")).status == 200
