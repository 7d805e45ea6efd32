"""The one way to the API: requests over aiohttp, and the proof of what became of them.

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
and waits there (`Transport.after`). The connection is looked at after that.

**Is a connection there?** Opening one takes three round trips. So one is opened when a connection that was used ends,
and when `open_connection` is called: sent is nothing, and what goes wrong is left to the request that finds out.

Redirects are not followed, cookies not kept, proxies of the environment not used.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Literal

import aiohttp
from yarl import URL

from agent.smart.answer import Answer
from agent.smart.errors import NotSent, SmartError, Unknown
from agent.smart.network_errors import failure_of

_log = logging.getLogger("tillwire.smart")

LARGEST_BODY = 1024 * 1024  # bytes: the documented answers have 5 thousand
CONNECTION_LIMIT = 16  # a till has a handful of calls at a time, a few of them waiting for a terminal
_LOOP_PASSES = 2  # one in which the loop sees what has arrived on a socket, one in which it hands it to the protocol

_HEADERS = MappingProxyType(
    {
        "Accept": "application/json",
        "User-Agent": f"tillwire/{metadata.version('tillwire')}",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long we wait, in seconds. Each covers the whole exchange, connecting and the body of the answer included."""

    connect_s: float = 5.0  # a shop's line connects at once or not at all, and a customer is waiting
    request_s: float = 15.0  # after as long the vendor's own registers print a provisional receipt (smart-api.md 5)
    blocking_s: float = 150.0  # calls that wait for somebody at a terminal: longer than the vendor SDK's 120 s
    idle_connection_s: float = 15.0  # shorter than servers and routers keep a silent connection, so that we drop it


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; a body is JSON. Path and query are encoded; the query of a card look-up holds the number."""

    method: Literal["GET", "POST", "PUT"]
    path: str
    timeout_s: float
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A request and what came of it: an answer, or how it failed. Times are seconds of the event loop."""

    request: Request
    began: float
    ended: float
    answer: Answer | None = None
    failed: Literal["not_sent", "unknown", "cancelled"] | None = None
    reason: str | None = None


Observer = Callable[[Exchange], None]
"""Hears of every exchange. It must not block and must not fail; what it hears holds secrets and card numbers."""


