"""How an answer goes onto the wire, whole or broken: one function for each fault that spoils an answer."""

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from agent.simulator.faults import Fault, Kind
from agent.simulator.messages import Answer

PORTAL_PATH: Final = "/captive-portal"
"""Where the redirect of a captive portal leads."""

_HEADERS: Final = {  # as recorded from the API
    "Content-Type": "application/json; charset=UTF-8",
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Content-Language": "en_GB",
}
_PAGE: Final = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"


class RawResponse(web.Response):
    """Writes these bytes as they are, and says nothing else: not even that there is no answer."""

    def __init__(self, raw: bytes, status: int = 200) -> None:
        super().__init__(status=status)
        self.raw = raw

    @property
    def says_nothing(self) -> bool:
        return not self.raw

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        if request.transport is not None and self.raw:
            request.transport.write(self.raw)
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing more to write."""

    @property
    def keep_alive(self) -> bool:
        return True


class ClosingResponse(RawResponse):
    """Writes these bytes and closes the connection."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        await super().prepare(request)
        if request.transport is not None:
            request.transport.close()
        return None

    @property
    def keep_alive(self) -> bool:
        return False


def answered(answer: Answer) -> web.Response:
    """The answer as the API gives it; the reason phrase carries the name of an exception."""
    body = json.dumps(answer.body, ensure_ascii=False).encode()
    return web.Response(status=answer.status, reason=answer.reason, body=body, headers=_HEADERS)


def status_of(response: web.StreamResponse) -> int | None:
    """The status that goes out; None if nothing does."""
    return None if isinstance(response, RawResponse) and response.says_nothing else response.status


def no_answer(fault: Fault) -> web.StreamResponse:
    """Not a byte: the connection is closed, or stays open until the client gives up."""
    return ClosingResponse(b"") if fault.connection == "closed" else RawResponse(b"")


def last_answer(answer: Answer) -> web.StreamResponse:
    """The answer, and the connection is closed."""
    return ClosingResponse(_raw(answer), answer.status)


def redirected(fault: Fault) -> web.StreamResponse:
    """What a captive portal says to everything."""
    return web.Response(status=fault.status, headers={"Location": PORTAL_PATH})


def page(title: str) -> web.Response:
    """A web page with status 200."""
    return web.Response(text=_PAGE.format(title), content_type="text/html")


def bare_error(fault: Fault) -> web.StreamResponse:
    """A status and nothing else."""
    return web.Response(status=fault.status, reason=_reason(fault.status))


def spoiled(fault: Fault, answer: Answer) -> web.StreamResponse:
    """The answer of a call that was executed, as the fault lets it through."""
    return _SPOILED.get(fault.kind, _whole)(fault, answer)


def _whole(_fault: Fault, answer: Answer) -> web.StreamResponse:
    return answered(answer)


def _cut(_fault: Fault, answer: Answer) -> web.StreamResponse:
    raw = _raw(answer)
    body_begins = raw.index(b"\r\n\r\n") + 4
    return ClosingResponse(raw[: (body_begins + len(raw)) // 2], answer.status)


def _twice(_fault: Fault, answer: Answer) -> web.StreamResponse:
    return RawResponse(_raw(answer) * 2, answer.status)


def _empty(_fault: Fault, answer: Answer) -> web.StreamResponse:
    return web.Response(status=answer.status, reason=answer.reason, headers=_HEADERS)


def _another_transaction(_fault: Fault, answer: Answer) -> web.StreamResponse:
    if not isinstance(answer.body, dict) or "id" not in answer.body:
        return answered(answer)
    other = "STX_" + str(answer.body["id"])[4:][::-1]
    return answered(Answer(status=answer.status, reason=answer.reason, body=answer.body | {"id": other}))


def _without_field(fault: Fault, answer: Answer) -> web.StreamResponse:
    if not isinstance(answer.body, dict):
        return answered(answer)
    body = {name: value for name, value in answer.body.items() if name != fault.field}
    return answered(Answer(status=answer.status, reason=answer.reason, body=body))


def _raw(answer: Answer) -> bytes:
    body = json.dumps(answer.body, ensure_ascii=False).encode()
    headers = _HEADERS | {"Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


_SPOILED: Final[dict[Kind, Callable[[Fault, Answer], web.StreamResponse]]] = {
    Kind.CUT_IN_BODY: _cut,
    Kind.TWO_ANSWERS: _twice,
    Kind.EMPTY_BODY: _empty,
    Kind.ANOTHER_TRANSACTION: _another_transaction,
    Kind.MISSING_FIELD: _without_field,
}
