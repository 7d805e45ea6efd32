"""The demo's side panel: a page that shows the kiosk's screen in a frame and plays the hardware beside it.

It has an address of its own, on this machine, and is no part of the agent: the agent only lets this origin show its
screen in a frame ([kiosk] allowed_origins).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.resources import files

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from agent.demo import panel
from agent.demo.acts import ACTS
from agent.demo.stage import Stage
from agent.kiosk import page
from agent.kiosk.roles import Role

HOST = "127.0.0.1"
USUAL_PORT = 8378
_FILES = {
    "/": ("panel.html", "text/html"),
    "/panel.css": ("panel.css", "text/css"),
    "/panel.js": ("panel.js", "text/javascript"),
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; font-src 'self'; img-src data:; "
    "frame-src {agent}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@asynccontextmanager
async def panel_at(stage: Stage, port: int) -> AsyncIterator[str]:
    """Serve the panel while inside, and yield its address."""
    origin = f"http://{HOST}:{port}"
    app = web.Application(middlewares=[_only_from(origin)])
    headers = {
        "Content-Security-Policy": _POLICY.format(agent=stage.agent_url.rstrip("/")),
        "Cache-Control": "no-store",
    }
    for path, (name, content_type) in _FILES.items():
        app.router.add_get(path, _file(files(panel).joinpath(name).read_bytes(), content_type, headers))
    font = files(page).joinpath("inter.woff2").read_bytes()
    app.router.add_get("/inter.woff2", _file(font, "font/woff2", headers))
    calls = _Calls(stage)
    app.router.add_get("/state", calls.state)
    app.router.add_post("/acts/{name}", calls.act)
    app.router.add_post("/tickets/{role:screen|operator}", calls.ticket)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield f"{origin}/"
    finally:
        await runner.cleanup()


class _Calls:
    """What the panel asks of the demo."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def state(self, _request: web.Request) -> web.Response:
        """How everything around the agent is."""
        stage = self._stage
        return web.json_response(
            {
                "acts": [{"name": name, "group": act.group, "text": act.text} for name, act in ACTS.items()],
                "reader": stage.scanner.is_plugged_in,
                "drawer": stage.drawer.is_plugged_in,
                "drawer_open": stage.drawer.is_open,
                "jammed": stage.drawer.faults.stuck,
                "network": stage.network.is_plugged_in,
                "slow": stage.network.is_slow,
                "booked": await self._booked(),
            }
        )

    async def act(self, request: web.Request) -> web.Response:
        act = ACTS.get(request.match_info["name"])
        if act is None:
            raise web.HTTPNotFound
        await act.do(self._stage)
        return web.Response(status=204)

    async def ticket(self, request: web.Request) -> web.Response:
        """A one-time address of the screen or of the operator's page."""
        return web.json_response({"url": await self._stage.one_time_address(Role(request.match_info["role"]))})

    async def _booked(self) -> list[object]:
        """What the API has booked."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with aiohttp.ClientSession() as session, session.get(f"{self._stage.simulator_url}/ledger") as told:
                bookings: list[object] = (await told.json())["bookings"]
                return bookings
        return []


def _file(content: bytes, content_type: str, headers: dict[str, str]) -> Handler:
    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=content, content_type=content_type, headers=headers)

    return serve


def _only_from(origin: str) -> Middleware:
    """Refuse pages of others, as the agent does: by name (DNS rebinding) and by origin."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("Host") != origin.removeprefix("http://"):
            raise web.HTTPForbidden
        if request.headers.get("Origin", origin) != origin:
            raise web.HTTPForbidden
        return await handler(request)

    return guard
