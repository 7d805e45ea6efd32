"""The recorded API: answers each request over loopback as it was answered then, and says what it was never asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from agent.recording.records import Exchanged
from agent.replay.differences import Differences, fields_that_differ, in_words

LOGIN: Final = "/oauth/token"
TIME_TOLERANCE_S: Final = 2.0
"""So much earlier or later is the same: the agent's own work takes no time in a replay, and took some then."""
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Outage:
    """From when until when nothing reached the API, in seconds since the recording began."""

    begin: float
    end: float


class RecordedApi:
    """One recording's exchanges, each used once. `now` is in seconds since the recording began."""

    def __init__(self, exchanges: Sequence[Exchanged], differences: Differences) -> None:
        self._left = [each for each in exchanges if each.path != LOGIN and each.failed != "not_sent"]
        self._logins = [each for each in exchanges if each.path == LOGIN and each.failed != "not_sent"]
        self.outages = outages(exchanges)
        self._slack = [each for each in exchanges if each.failed == "not_sent"]
        self._differences = differences
        self._began = asyncio.get_running_loop().time()

    def begin(self) -> None:
        """The recording begins now."""
        self._began = asyncio.get_running_loop().time()

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time() - self._began

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as recorded, after as long a time."""
        body = _json(await request.read())
        recorded = self._login() if request.path == LOGIN else self._same(request, body)
        if recorded is not None:
            await asyncio.sleep(recorded.took_s)
        if recorded is None or recorded.status is None:
            return _NoAnswer()
        if recorded.answer is None:
            return web.Response(status=recorded.status, body=b"." * (recorded.answer_bytes or 0))
        return web.json_response(recorded.answer, status=recorded.status)

    def tell_what_was_not_asked(self, until: float) -> None:
        """What was sent then and is not sent now."""
        for each in self._left:
            if each.at < until:
                self._differences.add(each.at, f"recorded {in_words(each)}, now it is not sent")

    def _login(self) -> Exchanged | None:
        """The next login; the last one again where there are more logins now."""
        return self._logins.pop(0) if len(self._logins) > 1 else next(iter(self._logins), None)

    def _same(self, request: web.BaseRequest, body: object) -> Exchanged | None:
        alike = [each for each in self._left if (each.method, each.path) == (request.method, request.path)]
        exact = [each for each in alike if each.body == body and parse_qsl(each.query) == list(request.query.items())]
        found = next(iter(exact or alike), None)
        if found is None:
            self._differences.add(self.now, f"now {request.method} {request.path}, which was not sent then")
            return None
        self._left.remove(found)
        self._compare(found, body, is_exact=bool(exact))
        return found

    def _compare(self, recorded: Exchanged, body: object, *, is_exact: bool) -> None:
        if not is_exact:
            fields = ", ".join(fields_that_differ(recorded.body, body)) or "the query"
            self._differences.add(recorded.at, f"{in_words(recorded)}: other content now: {fields}")
        early = recorded.at - self.now
        refused_s = sum(each.took_s for each in self._slack if each.at <= recorded.at)
        if not -TIME_TOLERANCE_S <= early <= TIME_TOLERANCE_S + refused_s:
            sooner = f"{abs(early):.1f} s {'earlier' if early > 0 else 'later'}"
            self._differences.add(recorded.at, f"{in_words(recorded)}: {sooner} than recorded")


def outages(exchanges: Sequence[Exchanged]) -> list[Outage]:
    """The times around requests that were not sent, up to halfway to those that were."""
    found: list[Outage] = []
    reached = 0.0
    begin: float | None = None
    last = 0.0
    for each in sorted(exchanges, key=lambda exchange: exchange.at):
        if each.failed == "not_sent":
            begin = (reached + each.at) / 2 if begin is None else begin
            last = each.at
            continue
        if begin is not None:
            found.append(Outage(begin, (last + each.at) / 2))
            begin = None
        reached = max(reached, each.at if each.failed else each.at + each.took_s)
    return found if begin is None else [*found, Outage(begin, float("inf"))]


@asynccontextmanager
async def serving(api: RecordedApi) -> AsyncIterator[str]:
    """Serve on a free port of this machine while inside; nobody is let in while there was an outage."""
    http = web.Server(api.answer, access_log=None)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(http, _HOST, 0)
    port: int = listener.sockets[0].getsockname()[1]
    listener.close()
    letting_in = asyncio.create_task(_let_in(api, http, port))
    try:
        yield f"http://{_HOST}:{port}"
    finally:
        letting_in.cancel()
        await asyncio.wait([letting_in])
        await http.shutdown(0)


async def _let_in(api: RecordedApi, http: web.Server, port: int) -> None:
    loop = asyncio.get_running_loop()
    for outage in [*api.outages, Outage(float("inf"), float("inf"))]:
        listener = await loop.create_server(http, _HOST, port)
        try:
            await _until(api, outage.begin)
        finally:
            listener.close()
        for connection in list(http.connections):
            connection.force_close()
        await _until(api, outage.end)


async def _until(api: RecordedApi, at: float) -> None:
    if at == float("inf"):
        await asyncio.Event().wait()
    await asyncio.sleep(max(0.0, at - api.now))


class _NoAnswer(web.Response):
    """Not a byte, and the connection is closed."""

    async def prepare(self, request: web.BaseRequest) -> None:
        if request.transport is not None:
            request.transport.close()

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is written."""

    @property
    def keep_alive(self) -> bool:
        return False


def _json(body: bytes) -> object:
    return json.loads(body) if body else None
