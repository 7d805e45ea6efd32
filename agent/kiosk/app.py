"""One listening address as an application of aiohttp: the table of calls, behind what is checked of every request."""

from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from agent.kiosk import access
from agent.kiosk.access import Door
from agent.kiosk.adapter import MOST_BODY_BYTES, MOST_HEADER_BYTES, as_handler, refusal
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.problems import Problem
from agent.kiosk.roles import Role
from agent.kiosk.routes import ROUTES
from agent.kiosk.static_files import StaticFile
from agent.kiosk.tickets import OPERATOR_PAGE

_EVERY_ANSWER = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def build_app(kiosk: Kiosk, door: Door, files: Sequence[StaticFile]) -> web.Application:
    """Build what answers at this door."""
    app = web.Application(middlewares=[_guard(door)], client_max_size=MOST_BODY_BYTES)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, as_handler(kiosk, door, route))
        below = as_handler(kiosk, door, route, Role.OPERATOR)  # where the operator's cookie is sent, and nowhere else
        app.router.add_route(route.method, OPERATOR_PAGE + route.path, below)
    for file in files:
        app.router.add_get(file.path, file.serve)
    app.on_response_prepare.append(_header_writer(door))
    return app


def _guard(door: Door) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            _check(door, request)
            if access.is_preflight(request.method, request.headers):
                headers = access.preflight_headers(door, request.headers)
                return web.Response(status=HTTPStatus.NO_CONTENT, headers=headers)
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
    access.check_host(door, request.headers)
    access.check_origin(door, request.headers)


def _header_writer(door: Door) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def write_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = "tillwire"
        for name, value in _EVERY_ANSWER.items():
            response.headers.setdefault(name, value)
        if door.origins:
            response.headers["Vary"] = "Origin"
            response.headers.update(access.cross_origin_headers(door, request.headers))

    return write_headers
