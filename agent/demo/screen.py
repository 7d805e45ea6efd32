"""A kiosk program in few lines: calls `/v1` and follows its events, as any integrator's would."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import aiohttp

Json = dict[str, object]

STREAM_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)
"""An event stream has no end; the agent is on this machine and connects at once."""


class Screen:
    """The screen of a kiosk. Every answer of `/v1` is one JSON object."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Make a call. Raises RuntimeError with the problem's title when it is refused."""
        async with self._session.request(method, path, json=body) as response:
            answer = cast("Json", await response.json(content_type=None))
            if not response.ok:
                raise RuntimeError(f"{method} {path}: {answer.get('title')} {answer.get('detail') or ''}")
            return answer

    async def text(self, path: str) -> str:
        """Get something as plain text."""
        async with self._session.get(path, headers={"Accept": "text/plain"}) as response:
            response.raise_for_status()
            return await response.text()

    async def events(self) -> AsyncIterator[tuple[str, Json]]:
        """Follow the events: their name and data, for ever."""
        async with self._session.get("/v1/events", timeout=STREAM_TIMEOUT) as response:
            response.raise_for_status()
            name = ""
            async for line in response.content:
                field, _, value = line.decode().rstrip("\n").partition(": ")
                if field == "event":
                    name = value
                elif field == "data":
                    yield name, json.loads(value)


@asynccontextmanager
async def screen_at(base_url: str, token: str) -> AsyncIterator[Screen]:
    """Open the screen's connection to the agent."""
    async with aiohttp.ClientSession(base_url, headers={"Authorization": f"Bearer {token}"}) as session:
        yield Screen(session)
