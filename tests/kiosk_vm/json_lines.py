"""How QEMU (QMP) and its guest agent are asked: lines of JSON over a Unix socket."""

import asyncio
import json
from pathlib import Path
from typing import Self

from tests.kiosk_vm.within import within

ANSWER_S = 120.0
"""QEMU answers at once, the guest agent when the system inside has a moment."""
LONGEST_LINE = 16 << 20


class MachineError(Exception):
    """QEMU or the system inside refused. The text says what."""


class JsonLines:
    """One question and its answer at a time, over a Unix socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    @classmethod
    async def connect(cls, path: Path) -> Self:
        return cls(*await asyncio.open_unix_connection(path, limit=LONGEST_LINE))

    async def ask(self, name: str, **arguments: object) -> object:
        """Return what a command answers. Raises MachineError."""
        async with self._turn, within(ANSWER_S, lambda: f"the answer to {name}"):
            self._writer.write(json.dumps({"execute": name, "arguments": arguments}).encode() + b"\n")
            return await self._answer(name)

    async def synchronise(self) -> None:
        """Wait until a guest agent listens at the other end, however long it takes to come up."""
        async with self._turn:
            mark = id(self)
            question = {"execute": "guest-sync-delimited", "arguments": {"id": mark}}
            self._writer.write(json.dumps(question).encode() + b"\n")
            while await self._answer("guest-sync-delimited") != mark:
                pass

    async def _answer(self, name: str) -> object:
        while True:
            line = await self._reader.readline()
            if not line:
                raise MachineError(f"{name}: the machine is off")
            told = json.loads(line.lstrip(b"\xff"))
            if "error" in told:
                raise MachineError(f"{name}: {told['error'].get('desc')}")
            if "return" in told:
                return told["return"]

    def close(self) -> None:
        self._writer.close()
