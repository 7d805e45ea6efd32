"""The TLS end of the API in a process of its own: notes when each request arrives, and passes everything on.

Started as `python -m tests.bench.front UPSTREAM_PORT DIRECTORY DELAY_MS`. It prints its port, then a line for each
request: the arrival in nanoseconds of the monotonic clock, a space, the request line. What has no upstream (port 0) is
answered here. A round trip is made by holding back every piece of TCP for half of it in each direction; only the
opening of a connection itself takes no time, so that a new connection costs one round trip less than on a real line.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from agent.simulator.certificates import server_context

METHODS = (b"GET ", b"POST ", b"PUT ")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
CLOSE = "CLOSE"
"""What the driver writes to close every connection that waits, as a server does with one that is idle."""


class Noting(asyncio.Protocol):
    """One connection with TLS: what comes is noted and passed on."""

    def __init__(self, upstream_port: int, open_connections: set["Noting"]) -> None:
        self._upstream_port = upstream_port
        self._open = open_connections
        self._upstream: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._waiting: list[bytes] = []
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._open.add(self)
        if self._upstream_port:
            self._opening = asyncio.get_running_loop().create_task(self._open_upstream())

    def data_received(self, data: bytes) -> None:
        if data.startswith(METHODS):
            arrived = time.monotonic_ns()
            sys.stdout.write(f"{arrived} {data.split(b' HTTP', 1)[0].decode()}\n")
            sys.stdout.flush()
        if not self._upstream_port:
            self.transport.write(ANSWER)
        elif self._upstream is None:
            self._waiting.append(data)
        else:
            self._upstream.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        if self._upstream is not None:
            self._upstream.close()

    async def _open_upstream(self) -> None:
        loop = asyncio.get_running_loop()
        upstream, _ = await loop.create_connection(partial(Pass, self.transport), "127.0.0.1", self._upstream_port)
        upstream.writelines(self._waiting)
        self._upstream = upstream


class Pass(asyncio.Protocol):
    """Passes what comes from one side to the other, after half a round trip."""

    def __init__(self, other: asyncio.Transport, delay_s: float = 0.0) -> None:
        self._other = other
        self._delay_s = delay_s

    def data_received(self, data: bytes) -> None:
        self._then(lambda: self._other.write(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._then(self._other.close)

    def _then(self, act: Callable[[], None]) -> None:
        if self._delay_s:
            asyncio.get_running_loop().call_later(self._delay_s, act)
        else:
            act()


class Line(asyncio.Protocol):
    """A slow line: one connection from the agent, passed on to the TLS end."""

    def __init__(self, port: int, delay_s: float) -> None:
        self._port = port
        self._delay_s = delay_s
        self._opening: asyncio.Task[None] | None = None
        self._pass: Pass | None = None
        self._waiting: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._opening = asyncio.get_running_loop().create_task(self._open(transport))

    def data_received(self, data: bytes) -> None:
        if self._pass is None:
            self._waiting.append(data)
        else:
            self._pass.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._pass is not None:
            self._pass.connection_lost(exc)

    async def _open(self, transport: asyncio.Transport) -> None:
        loop = asyncio.get_running_loop()
        other, _ = await loop.create_connection(partial(Pass, transport, self._delay_s), "127.0.0.1", self._port)
        self._pass = Pass(other, self._delay_s)
        for data in self._waiting:
            self._pass.data_received(data)


async def main(upstream_port: int, directory: Path, delay_ms: float) -> None:
    loop = asyncio.get_running_loop()
    tls = await server_context(directory)
    connections: set[Noting] = set()
    server = await loop.create_server(partial(Noting, upstream_port, connections), "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    if delay_ms:
        line = await loop.create_server(partial(Line, port, delay_ms / 2000), "127.0.0.1", 0)
        port = line.sockets[0].getsockname()[1]
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while (await reader.readline()).decode().strip() == CLOSE:
        for connection in tuple(connections):
            connection.transport.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])))
