"""One request on the wire: what is sent, how often, and what becomes of it when the network fails."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import aiohttp
import pytest

from agent.smart.answer import Answer
from agent.smart.connections import CONNECTION_LIMIT
from agent.smart.errors import NotSent, Unknown
from agent.smart.transport import LARGEST_BODY, Request, Timeouts, Transport, open_transport
from agent.smart.transport import Exchange as Heard
from tests.moved_clock import MovedClock
from tests.smart_server import (
    Exchange,
    Reply,
    Server,
    answer,
    cut,
    http,
    make_certificate,
    raw,
    reset,
    served_with,
    smart_server,
    stall,
)

DEFAULT = Timeouts()

Method = Literal["GET", "POST", "PUT"]


def request(method: Method = "POST", *, timeout_s: float = DEFAULT.request_s, body: bytes | None = b"{}") -> Request:
    return Request(method=method, path="/api/v2/Smart/Transactions/STX_1", timeout_s=timeout_s, body=body)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with smart_server() as server:
        yield server


@pytest.fixture
async def transport(server: Server) -> AsyncIterator[Transport]:
    async with open_transport(server.base_url, DEFAULT) as transport:
        yield transport


async def test_a_request_carries_the_documented_headers_and_its_body(server: Server, transport: Transport) -> None:
    server.reply(answer({"id": "STX_1"}))
    came = await transport.send(request(), "qb56")
    assert Answer(200, b'{"id": "STX_1"}') == came
    sent = server.requests[0]
    assert (sent.method, sent.target, sent.body) == ("POST", "/api/v2/Smart/Transactions/STX_1", b"{}")
    assert sent.headers["authorization"] == "Bearer qb56"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept"] == "application/json"
    assert sent.headers["user-agent"].startswith("tillwire/")


async def test_a_request_without_body_or_token_says_nothing_of_them(server: Server, transport: Transport) -> None:
    server.reply(answer({}))
    await transport.send(request(body=None))
    assert not {"content-type", "authorization"} & server.requests[0].headers.keys()
    assert server.requests[0].headers["content-length"] == "0"


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
@pytest.mark.parametrize("end", [cut(), reset(), cut(b"HTTP/1.1 200 OK\r\nContent-Le")])
async def test_a_request_on_a_connection_that_dies_is_received_once(
    server: Server, transport: Transport, method: Method, end: Reply
) -> None:
    """Aiohttp alone sends GET and PUT twice here (examples.md T3)."""
    server.reply(answer({}), end)
    await transport.send(request(method))
    with pytest.raises(Unknown):
        await transport.send(request(method))
    assert [each.connection for each in server.requests] == [1, 1]


async def test_the_next_connection_is_open_before_a_request_needs_it(server: Server, transport: Transport) -> None:
    server.reply(answer({}, headers={"Connection": "close"}), answer({}))
    await transport.send(request())
    await server.until_connections(2)
    assert len(server.requests) == 1
    await transport.send(request())
    assert [each.connection for each in server.requests] == [1, 2]


async def test_a_connection_that_was_never_used_is_not_replaced(server: Server, transport: Transport) -> None:
    server.hang_up_after = 1
    server.reply(answer({}, headers={"Connection": "close"}), answer({}))
    await transport.send(request())
    await server.until_connections(2)
    await transport.send(request())
    assert [each.connection for each in server.requests] == [1, 3]


async def test_a_connection_opened_ahead_is_the_one_that_is_used(server: Server, transport: Transport) -> None:
    await transport.open_connection()
    await transport.open_connection()
    server.reply(answer({}))
    await transport.send(request())
    assert (server.connections, server.requests[0].connection) == (1, 1)


async def test_what_goes_wrong_ahead_of_a_request_is_left_to_the_request() -> None:
    async with smart_server() as server:
        address = server.base_url
    async with open_transport(address, DEFAULT) as transport:
        await transport.open_connection()
        with pytest.raises(NotSent):
            await transport.send(request())


async def test_a_refused_connection_is_not_sent() -> None:
    async with smart_server() as server:
        address = server.base_url
    async with open_transport(address, DEFAULT) as transport:
        with pytest.raises(NotSent, match="no connection to the API"):
            await transport.send(request())


async def test_a_name_that_does_not_resolve_is_not_sent() -> None:
    async with open_transport("http://no-such-host.invalid", DEFAULT) as transport:
        with pytest.raises(NotSent, match="cannot be resolved"):
            await transport.send(request())


async def test_a_server_that_does_not_take_the_connection_is_not_sent_in_time(clock: MovedClock) -> None:
    """The handshake of TLS never comes: the connection is there, the request never left."""
    async with (
        smart_server() as server,
        open_transport(server.base_url.replace("http", "https"), DEFAULT) as transport,
    ):
        sending = asyncio.create_task(transport.send(request()))
        await server.until_connections(1)
        clock.advance(DEFAULT.connect_s)
        with pytest.raises(NotSent, match="no connection to the API in time"):
            await sending
    assert server.requests == []


async def test_a_pool_without_a_free_connection_is_not_sent(
    server: Server, transport: Transport, clock: MovedClock
) -> None:
    server.fallback = stall()
    async with asyncio.TaskGroup() as group:
        patient = request(timeout_s=DEFAULT.blocking_s)
        waiting = [group.create_task(transport.send(patient)) for _ in range(CONNECTION_LIMIT)]
        await server.until_requests(CONNECTION_LIMIT)
        sending = asyncio.create_task(transport.send(request()))
        await asyncio.sleep(0)
        clock.advance(DEFAULT.request_s)
        with pytest.raises(NotSent, match="in time"):
            await sending
        for task in waiting:
            task.cancel()
    assert len(server.requests) == CONNECTION_LIMIT


@pytest.mark.parametrize(
    "end",
    [
        cut(),
        reset(),
        cut(b"HTTP/1.1 200 OK\r\n"),
        cut(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id":'),
        cut(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"id":1\r\n'),
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnogz"),
        raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: no\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
        raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x81\x00"),
    ],
)
async def test_an_answer_that_breaks_off_or_makes_no_sense_is_unknown(
    server: Server, transport: Transport, end: Reply
) -> None:
    server.reply(end)
    try:
        came = await transport.send(request())
    except Unknown:
        came = None
    assert came is None or came.status == 101  # which the client takes for no answer, as any status but 200
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 OK\r\n", b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id":']
)
async def test_silence_at_any_point_of_an_answer_is_unknown_in_time(
    server: Server, transport: Transport, clock: MovedClock, beginning: bytes
) -> None:
    """The body is read inside the time-out too."""
    server.reply(stall(beginning))
    sending = asyncio.create_task(transport.send(request()))
    await server.until_requests(1)
    clock.advance(DEFAULT.request_s)
    with pytest.raises(Unknown, match="in time"):
        await sending


async def test_a_body_without_end_is_unknown_and_not_kept(server: Server, transport: Transport) -> None:
    server.reply(stall(http(200, b"x" * (LARGEST_BODY + 1))))
    with pytest.raises(Unknown, match="larger"):
        await transport.send(request())


async def test_a_body_of_the_largest_size_is_read(server: Server, transport: Transport) -> None:
    server.reply(raw(http(200, b"x" * LARGEST_BODY)))
    assert len((await transport.send(request())).body) == LARGEST_BODY


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(server: Server, transport: Transport, status: int) -> None:
    """A captive portal answers so; whatever it wants, it does not get the card number."""
    server.reply(answer({}, status, {"Location": "/login"}))
    assert status == (await transport.send(request("GET"))).status
    assert len(server.requests) == 1


async def test_a_cookie_is_not_kept(server: Server) -> None:
    """By a name, since aiohttp would not keep the cookie of a mere number in any case."""
    server.reply(answer({}, headers={"Set-Cookie": "session=1; Path=/"}), answer({}))
    async with open_transport(server.base_url.replace("127.0.0.1", "localhost"), DEFAULT) as transport:
        await transport.send(request())
        await transport.send(request())
    assert "cookie" not in server.requests[1].headers


async def test_a_connection_is_used_again(server: Server, transport: Transport) -> None:
    server.reply(answer({}), answer({}))
    await transport.send(request())
    await transport.send(request())
    assert [each.connection for each in server.requests] == [1, 1]


async def test_a_connection_whose_other_end_is_gone_costs_one_request_and_is_left(
    server: Server, transport: Transport
) -> None:
    """A router that was switched off says nothing: such a connection is open on our side alone."""
    server.reply(answer({}), stall(b""), answer({}))
    await transport.send(request())
    with pytest.raises(Unknown, match="in time"):
        await transport.send(request(timeout_s=0.5))
    await transport.send(request())
    assert [each.connection for each in server.requests] == [1, 1, 2]


async def settle() -> None:
    """Let what is ready run: more turns of the loop than a request needs."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_what_is_made_ready_stands_on_its_connection_until_it_may_leave(server: Server) -> None:
    heard: list[Heard] = []
    loop = asyncio.get_running_loop()
    server.reply(answer({}), answer({}))
    async with open_transport(server.base_url, DEFAULT, observer=heard.append) as transport:
        await transport.send(request())
        durable: asyncio.Future[float] = loop.create_future()
        sending = asyncio.create_task(transport.after(durable).send(request()))
        await settle()
        assert len(server.requests) == 1
        durable.set_result(left := loop.time())
        await sending
    assert [each.connection for each in server.requests] == [1, 1]
    assert heard[1].began == left


