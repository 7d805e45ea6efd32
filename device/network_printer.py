"""A receipt printer that takes bytes on a TCP port, usually 9100.

A receipt counts as printed when the printer has acknowledged its last byte. What it has not by then is taken back by
resetting the connection: the kernel would otherwise go on sending it for minutes, to a printer that was switched on
again meanwhile.
"""

import asyncio
import contextlib
import fcntl
import socket
import struct
import termios
from collections.abc import AsyncIterator
from dataclasses import dataclass

from device.interface import PrintInterrupted
from device.printer import ANSWER_S, STALL_S, Judge
from device.reconnect import Unavailable

CONNECT_TIMEOUT_S = 5.0
"""A printer in the same house answers in milliseconds; one that is busy with another host's receipt takes seconds."""
RETRY_S = 5.0
"""A printer that is switched on takes some seconds to start; asking more often would only load the network."""
DRAIN_POLL_S = 0.01  # the kernel sets no event for the last acknowledgement
LONGEST_ANSWER = 64  # bytes: the status, and what else the printer sends by itself
RESET = struct.pack("ii", 1, 0)  # struct linger: closing drops what was not sent


@dataclass(frozen=True, slots=True)
class NetworkPrinterTalk:
    """How a network printer is talked to: see device.printer.Talk."""

    host: str
    port: int
    stall_s: float = STALL_S
    answer_s: float = ANSWER_S

    async def __call__(self, question: bytes, receipt: bytes, judge: Judge) -> None:
        async with self._connected() as (reader, writer):
            judge(await self._answer(question, reader, writer))
            if receipt:
                await self._send(receipt, writer)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        where = f"{self.host} port {self.port}"
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(self.host, self.port)
        except TimeoutError:
            raise Unavailable("missing", f"the printer does not answer at {where}: switch it on") from None
        except OSError as error:
            reason = f"the printer cannot be reached at {where} ({error.strerror or error}): switch it on"
            raise Unavailable("missing", f"{reason}, or correct [printer] address") from error
        try:
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, question: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Return the first thing that comes back; nothing where nothing comes."""
        if not question:
            return b""
        try:
            async with asyncio.timeout(self.answer_s):
                writer.write(question)
                return await reader.read(LONGEST_ANSWER)
        except (TimeoutError, OSError):
            return b""

    async def _send(self, receipt: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(self.stall_s):
                writer.transport.set_write_buffer_limits(high=0)
                writer.write(receipt)
                await writer.drain()
                while _unacknowledged(writer):  # noqa: ASYNC110 - the kernel sets no event
                    await asyncio.sleep(DRAIN_POLL_S)
        except OSError as error:  # TimeoutError is one
            why = "took only a part of the receipt" if isinstance(error, TimeoutError) else "was lost while it printed"
            raise PrintInterrupted(f"the printer {why}; the rest was dropped") from error
        finally:
            if writer.transport.get_write_buffer_size() or _unacknowledged(writer):
                _reset(writer)


def _unacknowledged(writer: asyncio.StreamWriter) -> int:
    """Bytes that the printer has not acknowledged (SIOCOUTQ, which is the number of TIOCOUTQ)."""
    connection: socket.socket = writer.get_extra_info("socket")
    if connection.fileno() < 0:  # lost, and closed by the transport
        return 0
    return int(struct.unpack("i", fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4)))[0])


def _reset(writer: asyncio.StreamWriter) -> None:
    connection: socket.socket = writer.get_extra_info("socket")
    if connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()
