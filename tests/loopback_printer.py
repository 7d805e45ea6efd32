"""A network printer for tests: the simulated firmware of an ESC/POS printer behind a TCP port, and its faults."""

import asyncio
import socket
from types import TracebackType
from typing import Self

from device.simulated_firmware import EscposFirmware, Switch

TURNS_OF_AN_ACCEPTED_CONNECTION = 5  # of the event loop, until it is made, and until one that is aborted is closed
SMALL_BUFFER = 4096  # bytes: so that a printer that takes nothing is noticed before a receipt ends


class LoopbackPrinter:
    """A printer on this machine. An async context manager: switched on inside."""

    def __init__(self) -> None:
        self.firmware = EscposFirmware()
        self.offline = False
        self.silent = False  # it takes what comes and never answers
        self.stalled = False  # it takes nothing after the question
        self.port = 0
        self.talks = 0
        self.resets = 0
        self.closed = asyncio.Event()
        self._connections: set[asyncio.Transport] = set()

    async def __aenter__(self) -> Self:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        listening.bind(("127.0.0.1", self.port))
        self.port = listening.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(lambda: _Talk(self), sock=listening)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for _ in range(TURNS_OF_AN_ACCEPTED_CONNECTION):
            await asyncio.sleep(0)
            for connection in self._connections:
                connection.abort()
        await self._server.wait_closed()

    @property
    def printed(self) -> bytes:
        return bytes(self.firmware.printed)

    def close_cover(self) -> None:
        """Whatever lies in its buffer is printed now."""
        self.offline = False
        self.firmware.moved(self.switch)

    def take_again(self) -> None:
        """The jam is cleared: what the network has kept for it comes in."""
        self.stalled = False
        for connection in self._connections:
            connection.resume_reading()

    @property
    def switch(self) -> Switch:
        return Switch(high=False, offline=self.offline)


class _Talk(asyncio.Protocol):
    def __init__(self, printer: LoopbackPrinter) -> None:
        self._printer = printer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._printer.talks += 1
        self._printer._connections.add(transport)  # noqa: SLF001 - one thing in two classes

    def data_received(self, data: bytes) -> None:
        printer = self._printer
        acts = printer.firmware.receive(data, printer.switch)
        if acts.answer and not printer.silent:
            self._transport.write(acts.answer)
        if printer.stalled:
            self._transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._printer._connections.discard(self._transport)  # noqa: SLF001 - likewise
        self._printer.resets += isinstance(error, ConnectionResetError)
        self._printer.closed.set()
