"""The simulated API behind a simulated line: as much of HTTP as this one client needs, and not a byte more.

The simulator's own server (aiohttp's) would do the same at twice the cost of a run. What is asked, struck by a fault
and answered is the simulator's; the client at the other end is aiohttp, whole.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web

from agent.simulator import wire
from agent.simulator.exchange import Exchange
from agent.simulator.tasks import Tasks

_HEAD_ENDS = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Arrived:
    """One request, whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    async def read(self) -> bytes:
        return self.body


class ApiConnection(asyncio.Protocol):
    """One connection of a client. A request that breaks off before it is whole has not arrived."""

    def __init__(self, exchange: Exchange, tasks: Tasks) -> None:
        self._exchange = exchange
        self._tasks = tasks
        self._received = bytearray()
        self._waiting: list[Arrived] = []
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (request := self._take()) is not None:
            self._waiting.append(request)
            if len(self._waiting) == 1:
                self._tasks.spawn(self._answer_all())

    def _take(self) -> Arrived | None:
        end = self._received.find(_HEAD_ENDS)
        if end < 0:
            return None
        request_line, *lines = self._received[:end].decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        whole = end + len(_HEAD_ENDS) + int(headers.get("content-length", 0))
        if len(self._received) < whole:
            return None
        body = bytes(self._received[end + len(_HEAD_ENDS) : whole])
        del self._received[:whole]
        method, target, _ = request_line.split(" ")
        path, _, query = target.partition("?")
        return Arrived(method=method, path=path, query=dict(parse_qsl(query)), headers=headers, body=body)

    async def _answer_all(self) -> None:
        while self._waiting:
            request = self._waiting[0]
            asks = self._exchange.at_the_portal if request.path == wire.PORTAL_PATH else self._exchange.answer
            self._write(await asks(request))
            del self._waiting[0]

    def _write(self, response: web.StreamResponse) -> None:
        if isinstance(response, wire.RawResponse):
            self._transport.write(response.raw)
        else:
            assert isinstance(response, web.Response)
            self._transport.write(_as_bytes(response))
        if isinstance(response, wire.ClosingResponse):
            self._transport.close()


def _as_bytes(response: web.Response) -> bytes:
    body = response.body if isinstance(response.body, bytes) else b""
    headers = [f"{name}: {value}" for name, value in response.headers.items() if name != "Content-Length"]
    lines = [f"HTTP/1.1 {response.status} {response.reason}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body