async def test_what_waits_for_a_slow_disk_is_sent_when_that_is_done(
    server: Server, transport: Transport, clock: MovedClock
) -> None:
    server.reply(answer({"said": "late"}))
    durable: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    sending = asyncio.create_task(transport.after(durable).send(request()))
    await server.until_connections(1)
    clock.advance(2 * DEFAULT.request_s)
    await settle()
    durable.set_result(asyncio.get_running_loop().time())
    assert (await sending).status == 200


async def test_the_time_of_what_was_made_ready_counts_from_when_it_may_leave(
    server: Server, transport: Transport, clock: MovedClock
) -> None:
    server.reply(stall(b""))
    durable: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    sending = asyncio.create_task(transport.after(durable).send(request()))
    await server.until_connections(1)
    clock.advance(0.6 * DEFAULT.request_s)
    durable.set_result(asyncio.get_running_loop().time())
    await server.until_requests(1)
    clock.advance(0.6 * DEFAULT.request_s)
    await settle()
    assert not sending.done()
    clock.advance(0.6 * DEFAULT.request_s)
    with pytest.raises(Unknown, match="in time"):
        await sending


async def test_a_request_that_is_given_up_leaves_the_disk_its_word(server: Server, transport: Transport) -> None:
    """Also in the moment in which the disk gives it."""
    loop, complaints = asyncio.get_running_loop(), list[object]()
    loop.set_exception_handler(lambda _loop, context: complaints.append(context))
    durable: asyncio.Future[float] = loop.create_future()
    sending = asyncio.create_task(transport.after(durable).send(request()))
    await server.until_connections(1)
    await settle()
    sending.cancel()
    durable.set_result(loop.time())
    with pytest.raises(asyncio.CancelledError):
        await sending
    await settle()
    assert complaints == []


