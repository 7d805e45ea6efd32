"""`/openapi.json`: made when somebody asks for the first time. A till that nobody programs does not pay for it."""

import asyncio
from functools import cache
from importlib.metadata import version

from aiohttp import web
from pydantic_core import to_json

from agent.kiosk.routes import ROUTES
from agent.kiosk.static_files import StaticFile

PATH = "/openapi.json"


async def serve(request: web.Request) -> web.Response:
    file = await asyncio.to_thread(_file)
    return await file.serve(request)


@cache
def _file() -> StaticFile:
    from agent.kiosk.openapi import describe  # noqa: PLC0415 - with all that pydantic has for schemas

    document = describe(ROUTES, version("tillwire"))
    return StaticFile(path=PATH, content=to_json(document), content_type="application/json")
