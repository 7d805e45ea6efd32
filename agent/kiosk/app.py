"""One listening address as an application of aiohttp: the table of calls, behind what is checked of every request."""

import math
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from http import HTTPStatus

from aiohttp import HttpVersion10, HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware

from agent.kiosk import access, description
from agent.kiosk.access import Door
from agent.kiosk.adapter import MOST_BODY_BYTES, MOST_HEADER_BYTES, as_handler, refusal
from agent.kiosk.connections import Connections
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.problems import Problem
from agent.kiosk.rate_limit import RateLimit
from agent.kiosk.roles import Role
from agent.kiosk.routes import ROUTES
from agent.kiosk.static_files import StaticFile
from agent.kiosk.tickets import OPERATOR_PAGE

_VERSIONS = frozenset({HttpVersion10, HttpVersion11})
_EVERY_ANSWER = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def build_app(
    kiosk: Kiosk, door: Door, files: Sequence[StaticFile], limit: RateLimit | None, connections: Connections
) -> web.Application:
    """Build what answers at this door. `limit`: of the requests of each caller; None: they are not counted."""
    app = web.Application(middlewares=[_guard(kiosk, door, limit, connections)], client_max_size=MOST_BODY_BYTES)
    for route in ROUTES:
        handler = as_handler(kiosk, door, route)
        app.router.add_route(route.method, route.path, handler)
        app.router.add_route(route.method, OPERATOR_PAGE + route.path, handler)  # where the operator's cookie is sent
    app.router.add_get(description.PATH, description.serve)
    for file in files:
        app.router.add_get(file.path, file.serve)
    app.on_response_prepare.append(_header_writer(door))
    return app


def _guard(kiosk: Kiosk, door: Door, limit: RateLimit | None, connections: Connections) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check(door, request)
            caller = access.caller(door, kiosk.tokens, request)
            _count(limit, request, caller)
            if access.is_preflight(request.method, request.headers):
                headers = access.preflight_headers(door, request.headers)
                return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)
            with connections.answering(request) if caller is not None else nullcontext():
                return await handler(request)
        except Problem as problem:
            return refusal(problem, Role.SCREEN)
        except web.HTTPNotFound:
            return refusal(Problem(HTTPStatus.NOT_FOUND, "not-found"), Role.SCREEN)
        except web.HTTPMethodNotAllowed as error:
            headers = {"Allow": error.headers["Allow"]}
            return refusal(Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", headers=headers), Role.SCREEN)

    return guard


def _check(door: Door, request: web.Request) -> None:
    if sum(len(name) + len(value) + 4 for name, value in request.raw_headers) > MOST_HEADER_BYTES:
        raise Problem(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers-too-large")
    if request.version not in _VERSIONS:
        raise Problem(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "http-version-not-supported")
    if not request.raw_path.startswith("/"):  # a whole address, as for a proxy, names a host of its own
        raise Problem(HTTPStatus.FORBIDDEN, "host-not-allowed")
    access.check_host(door, request.headers)
    access.check_origin(door, request.headers)


def _count(limit: RateLimit | None, request: web.Request, caller: Role | None) -> None:
    """A flood of strangers, from this machine too, uses up nothing of what the screen may ask."""
    wait_s = limit.wait_s((request.remote, caller)) if limit is not None else 0.0
    if wait_s > 0:
        headers = {"Retry-After": str(math.ceil(wait_s))}
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", headers=headers)


def _header_writer(door: Door) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def write_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = "tillwire"
        for name, value in _EVERY_ANSWER.items():
            response.headers.setdefault(name, value)
        if door.origins:
            response.headers["Vary"] = "Origin"
            response.headers.update(access.cross_origin_headers(door, request.headers))

    return write_headers