async def test_what_is_made_ready_and_may_not_leave_is_not_sent(server: Server, transport: Transport) -> None:
    server.reply(answer({}))
    durable: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    sending = asyncio.create_task(transport.after(durable).send(request()))
    await server.until_connections(1)
    durable.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await transport.send(request())
    assert len(server.requests) == 1


async def test_a_connection_that_ends_under_what_was_made_ready_is_replaced(
    server: Server, transport: Transport
) -> None:
    exchanges: list[Exchange] = []

    async def answer_and_keep(exchange: Exchange) -> None:
        exchanges.append(exchange)
        await exchange.say(http(200, b"{}"))

    server.reply(answer_and_keep, answer({}))
    await transport.send(request())
    durable: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    sending = asyncio.create_task(transport.after(durable).send(request()))
    await settle()
    exchanges[0].writer.close()
    await server.until_connections(2)  # the next one: the agent has seen that this one has ended
    durable.set_result(0.0)
    assert (await sending).status == 200
    assert [each.connection for each in server.requests] == [1, 2]


async def test_a_second_answer_to_one_request_is_not_taken_for_the_answer_to_the_next(
    server: Server, transport: Transport
) -> None:
    """Aiohttp alone takes it, and from then on every answer is the one before."""
    exchanges: list[Exchange] = []

    async def answer_once(exchange: Exchange) -> None:
        exchanges.append(exchange)
        await exchange.say(http(200, b'{"answer": 1}'))

    server.reply(answer_once, answer({"answer": 2}))
    first = await transport.send(request())
    exchanges[0].writer.write(http(200, b'{"answer": "nobody asked"}'))  # arrives while the loop looks elsewhere
    second = await transport.send(request())
    assert [first.body, second.body] == [b'{"answer": 1}', b'{"answer": 2}']
    assert [each.connection for each in server.requests] == [1, 2]


