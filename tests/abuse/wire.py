"""Bytes to a target and what comes back, without a client that puts right what it sends."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from socket import socket
from typing import cast

from multidict import CIMultiDict

from tests.abuse.target import Target

ANSWER_S = 5.0
"""A refusal takes milliseconds; what says nothing for so long has not understood that it was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """Everything that came back on one connection, and whether it was closed then."""

    answers: tuple[Answer, ...]
    closed: bool


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    context = None
    if target.is_tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # who it is does not matter here
    reader, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def send(target: Target, data: bytes, within_s: float = ANSWER_S) -> Reply:
    """Send these bytes on a connection of their own, and read until it is closed, at most so long."""
    async with connected(target) as (reader, writer):
        with suppress(ConnectionError):
            writer.write(data)
        return await read_all(reader, within_s)


async def read_all(reader: asyncio.StreamReader, within_s: float) -> Reply:
    received = bytearray()
    with suppress(ConnectionError):
        try:
            async with asyncio.timeout(within_s):
                while part := await reader.read(1 << 16):
                    received += part
        except TimeoutError:
            return Reply(tuple(_answers(bytes(received))), closed=False)
    return Reply(tuple(_answers(bytes(received))), closed=True)


class _Received(BytesIO):
    """Stands for a socket; one answer's end does not close it for the next."""

    def makefile(self, _mode: str) -> "_Received":
        return self

    def close(self) -> None:
        pass


def _answers(received: bytes) -> list[Answer]:
    """Read one answer behind the other. What is no HTTP answer is none."""
    stream, answers = _Received(received), list[Answer]()
    while stream.tell() < len(received):
        response = HTTPResponse(cast(socket, stream))  # noqa: TC006 - it asks for nothing but makefile
        try:
            response.begin()
            body = response.read()
        except HTTPException:
            break
        answers.append(Answer(response.status, CIMultiDict(response.getheaders()), body))
    return answers
