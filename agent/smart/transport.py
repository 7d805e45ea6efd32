"""The one way to the API: a request and its whole answer, or the proof of what became of it: not sent, or unknown.

How the connections give that proof: agent/smart/connections.py.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import aiohttp
from yarl import URL

from agent.smart.answer import Answer
from agent.smart.connections import Broken, Connections, ConnectionSpent, Progress, open_connections
from agent.smart.errors import NotSent, SmartError, Unknown
from agent.smart.network_errors import failure_of

_log = logging.getLogger("tillwire.smart")

LARGEST_BODY = 1024 * 1024  # bytes: the documented answers have 5 thousand


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long we wait, in seconds. Each covers the whole exchange, connecting and the body of the answer included."""

    connect_s: float = 5.0  # a shop's line connects at once or not at all, and a customer is waiting
    request_s: float = 15.0  # after as long the vendor's own registers print a provisional receipt (smart-api.md 5)
    blocking_s: float = 150.0  # calls that wait for somebody at a terminal: longer than the vendor SDK's 120 s
    idle_connection_s: float = 15.0  # shorter than servers and routers keep a silent connection, so that we drop it

    @property
    def token_s(self) -> float:
        """So long a call waits for its token: a login is two requests at most."""
        return 2 * self.request_s


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
        connections: Connections,
        timeouts: Timeouts,
        observer: Observer | None = None,
        *,
        durable: asyncio.Future[float] | None = None,
    ) -> None:
        self.timeouts = timeouts
        self._connections = connections
        self._observer = observer
        self._durable = durable

    def after(self, durable: asyncio.Future[float]) -> "Transport":
        """Return this transport for requests that are made ready now and leave when it is known that they may.

        The result is when that was, in seconds of the event loop. Where it is cancelled, the request is, too, and
        nothing was sent.
        """
        return Transport(self._connections, self.timeouts, self._observer, durable=durable)

    @property
    def base_url(self) -> str:
        return self._connections.base_url

    async def open_connection(self) -> None:
        """Have a connection ready for the next request. Sends nothing, raises nothing."""
        await self._connections.open_one()

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
        progress = Progress()
        try:
            async with self._limited(request.timeout_s):
                answer = await self._send_on_clean_connection(request, headers, progress)
        except SmartError:
            raise
        except Broken as broken:
            failure = failure_of(broken.error, begun=progress.begun)
        except Exception as error:  # noqa: BLE001 - whatever broke, the request may have worked
            failure = failure_of(error, begun=progress.begun)
        else:
            _log.debug("%s %s: HTTP %d", request.method, request.path, answer.status)
            return answer
        _log.info("%s %s: %s", request.method, request.path, failure)
        raise failure

    @asynccontextmanager
    async def _limited(self, seconds: float) -> AsyncIterator[None]:
        """The time counts from when the request may leave: what it waits for until then is our own disk."""
        durable, loop = self._durable, asyncio.get_running_loop()
        if durable is None or durable.done():
            async with asyncio.timeout(seconds):
                yield
            return
        under_way = True
        async with asyncio.timeout(None) as limit:

            def begin(_durable: asyncio.Future[float]) -> None:
                if under_way:
                    limit.reschedule(loop.time() + seconds)

            durable.add_done_callback(begin)
            try:
                yield
            finally:
                under_way = False

    async def _send_on_clean_connection(
        self, request: Request, headers: Mapping[str, str], progress: Progress
    ) -> Answer:
        while True:
            progress.reused = False
            try:
                return await self._exchange(request, headers, progress)
            except ConnectionSpent:  # aiohttp has closed it: the next one is another
                if not progress.reused:
                    break
        raise NotSent("not sent: a new connection was closed at once, or something was said on it before we asked")

    async def _exchange(self, request: Request, headers: Mapping[str, str], progress: Progress) -> Answer:
        async with self._connections.request(
            request.method,
            request.path + (request.query and "?" + request.query),
            headers=headers,
            body=request.body,
            progress=progress,
            durable=self._durable,
        ) as response:
            return Answer(response.status, await _bounded_body(response))


@asynccontextmanager
async def open_transport(
    base_url: str, timeouts: Timeouts, *, trust: ssl.SSLContext | None = None, observer: Observer | None = None
) -> AsyncIterator[Transport]:
    """Open the way to `base_url`: scheme and host, with a path if the API stands behind one.

    `trust`: whom to believe instead of the system's authorities. Raises ValueError for an address that cannot be one.
    """
    address = URL(base_url)
    if address.scheme not in {"http", "https"} or not address.host or address.user or address.query_string:
        raise ValueError("the API's address must be https://host")
    root = str(address).rstrip("/")
    connect_s, idle_s = timeouts.connect_s, timeouts.idle_connection_s
    async with open_connections(root, trust, connect_s=connect_s, idle_s=idle_s) as connections:
        yield Transport(connections, timeouts, observer)


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


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Unknown(f"the answer is larger than {LARGEST_BODY} bytes")
    return bytes(body)
