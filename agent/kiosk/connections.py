"""How many connections are open at one address: strangers who hold hundreds of them keep nobody else out.

When there is no room, the oldest connection on which no caller that we know is being answered gives way: a browser
opens another one when it needs it, and notices nothing. Event streams and calls under way stay.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

MOST_CONNECTIONS = 128
"""The event streams (32), the calls beside them, and some for each browser. A process may hold 1024 descriptors."""


class Connections:
    """The connections of one server. Called for each new one."""

    def __init__(self) -> None:
        self._answered: set[object] = set()

    @contextmanager
    def answering(self, request: web.Request) -> Iterator[None]:
        """A caller that we know is being answered: its connection stays."""
        self._answered.add(request.protocol)
        try:
            yield
        finally:
            self._answered.discard(request.protocol)

    def welcome(self, server: web.Server) -> asyncio.Protocol:
        """Return what serves a new connection."""
        too_many = len(server.connections) + 1 - MOST_CONNECTIONS
        if too_many <= 0:
            return server()
        giving_way = [each for each in server.connections if each not in self._answered][:too_many]
        for each in giving_way:
            _cut_off(each)
        return server() if len(giving_way) == too_many else _TurnedAway()


def _cut_off(connection: RequestHandler) -> None:
    if isinstance(connection.transport, asyncio.Transport):
        connection.transport.abort()


class _TurnedAway(asyncio.Protocol):
    """Closes what is connected to it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
