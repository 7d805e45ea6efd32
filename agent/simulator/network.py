"""Where connections come from: a TCP port of this machine, with TLS if asked, that can refuse for a while.

A simulation of faults that replaces the network brings its own `Network` and needs no socket.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from agent.simulator.tasks import Tasks

_log = logging.getLogger("tillwire.simulator")

_HANDSHAKE_TIMEOUT_SECONDS: Final = 30.0  # a client that never shakes hands does not hold a socket for ever
_ACCEPT_PAUSE_SECONDS: Final = 0.1  # a condition that does not go away at once does not keep a core busy
_BACKLOG: Final = 128

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
Connecting = Callable[[], Awaitable[None]]
"""Awaited for each new connection before it is served (and before its TLS handshake)."""


class Network(Protocol):
    """Serves each connection with a protocol of its own."""

    @property
    def base_url(self) -> str: ...

    def open(self, factory: ProtocolFactory, connecting: Connecting) -> None:
        """Accepts connections from now on."""

    def refuse(self) -> None:
        """Refuses new connections from now on; the address stays taken."""

    def disconnect(self) -> None:
        """Closes the connections there are, once what was written to them is sent."""

    def accept(self) -> None:
        """Accepts connections again."""

    async def close(self) -> None: ...


class TcpNetwork:
    """A port of one address. A second socket keeps the port while connections are refused. Raises OSError."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._keeper = _bound(host, port)
        self._address: tuple[str, int] = self._keeper.getsockname()[:2]
        self._listener: socket.socket | None = None
        self._serving = Tasks()
        self._transports: set[asyncio.BaseTransport] = set()

    @property
    def base_url(self) -> str:
        host, port = self._address
        named = f"[{host}]" if ":" in host else host
        return f"{'https' if self._tls else 'http'}://{named}:{port}"

    def open(self, factory: ProtocolFactory, connecting: Connecting) -> None:
        self._factory = factory
        self._connecting = connecting
        self.accept()

    def accept(self) -> None:
        if self._listener is None:
            self._listener = _bound(*self._address)
            self._listener.listen(_BACKLOG)
            self._watch(self._listener)

    def refuse(self) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def disconnect(self) -> None:
        self._serving.cancel()
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    async def close(self) -> None:
        self.refuse()
        self.disconnect()
        await self._serving.end()
        self._keeper.close()

    def _watch(self, listener: socket.socket) -> None:
        if listener is self._listener:
            asyncio.get_running_loop().add_reader(listener, self._accept, listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:  # out of descriptors: pause, or the loop would spin
            _log.warning("connections can't be accepted: %s", error.strerror)
            loop = asyncio.get_running_loop()
            loop.remove_reader(listener)
            loop.call_later(_ACCEPT_PAUSE_SECONDS, self._watch, listener)
            return
        connection.settimeout(0)
        self._serving.spawn(self._serve(connection))

    async def _serve(self, connection: socket.socket) -> None:
        timeout = _HANDSHAKE_TIMEOUT_SECONDS if self._tls else None
        try:
            await self._connecting()
            transport, _ = await asyncio.get_running_loop().connect_accepted_socket(
                self._factory, connection, ssl=self._tls, ssl_handshake_timeout=timeout
            )
        except OSError as error:  # the client went away, or did not trust our CA
            _log.info("connection not served: %s", error)
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
        else:
            self._transports = {each for each in self._transports if not each.is_closing()} | {transport}


def _bound(host: str, port: int) -> socket.socket:
    """A socket bound to the address, not listening. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.settimeout(0)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
