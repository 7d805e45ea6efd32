"""Where the local interface listens: one address for screens and registers, and the control socket for the commands.

Both answer the same calls. Who reaches the control socket is an operator: its file is for the service's own user.
"""

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from agent.kiosk.access import LOOPBACK_HOSTS, Door
from agent.kiosk.app import build_app
from agent.kiosk.connections import Connections
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.rate_limit import Rate, RateLimit
from agent.kiosk.roles import Role
from agent.kiosk.static_files import StaticFile, page_files

REQUEST_TIMEOUT_S = 30.0
"""A request is some kilobytes from this machine or the next: what is not here by then is not coming. Over TCP whoever
takes nothing of an answer for so long is cut off, too."""
SHUTDOWN_S = 0.3
"""For requests under way when the agent stops; aiohttp takes it twice, and SIGTERM must not take two seconds."""
LINGERING_S = 1.0
"""So long the rest of a refused body is read, so that its sender sees the refusal and not a broken connection."""
MOST_HEADERS = 64
_CALLERS_DOING = (HttpProcessingError, web.RequestPayloadError, ConnectionError)
CONTROL_MODE = 0o600
SCREEN_MODE = 0o660
"""Whoever may open the screen's socket still needs a token."""

Welcome = Callable[[ssl.SSLContext | None], asyncio.Protocol]
"""What is called for each new connection, with what secures it."""
Listening = TypeVar("Listening", asyncio.Server, socket.socket)


class CannotListen(Exception):
    """The address is taken or not ours. The text says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KioskSettings:
    """What the configuration says to the local interface. `listen`: host and port, or the path of a Unix socket."""

    listen: tuple[str, int] | Path
    control_socket: Path
    allowed_origins: frozenset[str] = frozenset()
    allowed_hosts: frozenset[str] = frozenset()
    tls: ssl.SSLContext | None = None
    page: bool = True
    request_timeout_s: float = REQUEST_TIMEOUT_S
    rate: Rate = field(default_factory=Rate)


@asynccontextmanager
async def serve(kiosk: Kiosk, settings: KioskSettings) -> AsyncIterator[str | None]:
    """Listen while inside; at the end every stream is ended first. Raises CannotListen.

    Yields the address that a browser would open; None on a Unix socket.
    """
    files = await asyncio.to_thread(page_files, settings.allowed_origins) if settings.page else []
    async with AsyncExitStack() as stack:
        control = Door(hosts=None, request_timeout_s=settings.request_timeout_s, everyone=Role.OPERATOR)
        welcome = await stack.enter_async_context(_running(kiosk, control, files, None))
        await stack.enter_async_context(_at_socket_file(welcome, settings.control_socket, CONTROL_MODE))
        limit = RateLimit(settings.rate, asyncio.get_running_loop().time)
        welcome = await stack.enter_async_context(_running(kiosk, _door(settings), files, limit))
        url = None
        if isinstance(settings.listen, Path):
            await stack.enter_async_context(_at_socket_file(welcome, settings.listen, SCREEN_MODE))
        else:
            port = await stack.enter_async_context(_at_port(welcome, settings.listen, settings))
            url = _url(settings.listen[0], port, settings)
        kiosk.page_url = url if settings.page else None
        stack.callback(kiosk.stream.end)
        yield url


def _door(settings: KioskSettings) -> Door:
    if isinstance(settings.listen, Path):
        return Door(hosts=None, request_timeout_s=settings.request_timeout_s, origins=settings.allowed_origins)
    return Door(
        request_timeout_s=settings.request_timeout_s,
        hosts=LOOPBACK_HOSTS | settings.allowed_hosts | {_bracketed(settings.listen[0])},
        origins=settings.allowed_origins,
        scheme="https" if settings.tls else "http",
    )


@asynccontextmanager
async def _running(
    kiosk: Kiosk, door: Door, files: Sequence[StaticFile], limit: RateLimit | None
) -> AsyncIterator[Welcome]:
    """Serve what connects: yields what is to be called for each connection."""
    connections = Connections()
    runner = web.AppRunner(
        build_app(kiosk, door, files, limit, connections),
        access_log=None,
        logger=_quiet_logger(),
        handler_cancellation=True,  # a reader that goes away makes room at once
        auto_decompress=False,
        keepalive_timeout=door.request_timeout_s,  # also for the headers of a request, the first one included
        lingering_time=LINGERING_S,
        max_headers=MOST_HEADERS,
        shutdown_timeout=SHUTDOWN_S,
    )
    await runner.setup()
    try:
        if runner.server is None:
            raise AssertionError("set up, and no server")
        yield partial(connections.welcome, runner.server)
    finally:
        await connections.end_handshakes()
        await runner.cleanup()


def _quiet_logger() -> logging.Logger:
    """A logger for aiohttp, which would log what is no HTTP with the bytes that came, and they may be a token."""
    logger = logging.getLogger("tillwire.kiosk.http")
    if _without_content not in logger.filters:
        logger.addFilter(_without_content)
    return logger


def _without_content(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, _CALLERS_DOING):
        text = "a request could not be read, or its answer not be written: %s"
        record.msg, record.args = text, (type(error).__name__,)
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True


@asynccontextmanager
async def _at_port(welcome: Welcome, address: tuple[str, int], settings: KioskSettings) -> AsyncIterator[int]:
    """Listen, and yield the port: another one than was asked for where that was 0."""
    host, port = address
    serving = partial(welcome, settings.tls)
    try:
        server = await _started(asyncio.get_running_loop().create_server(serving, host, port))
    except OSError as error:
        raise CannotListen(f"cannot listen on {_bracketed(host)}:{port}: {error.strerror or error}") from None
    with closing(server):
        for listening in server.sockets:  # what is accepted there inherits it (tcp(7))
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(settings.request_timeout_s * 1000))
        yield server.sockets[0].getsockname()[1]


async def _started(start: Coroutine[None, None, Listening]) -> Listening:
    """Start to listen whole, also when the agent is stopped meanwhile: half a start leaves an open port behind."""
    starting = asyncio.ensure_future(start)
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        await asyncio.wait([starting])
        if starting.exception() is None:
            starting.result().close()
        raise


@asynccontextmanager
async def _at_socket_file(welcome: Welcome, path: Path, mode: int) -> AsyncIterator[None]:
    try:
        listening = await _started(asyncio.to_thread(_bind, path, mode))
    except OSError as error:
        raise CannotListen(f"cannot listen on {path}: {error.strerror or error}") from None
    try:
        with closing(await _started(asyncio.get_running_loop().create_server(partial(welcome, None), sock=listening))):
            yield
    finally:
        await asyncio.to_thread(path.unlink, missing_ok=True)


def _bind(path: Path, mode: int) -> socket.socket:
    """Bind to a socket file that never has more rights than this. One that is left over is replaced."""
    if path.is_socket():
        path.unlink()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        os.fchmod(bound.fileno(), 0o600)  # Linux gives it to the file that bind makes
        bound.bind(str(path))
        path.chmod(mode)
        bound.setblocking(False)  # noqa: FBT003 - the library's own call
    except OSError:
        bound.close()
        raise
    return bound


def _url(host: str, port: int, settings: KioskSettings) -> str:
    host = _bracketed(host)
    if host in {"0.0.0.0", "[::]"}:  # noqa: S104 - every address of the machine is none to call
        host = next(iter(sorted(settings.allowed_hosts)), "127.0.0.1")
    return f"{'https' if settings.tls else 'http'}://{host}:{port}/"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
