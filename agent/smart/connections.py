"""Connections to the API over aiohttp, kept in such a way that what became of a request can be proved.

**Was anything sent?** aiohttp announces the headers of a request immediately before it writes its first byte
(`TraceConfig.on_request_headers_sent`). Without that signal nothing of the request left this machine: *not sent*. With
it, whatever breaks afterwards is *unknown*, because an answer that we did not get proves nothing.

**Once is once.** aiohttp sends GET and PUT a second time when a reused connection dies (examples.md T3). It decides
that by the type of the error, so each error is wrapped on its way up.

**Whose answer is it?** aiohttp takes a second answer that lies on a reused connection for the answer to the next
request, and from then on every answer is the one before (measured with 3.14.5). HTTP has nothing that ties an answer to
its request, so a reused connection is looked at before it is used: if it has been closed, or holds anything that nobody
asked for, another one is taken. Nothing was sent on it, so that is no repetition.

**May it leave?** What the journal must have first is made ready while the journal is written, up to its connection,
and waits there. The connection is looked at after that.

**Is a connection there?** Opening one takes three round trips. So one is opened when a connection that was used ends,
and when `Connections.open_one` is called: sent is nothing, and what goes wrong is left to the request that finds out.

Redirects are not followed, cookies not kept, proxies of the environment not used.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib import metadata
from types import MappingProxyType, SimpleNamespace

import aiohttp
from yarl import URL

_log = logging.getLogger("tillwire.smart")

CONNECTION_LIMIT = 16  # a till has a handful of calls at a time, a few of them waiting for a terminal
_LOOP_PASSES = 2  # one in which the loop sees what has arrived on a socket, one in which it hands it to the protocol

_HEADERS = MappingProxyType(
    {
        "Accept": "application/json",
        "User-Agent": f"tillwire/{metadata.version('tillwire')}",
    }
)


@dataclass(slots=True)
class Progress:
    """How far one request has come."""

    begun: bool = False  # its first byte may have been written
    reused: bool = False  # its connection comes from the pool


class ConnectionSpent(Exception):
    """A connection from the pool is closed or holds an answer to nothing. Nothing was written to it."""


class Broken(Exception):
    """Carries an error past aiohttp's repetition, which does not know this type."""

    def __init__(self, error: aiohttp.ClientError | OSError) -> None:
        super().__init__()
        self.error = error


class Connections:
    """The connections to one address, a path included if the API stands behind one."""

    def __init__(self, session: aiohttp.ClientSession, opening: aiohttp.ClientSession, base_url: str) -> None:
        self.base_url = base_url
        self._session = session
        self._opening = opening

    async def open_one(self) -> None:
        """Have a connection ready for the next request. Sends nothing, raises nothing."""
        try:
            await self._opening.get(self.base_url, trace_request_ctx=Progress())
        except _Opened:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the next request finds out
            _log.debug("no connection ahead: %s", type(error).__name__)

    def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        progress: Progress,
        durable: asyncio.Future[float] | None,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Send one request once, when `durable` has come. `target`: path and query, encoded.

        Raises ConnectionSpent where nothing was written, Broken, and what else aiohttp raises.
        """
        _may_leave.set(durable)
        return self._session.request(
            method,
            URL(self.base_url + target, encoded=True),
            data=body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=progress,
        )


@asynccontextmanager
async def open_connections(
    base_url: str, trust: ssl.SSLContext | None, *, connect_s: float, idle_s: float
) -> AsyncIterator[Connections]:
    """Keep connections to this address. `connect_s`: to open one; `idle_s`: how long one is kept that is not used.

    `trust`: whom to believe instead of the system's authorities.
    """
    pool = _Pool(ssl=trust or True, limit=CONNECTION_LIMIT, keepalive_timeout=idle_s)
    async with (
        pool,
        _open_session(pool, connect_s, _Request) as session,
        _open_session(pool, connect_s, _Opening) as opening,
    ):
        connections = Connections(session, opening, base_url)
        async with pool.replacing(connections.open_one):
            yield connections


_may_leave: ContextVar[asyncio.Future[float] | None] = ContextVar("may_leave")
"""For what the request that this task makes ready has to wait, on its connection."""


class _Opened(Exception):
    """A connection is open and back in the pool. Nothing was written to it."""


class _Pool(aiohttp.TCPConnector):
    """The connections. One that was used is replaced when it ends; what replaces it is not, until it was used."""

    _replace: Callable[[], Coroutine[None, None, None]] | None = None
    _replacing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def replacing(self, replace: Callable[[], Coroutine[None, None, None]]) -> AsyncIterator[None]:
        self._replace = replace
        try:
            yield
        finally:
            self._replace = None
            if self._replacing is not None:
                self._replacing.cancel()
                await asyncio.wait([self._replacing])

    def used(self, protocol: aiohttp.client_proto.ResponseHandler) -> None:
        if (closed := protocol.closed) is not None:
            closed.remove_done_callback(self._ended)
            closed.add_done_callback(self._ended)

    def _ended(self, closed: asyncio.Future[None]) -> None:
        if not closed.cancelled():
            closed.exception()  # looked at: asyncio would complain
        if self._replace is not None and (self._replacing is None or self._replacing.done()):
            self._replacing = asyncio.create_task(self._replace(), name="next-connection")


class _Opening(aiohttp.ClientRequest):
    """Gives the connection back as soon as it is open."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        conn.release()
        raise _Opened


class _Request(aiohttp.ClientRequest):
    """Looks at the connection before the request is written to it."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        for _ in range(_LOOP_PASSES):
            await asyncio.sleep(0)
        if (durable := _may_leave.get()) is not None:
            await asyncio.shield(durable)  # what becomes of this request is no word about the disk
        if conn.protocol is None or conn.protocol.should_close or not conn.protocol.is_connected():
            raise ConnectionSpent
        if isinstance(pool := self.session.connector, _Pool):
            pool.used(conn.protocol)
        return await super().send(conn)


async def _never_repeat(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientError, OSError) as error:
        raise Broken(error) from error


async def _note_first_byte(_session: aiohttp.ClientSession, context: SimpleNamespace, _event: object) -> None:
    context.trace_request_ctx.begun = True


async def _note_reuse(_session: aiohttp.ClientSession, context: SimpleNamespace, _event: object) -> None:
    context.trace_request_ctx.reused = True


def _open_session(pool: _Pool, connect_s: float, request_class: type[aiohttp.ClientRequest]) -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(_note_first_byte)
    tracing.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        connector=pool,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        skip_auto_headers=("Content-Type",),
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_s),
        trace_configs=[tracing],
        request_class=request_class,
        middlewares=(_never_repeat,),
    )
