"""A raw HTTP server on loopback for the tests of `agent/smart`: it says exactly what a test tells it to, or nothing.

A test scripts replies; each request takes the next one. What was asked is recorded as it came over the wire. Logins at
`/oauth/token` are answered from a script of their own, by default with a new token each time.
"""

import asyncio
import json
import ssl
import subprocess
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

Reply = Callable[["Exchange"], Awaitable[None]]


@dataclass(frozen=True)
class Recorded:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    connection: int  # counts the connections of the server

    @property
    def json(self) -> object:
        return json.loads(self.body)

    @property
    def token(self) -> str | None:
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token if scheme == "Bearer" else None


@dataclass(frozen=True)
class Exchange:
    """One request and the way back."""

    request: Recorded
    writer: asyncio.StreamWriter
    closed: asyncio.Event  # set when the test ends: a reply that waits for nothing waits for this

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()


@dataclass
class Server:
    """What a test scripts and looks at."""

    replies: deque[Reply] = field(default_factory=deque)
    logins: deque[Reply] = field(default_factory=deque)
    requests: list[Recorded] = field(default_factory=list)  # logins apart
    login_requests: list[Recorded] = field(default_factory=list)
    connections: int = 0
    hang_up_after: int | None = None  # the connection behind this one is closed at once
    base_url: str = ""
    listener: asyncio.Server | None = None
    connected: set[asyncio.Task[None]] = field(default_factory=set)
    fallback: Reply | None = None  # for every request without a scripted reply
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    def reply(self, *replies: Reply) -> None:
        self.replies.extend(replies)

    def login(self, *replies: Reply) -> None:
        self.logins.extend(replies)

    async def until_requests(self, count: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.requests) >= count)

    async def until_connections(self, count: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: self.connections >= count)

    async def until_logins(self, count: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.login_requests) >= count)

    async def stop(self) -> None:
        """Hang up on everybody and refuse every new connection. Raises what a test has done wrong."""
        assert self.listener is not None
        self.listener.close()
        self.closed.set()
        for task in self.connected:
            task.cancel()
        outcomes = await asyncio.gather(*self.connected, return_exceptions=True)
        await self.listener.wait_closed()
        for outcome in outcomes:
            if isinstance(outcome, AssertionError):
                raise outcome

    def next_reply(self, request: Recorded) -> Reply:
        if request.target.endswith("/oauth/token"):
            self.login_requests.append(request)
            return self.logins.popleft() if self.logins else answer(token(f"token{len(self.login_requests)}"))
        self.requests.append(request)
        if self.replies:
            return self.replies.popleft()
        if self.fallback is None:
            raise AssertionError(f"no reply is scripted for {request.method} {request.target}")
        return self.fallback


def token(value: str, expires_in: int = 1200) -> dict[str, object]:
    return {"access_token": value, "expires_in": expires_in, "token_type": "bearer", "scope": None}


def http(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a whole HTTP answer."""
    lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} Reason\r\n{head}\r\n".encode() + body


def answer(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Say this as JSON."""
    return raw(http(status, json.dumps(content).encode(), headers))


def raw(data: bytes) -> Reply:
    """Say these bytes and keep the connection open."""

    async def send(exchange: Exchange) -> None:
        await exchange.say(data)

    return send


def cut(data: bytes = b"") -> Reply:
    """Say these bytes and hang up."""

    async def send(exchange: Exchange) -> None:
        await exchange.say(data)
        exchange.writer.close()

    return send


def reset(data: bytes = b"") -> Reply:
    """Say these bytes and break the connection."""

    async def send(exchange: Exchange) -> None:
        await exchange.say(data)
        exchange.writer.transport.abort()

    return send


def stall(data: bytes = b"") -> Reply:
    """Say these bytes and then nothing more."""

    async def send(exchange: Exchange) -> None:
        await exchange.say(data)
        await exchange.closed.wait()

    return send


def wait_for(event: asyncio.Event, then: Reply) -> Reply:
    async def send(exchange: Exchange) -> None:
        await event.wait()
        await then(exchange)

    return send


def make_certificate(directory: Path) -> None:
    """Make a certificate for 127.0.0.1 that nobody knows, ca.pem, and its key."""
    request = "req -x509 -nodes -days 2 -subj /CN=127.0.0.1 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
    files = "-addext subjectAltName=IP:127.0.0.1 -keyout key.pem -out ca.pem"
    subprocess.run(["openssl", *request.split(), *files.split()], cwd=directory, check=True, capture_output=True)


def served_with(directory: Path) -> ssl.SSLContext:
    """Return what a server needs to serve with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(directory / "ca.pem", directory / "key.pem")
    return context


@asynccontextmanager
async def smart_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Serve on a free port until the block ends; then everything that still waits is broken off."""
    server = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        async with server.arrived:
            server.arrived.notify_all()
        if server.connections - 1 == server.hang_up_after:
            writer.close()
            return
        await _serve(server, server.connections, reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        task.add_done_callback(lambda _: writer.close())  # also where it ended before it began
        server.connected.add(task)
        if server.closed.is_set():  # it came while the server was stopped
            task.cancel()

    server.listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    port = server.listener.sockets[0].getsockname()[1]
    server.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
    try:
        yield server
    finally:
        await server.stop()


async def _serve(server: Server, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while request := await _read_request(reader, connection):
            reply = server.next_reply(request)
            async with server.arrived:
                server.arrived.notify_all()
            await reply(Exchange(request, writer, server.closed))
    except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
        pass  # the client hung up: it says itself what it makes of that
    finally:
        writer.close()


async def _read_request(reader: asyncio.StreamReader, connection: int) -> Recorded | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Recorded(method, target, headers, body, connection)
