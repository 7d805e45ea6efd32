"""A disk that forgets what was not flushed when its current is cut: an NBD server, asked by QEMU.

Written against the NBD protocol (github.com/NetworkBlockDevice/nbd, doc/proto.md): fixed newstyle negotiation with
NBD_OPT_GO, simple replies. What is written lies over a raw disk that is never changed.
"""

import asyncio
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from enum import IntEnum
from pathlib import Path

BLOCK_BYTES = 4096
_MAGIC, _OPTION_MAGIC, _OPTION_REPLY_MAGIC = b"NBDMAGIC", b"IHAVEOPT", 0x3E889045565A9
_REQUEST_MAGIC, _REPLY_MAGIC = 0x25609513, 0x67446698
_FIXED_NEWSTYLE, _HAS_FLAGS_AND_FLUSH = 1, 1 | 4
_OPT_GO, _REP_ACK, _REP_INFO, _REP_ERR_UNSUP = 7, 1, 3, 1 << 31 | 1
_INFO_EXPORT = 0


class _Command(IntEnum):
    READ = 0
    WRITE = 1
    DISC = 2
    FLUSH = 3


class ForgetfulDisk:
    """One disk, and the connection of one machine at a time."""

    def __init__(self, below: Path, socket: Path) -> None:
        self._below = os.open(below, os.O_RDONLY | os.O_CLOEXEC)
        self._bytes = below.stat().st_size
        self._socket = socket
        self._flushed: dict[int, bytes] = {}
        self._written: dict[int, bytes] = {}
        self._stop_at: int | None = None
        self._stops_before = False
        self._stopped = asyncio.Event()

    @property
    def as_drive(self) -> str:
        """QEMU's words for it."""
        return f"file.driver=nbd,file.server.type=unix,file.server.path={self._socket},format=raw"

    # The current

    def stop_at_flush(self, number: int, *, before: bool) -> None:
        """Stand still at a flush from now on, 1 for the next: before it is carried out, or before it is answered."""
        self._stop_at, self._stops_before = number, before

    async def stopped(self) -> None:
        """Wait until the disk stands still."""
        await self._stopped.wait()

    def forget(self) -> None:
        """Forget what was not flushed."""
        self._written.clear()

    def start_again(self) -> None:
        self._stop_at = None
        self._stopped.clear()

    # The protocol

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._negotiate(reader, writer)
                await self._transmit(reader, writer)
        finally:
            writer.close()

    async def _negotiate(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(_MAGIC + _OPTION_MAGIC + struct.pack(">H", _FIXED_NEWSTYLE))
        await reader.readexactly(4)
        while True:
            _, option, length = struct.unpack(">8sII", await reader.readexactly(16))
            await reader.readexactly(length)
            if option == _OPT_GO:
                export = struct.pack(">HQH", _INFO_EXPORT, self._bytes, _HAS_FLAGS_AND_FLUSH)
                writer.write(struct.pack(">QIII", _OPTION_REPLY_MAGIC, option, _REP_INFO, len(export)) + export)
                writer.write(struct.pack(">QIII", _OPTION_REPLY_MAGIC, option, _REP_ACK, 0))
                return
            writer.write(struct.pack(">QIII", _OPTION_REPLY_MAGIC, option, _REP_ERR_UNSUP, 0))

    async def _transmit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            magic, _, command, cookie, offset, length = struct.unpack(">IHHQQI", await reader.readexactly(28))
            if magic != _REQUEST_MAGIC or command == _Command.DISC:
                return
            reply = struct.pack(">IIQ", _REPLY_MAGIC, 0, cookie)
            match _Command(command):
                case _Command.READ:
                    reply += self._read(offset, length)
                case _Command.WRITE:
                    self._write(offset, await reader.readexactly(length))
                case _Command.FLUSH:
                    await self._flush()
            writer.write(reply)
            await writer.drain()

    # The blocks

    def _read(self, offset: int, length: int) -> bytes:
        first, last = offset // BLOCK_BYTES, (offset + length - 1) // BLOCK_BYTES
        raw = bytearray(os.pread(self._below, (last - first + 1) * BLOCK_BYTES, first * BLOCK_BYTES))
        for block in range(first, last + 1):
            if (over := self._written.get(block) or self._flushed.get(block)) is not None:
                place = (block - first) * BLOCK_BYTES
                raw[place : place + BLOCK_BYTES] = over
        begin = offset - first * BLOCK_BYTES
        return bytes(raw[begin : begin + length])

    def _write(self, offset: int, data: bytes) -> None:
        first, last = offset // BLOCK_BYTES, (offset + len(data) - 1) // BLOCK_BYTES
        whole = bytearray(self._read(first * BLOCK_BYTES, (last - first + 1) * BLOCK_BYTES))
        begin = offset - first * BLOCK_BYTES
        whole[begin : begin + len(data)] = data
        for block in range(first, last + 1):
            place = (block - first) * BLOCK_BYTES
            self._written[block] = bytes(whole[place : place + BLOCK_BYTES])

    async def _flush(self) -> None:
        if self._stop_at is not None:
            self._stop_at -= 1
        stops = self._stop_at == 0
        if not (stops and self._stops_before):
            self._flushed |= self._written
            self._written.clear()
        if stops:
            self._stopped.set()
            await asyncio.get_running_loop().create_future()  # until the machine that asked is gone

    def close(self) -> None:
        os.close(self._below)


@asynccontextmanager
async def forgetful_disk(below: Path, socket: Path) -> AsyncIterator[ForgetfulDisk]:
    """Serve a disk that begins as the raw file below, until the end of the block."""
    disk = ForgetfulDisk(below, socket)
    connections: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.create_task(disk.serve(reader, writer)))

    server = await asyncio.start_unix_server(connected, socket)
    try:
        yield disk
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        disk.close()