class Transport:
    """Sends requests to one address over a pool of connections."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        opening: aiohttp.ClientSession,
        base_url: str,
        timeouts: Timeouts,
        observer: Observer | None = None,
        *,
        durable: asyncio.Future[float] | None = None,
    ) -> None:
        self.base_url = base_url
        self.timeouts = timeouts
        self._session = session
        self._opening = opening
        self._observer = observer
        self._durable = durable

    def after(self, durable: asyncio.Future[float]) -> "Transport":
        """Return this transport for requests that are made ready now and leave when it is known that they may.

        The result is when that was, in seconds of the event loop. Where it is cancelled, the request is, too, and
        nothing was sent.
        """
        return Transport(self._session, self._opening, self.base_url, self.timeouts, self._observer, durable=durable)

    async def open_connection(self) -> None:
        """Have a connection ready for the next request. Sends nothing, raises nothing."""
        try:
            await self._opening.get(self.base_url, trace_request_ctx=_Progress())
        except _Opened:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, the next request finds out
            _log.debug("no connection ahead: %s", type(error).__name__)

    async def send(self, request: Request, token: str | None = None) -> Answer:
        """Send one request once and return its whole answer, whatever it is. Raises NotSent or Unknown."""
        if self._observer is None:
            return await self._send(request, token)
        clock = asyncio.get_running_loop().time
        asked = clock()
        heard = partial(Exchange, request=request)
        try:
            answer = await self._send(request, token)
        except (SmartError, asyncio.CancelledError) as failure:
            began = self._left(asked)
            self._observer(heard(began=began, ended=clock(), failed=_name_of(failure), reason=str(failure) or None))
            raise
        self._observer(heard(began=self._left(asked), ended=clock(), answer=answer))
        return answer

    def _left(self, asked: float) -> float:
        """When the request left that was asked for then."""
        durable = self._durable
        return max(asked, durable.result()) if durable and durable.done() and not durable.cancelled() else asked

    async def _send(self, request: Request, token: str | None) -> Answer:
        headers = _headers(request, token)
        progress = _Progress()
        try:
            async with asyncio.timeout(request.timeout_s):
                answer = await self._send_on_clean_connection(request, headers, progress)
        except SmartError:
            raise
        except _Broken as broken:
            failure = failure_of(broken.error, begun=progress.begun)
        except Exception as error:  # noqa: BLE001 - whatever broke, the request may have worked
            failure = failure_of(error, begun=progress.begun)
        else:
            _log.debug("%s %s: HTTP %d", request.method, request.path, answer.status)
            return answer
        _log.info("%s %s: %s", request.method, request.path, failure)
        raise failure

    async def _send_on_clean_connection(
        self, request: Request, headers: Mapping[str, str], progress: "_Progress"
    ) -> Answer:
        while True:
            progress.reused = False
            try:
                return await self._exchange(request, headers, progress)
            except _ConnectionSpent:  # aiohttp has closed it: the next one is another
                if not progress.reused:
                    break
        raise NotSent("not sent: a new connection was closed at once, or something was said on it before we asked")

    async def _exchange(self, request: Request, headers: Mapping[str, str], progress: "_Progress") -> Answer:
        _may_leave.set(self._durable)
        async with self._session.request(
            request.method,
            URL(f"{self.base_url}{request.path}{request.query and '?' + request.query}", encoded=True),
            data=request.body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=progress,
        ) as response:
            return Answer(response.status, await _bounded_body(response))


@asynccontextmanager
async def open_transport(
    base_url: str, timeouts: Timeouts, *, ca_file: Path | None = None, observer: Observer | None = None
) -> AsyncIterator[Transport]:
    """Open the way to `base_url`: scheme and host, with a path if the API stands behind one.

    `ca_file` is trusted beside the system's authorities. Raises ValueError for an address that cannot be one, OSError
    for a file that cannot be read or holds no certificate.
    """
    address = URL(base_url)
    if address.scheme not in {"http", "https"} or not address.host or address.user or address.query_string:
        raise ValueError("the API's address must be https://host")
    trust = True if ca_file is None else await asyncio.to_thread(_trusting, ca_file)
    pool = _Pool(ssl=trust, limit=CONNECTION_LIMIT, keepalive_timeout=timeouts.idle_connection_s)
    async with (
        pool,
        _open_session(pool, timeouts, _Request) as session,
        _open_session(pool, timeouts, _Opening) as opening,
    ):
        transport = Transport(session, opening, str(address).rstrip("/"), timeouts, observer)
        async with pool.replacing(transport.open_connection):
            yield transport


@dataclass(slots=True)
class _Progress:
    """How far one request has come."""

    begun: bool = False  # its first byte may have been written
    reused: bool = False  # its connection comes from the pool


_may_leave: ContextVar[asyncio.Future[float] | None] = ContextVar("may_leave")
"""For what the request that this task makes ready has to wait, on its connection."""


class _ConnectionSpent(Exception):
    """A connection from the pool is closed or holds an answer to nothing. Nothing was written to it."""


class _Broken(Exception):
    """Carries an error past aiohttp's repetition, which does not know this type."""

    def __init__(self, error: aiohttp.ClientError | OSError) -> None:
        super().__init__()
        self.error = error


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
            await durable
        if conn.protocol is None or conn.protocol.should_close or not conn.protocol.is_connected():
            raise _ConnectionSpent
        if isinstance(pool := self.session.connector, _Pool):
            pool.used(conn.protocol)
        return await super().send(conn)


async def _never_repeat(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientError, OSError) as error:
        raise _Broken(error) from error


async def _note_first_byte(_session: aiohttp.ClientSession, context: SimpleNamespace, _event: object) -> None:
    context.trace_request_ctx.begun = True


async def _note_reuse(_session: aiohttp.ClientSession, context: SimpleNamespace, _event: object) -> None:
    context.trace_request_ctx.reused = True


def _open_session(pool: _Pool, timeouts: Timeouts, request_class: type[aiohttp.ClientRequest]) -> aiohttp.ClientSession:
    tracing = aiohttp.TraceConfig()
    tracing.on_request_headers_sent.append(_note_first_byte)
    tracing.on_connection_reuseconn.append(_note_reuse)
    return aiohttp.ClientSession(
        connector=pool,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers=_HEADERS,
        skip_auto_headers=("Content-Type",),
        timeout=aiohttp.ClientTimeout(total=None, connect=timeouts.connect_s),
        trace_configs=[tracing],
        request_class=request_class,
        middlewares=(_never_repeat,),
    )


def _name_of(failure: BaseException) -> Literal["not_sent", "unknown", "cancelled"]:
    match failure:
        case NotSent():
            return "not_sent"
        case SmartError():
            return "unknown"
        case _:
            return "cancelled"


def _headers(request: Request, token: str | None) -> Mapping[str, str]:
    headers = dict(request.headers)
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if request.body is not None:
        headers["Content-Type"] = "application/json"
    return headers


def _trusting(ca_file: Path) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(ca_file)
    return context


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Unknown(f"the answer is larger than {LARGEST_BODY} bytes")
    return bytes(body)
