"""The till's network cable: between the agent and the simulated API, to be pulled, and to be slow."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

CHUNK_BYTES = 64 * 1024
SLOW_S = 3.0
"""What people call a slow network: every request takes so much longer, and no time-out is reached."""


class NetworkCable:
    """Forwards connections to the API. An async context manager: plugged in inside."""

    def __init__(self, api_url: str) -> None:
        parts = urlsplit(api_url)
        self._api = parts.hostname, parts.port
        self._port = 0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.is_slow = False

    async def __aenter__(self) -> Self:
        await self.plug_in()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.pull()

    @property
    def url(self) -> str:
        """Where the agent finds the API."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def is_plugged_in(self) -> bool:
        return self._server is not None

    async def plug_in(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def pull(self) -> None:
        """Connections end, and new ones are refused."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        await asyncio.sleep(0)  # what was just accepted begins, and is known
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward in a task of ours: asyncio 3.11 reports one of its own that is cancelled as an error."""
        forwarding = asyncio.create_task(self._forward(reader, writer))
        self._connections.add(forwarding)
        forwarding.add_done_callback(self._connections.discard)
        forwarding.add_done_callback(lambda _: writer.close())

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(*self._api)
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, back))
                    both.create_task(self._pump(there, writer))
            finally:
                back.close()
        except* OSError:
            pass  # one of both ends went away

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if self.is_slow:
                await asyncio.sleep(SLOW_S / 2)  # there, and back again
            writer.write(data)
            await writer.drain()
        with suppress(OSError):
            writer.write_eof()
