"""How many connections are open at one address: strangers who hold hundreds of them keep nobody else out.

A connection counts from the accept on until its descriptor is closed, its TLS handshake included. When there is no
room, the oldest connection on which no caller that we know is being answered gives way: a browser opens another one
when it needs it, and notices nothing. Event streams and calls under way stay.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

MOST_CONNECTIONS = 128
"""The event streams (32), the calls beside them, and some for each browser. Where no unit raises it, a process may hold
1024 descriptors."""
HANDSHAKE_TIMEOUT_S = 5.0
"""Two round trips from this machine or the next, and milliseconds of arithmetic; one lost packet is sent again after a
second."""


class Connections:
    """The connections of one server."""

    def __init__(self) -> None:
        self._answered: set[object] = set()
        self._open: dict[RequestHandler, asyncio.Transport] = {}  # the oldest first, by what is below any TLS
        self._handshakes: set[asyncio.Task[None]] = set()

    @contextmanager
    def answering(self, request: web.Request) -> Iterator[None]:
        """A caller that we know is being answered: its connection stays."""
        self._answered.add(request.protocol)
        try:
            yield
        finally:
            self._answered.discard(request.protocol)

    def welcome(self, server: web.Server, tls: ssl.SSLContext | None) -> asyncio.Protocol:
        """Return what serves a new connection, which carries nothing yet: TLS begins here."""

        def accepted(transport: asyncio.Transport) -> None:
            if not self._make_room():
                transport.abort()
                return
            handler = server()
            self._open[handler] = transport
            if tls is None:
                _hand_over(transport, handler, b"")
            else:
                transport.pause_reading()  # what comes from here on is for TLS
                self._begin(_shake_hands(transport, handler, tls))

        return _Accepted(accepted)

    async def end_handshakes(self) -> None:
        for handshake in self._handshakes:
            handshake.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _make_room(self) -> bool:
        """Say whether one more may come, once an older one was cut off where that is needed."""
        self._open = {handler: transport for handler, transport in self._open.items() if _has_descriptor(transport)}
        if len(self._open) < MOST_CONNECTIONS:
            return True
        oldest = next((handler for handler in self._open if handler not in self._answered), None)
        if oldest is not None:
            self._open.pop(oldest).abort()
        return oldest is not None

    def _begin(self, handshake: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(handshake)
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)


class _Accepted(asyncio.Protocol):
    """Tells what a connection is carried by, and has no part in it any more."""

    def __init__(self, accepted: Callable[[asyncio.Transport], None]) -> None:
        self._accepted = accepted

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._accepted(transport)


class _Early(asyncio.Protocol):
    """Keeps what came together with the end of the handshake: at most what one read of the socket gives."""

    def __init__(self) -> None:
        self.received = bytearray()

    def data_received(self, data: bytes) -> None:
        self.received += data


async def _shake_hands(transport: asyncio.Transport, handler: RequestHandler, tls: ssl.SSLContext) -> None:
    early = _Early()
    try:
        secured = await asyncio.get_running_loop().start_tls(
            transport, early, tls, server_side=True, ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S
        )
    except OSError:  # it speaks no TLS, takes too long or went away: the connection is closed
        return
    if secured is not None:  # where it was cut off meanwhile
        _hand_over(secured, handler, bytes(early.received))


def _hand_over(transport: asyncio.Transport, handler: RequestHandler, received: bytes) -> None:
    transport.set_protocol(handler)
    handler.connection_made(transport)
    if received:
        handler.data_received(received)


def _has_descriptor(transport: asyncio.Transport) -> bool:
    """A transport that is closed holds its socket until the rest is written, or TLS is taken leave of."""
    return bool(transport.get_extra_info("socket").fileno() >= 0)