@pytest.mark.parametrize("end", [cut(http(200, b"{}")), reset(http(200, b"{}"))])
async def test_a_connection_that_the_server_closed_after_its_answer_is_not_used_again(
    server: Server, transport: Transport, end: Reply
) -> None:
    """The next request goes out on a new connection, instead of being lost on the old one."""
    server.reply(end, answer({}))
    for _ in range(2):
        assert (await transport.send(request())).status == 200
    assert [each.connection for each in server.requests] == [1, 2]


async def test_a_server_that_talks_and_hangs_up_before_it_is_asked_ends_in_an_error() -> None:
    """Without trying again for ever: whether its words come before or after ours is up to the network."""
    connections = 0

    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        writer.write(b"421 too busy\r\n")
        writer.close()

    listener = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, open_transport(f"http://127.0.0.1:{port}", DEFAULT) as transport:
        with pytest.raises((NotSent, Unknown)):
            await transport.send(request())
    assert connections == 1


async def test_cancelling_a_request_is_not_swallowed(server: Server, transport: Transport) -> None:
    server.reply(stall())
    task = asyncio.create_task(transport.send(request()))
    await server.until_requests(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_aiohttp_announces_a_request_before_it_writes_its_first_byte(server: Server) -> None:
    """What *not sent* rests on."""
    announced, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_session: aiohttp.ClientSession, _context: SimpleNamespace, _event: object) -> None:
        announced.set()
        await go_on.wait()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(hold)
    server.reply(answer({}))
    async with aiohttp.ClientSession(trace_configs=[tracing]) as session:
        task = asyncio.create_task(session.post(server.base_url, data=b"{}"))
        await announced.wait()
        for _ in range(10):
            await asyncio.sleep(0)
        assert server.requests == []
        go_on.set()
        (await task).close()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "address",
    ["", "connect.secucard.com", "ftp://a.example", "https://", "https://a:b@c.example", "https://a.example?x"],
)
async def test_an_address_that_is_none_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        async with open_transport(address, DEFAULT):
            pass


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody knows, and its key."""
    directory = tmp_path_factory.mktemp("tls")
    make_certificate(directory)
    return directory


@pytest.fixture
async def tls_server(authority: Path) -> AsyncIterator[Server]:
    async with smart_server(served_with(authority)) as server:
        yield server


async def test_a_certificate_nobody_knows_is_not_sent(tls_server: Server) -> None:
    async with open_transport(tls_server.base_url, DEFAULT) as transport:
        with pytest.raises(NotSent, match="certificate"):
            await transport.send(request())
    assert tls_server.requests == []


def trusting(authority: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority / "ca.pem")


async def test_an_extra_authority_is_trusted(tls_server: Server, authority: Path) -> None:
    tls_server.reply(answer({}))
    async with open_transport(tls_server.base_url, DEFAULT, trust=trusting(authority)) as transport:
        assert (await transport.send(request())).status == 200


async def test_a_reset_after_a_request_over_tls_is_unknown(tls_server: Server, authority: Path) -> None:
    tls_server.reply(reset())
    async with open_transport(tls_server.base_url, DEFAULT, trust=trusting(authority)) as transport:
        with pytest.raises(Unknown):
            await transport.send(request())
