"""From an HTTP request to a call and back: who asks, is it whole, is it understood; and what came of it.

Nothing of a request reaches the log: neither body, nor query, nor headers.
"""

import asyncio
import logging
from http import HTTPStatus
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, ValidationError

from agent.kiosk import access
from agent.kiosk.access import Door
from agent.kiosk.call import JSON, Call, Route, idempotency_key
from agent.kiosk.kiosk import Kiosk, KioskCall
from agent.kiosk.problems import Problem, invalid_request, problem_of
from agent.kiosk.roles import Role

logger = logging.getLogger("tillwire.kiosk")

PROBLEM_JSON = "application/problem+json"
MOST_BODY_BYTES = 64 * 1024
MOST_HEADER_BYTES = 8 * 1024
_NOT_SAID = "application/octet-stream"  # what a body is that does not say what it is (RFC 9110, 8.3)
_NOT_READ_TO_THE_END = frozenset({HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT})
M = TypeVar("M", bound=BaseModel)


def as_handler(kiosk: Kiosk, door: Door, route: Route) -> Handler:
    """Make of a route what aiohttp calls."""

    async def handle(request: web.Request) -> web.StreamResponse:
        caller = access.caller(door, kiosk.tokens, request)
        began = asyncio.get_running_loop().time()
        problem: Problem | None = None
        try:
            response = await _carry_out(kiosk, door, route, request, caller)
        except ConnectionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a problem document
            problem = _problem(error, request)
            response = refusal(problem, caller or Role.SCREEN)
        if kiosk.observer is not None and caller is not None and request.method != "GET":
            kiosk.observer(await _heard(request, caller, began, response.status, problem))
        return response

    return handle


async def _heard(request: web.Request, caller: Role, began: float, status: int, problem: Problem | None) -> KioskCall:
    """The call as an observer hears it; a body that was not read to its end is not part of it."""
    return KioskCall(
        began=began,
        ended=asyncio.get_running_loop().time(),
        role=caller,
        method=request.method,
        path=request.path,
        body=await request.read() if status not in _NOT_READ_TO_THE_END else b"",
        key=request.headers.get("Idempotency-Key"),
        status=status,
        problem=problem.name if problem else None,
    )


async def _carry_out(
    kiosk: Kiosk, door: Door, route: Route, request: web.Request, caller: Role | None
) -> web.StreamResponse:
    if route.needs is not None:
        _check_caller(door, route.needs, request, caller)
    idempotency_key(request, kiosk.cards)
    query = _validated(route.query, dict(request.query))
    body = await _body(route.body, request, door.request_timeout_s)
    return await route.handler(Call(kiosk=kiosk, door=door, request=request, caller=caller, body=body, query=query))


def _check_caller(door: Door, needs: Role, request: web.Request, caller: Role | None) -> None:
    access.check_site(door, request.headers)
    if caller is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "token-required", headers={"WWW-Authenticate": "Bearer"})
    if not caller.may_act_as(needs):
        raise Problem(HTTPStatus.FORBIDDEN, "operator-required")


async def _body(model: type[M], request: web.Request, timeout_s: float) -> M:
    """Read the body. Whoever sends one says that it is JSON: no form of a web page can do that unasked."""
    if request.method in {"GET", "DELETE"}:
        return model()
    may_be_empty = request.content_type == _NOT_SAID
    if "Content-Encoding" in request.headers or not (_is_json(request) or may_be_empty):
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type")
    raw = await _read(request, timeout_s)
    if raw and may_be_empty:
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type")
    try:
        return model.model_validate_json(raw or b"{}")
    except ValidationError as error:
        raise invalid_request(error) from None


def _is_json(request: web.Request) -> bool:
    return request.content_type == JSON and (request.charset or "utf-8").lower() == "utf-8"


async def _read(request: web.Request, timeout_s: float) -> bytes:
    too_large = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "request-too-large")
    if (request.content_length or 0) > MOST_BODY_BYTES:
        raise too_large
    try:
        async with asyncio.timeout(timeout_s):
            return await request.read()
    except TimeoutError:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "request-too-slow") from None
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None


def _validated(model: type[M], given: dict[str, str]) -> M:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise invalid_request(error) from None


def _problem(error: Exception, request: web.Request) -> Problem:
    problem = problem_of(error)
    if problem is None:
        logger.error("a mistake of ours in %s %s", request.method, _route_of(request), exc_info=error)
        return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal")
    return problem


def _route_of(request: web.Request) -> str:
    """The path as it stands in the table, without what the caller put into it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "?"


def refusal(problem: Problem, role: Role) -> web.Response:
    """Write a problem down for a caller of this role."""
    body = problem.answer(role).as_json()
    response = web.Response(body=body, status=problem.status, content_type=PROBLEM_JSON, headers=problem.headers)
    if problem.status in _NOT_READ_TO_THE_END:
        response.force_close()
    return response
