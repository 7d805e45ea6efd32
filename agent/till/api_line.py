"""The till's line to the API: what is known of it, and asking whether it is there again."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from functools import partial
from typing import Protocol

from agent.checkout.state import Api
from agent.till.api_calls import Calls
from agent.till.connection import Connection, after, asking
from agent.till.inbox import Job


class LineTill(Protocol):
    """What the line needs of its till."""

    def now_s(self) -> float: ...
    def wall(self) -> datetime: ...
    def spawn(self, work: Coroutine[None, None, None]) -> None: ...
    async def put(self, job: Job) -> None: ...
    async def api_is_back(self) -> None: ...
    def connection_changed(self, connection: Connection) -> None: ...


class ApiLine:
    """Knows the connection; everything here runs as a job of the till."""

    def __init__(self, till: LineTill, calls: Calls, jitter: Callable[[], float]) -> None:
        self._till = till
        self._calls = calls
        self.jitter = jitter
        self.connection = Connection(api="online", since=till.wall())

    def ask(self) -> None:
        """Ask the API whether it is there."""
        self.connection = asking(self.connection)
        self._till.spawn(self._probe())

    async def told(self, api: Api | None) -> None:
        """Take what an answer says of the connection."""
        before = self.connection
        self.connection = after(before, api, self._till.now_s(), self._till.wall(), self.jitter())
        if self.connection.api != before.api:
            self._till.connection_changed(self.connection)
            if self.connection.api == "online":
                await self._till.api_is_back()

    async def _probe(self) -> None:
        told = await self._calls.probe()
        await self._till.put(partial(self.told, told))
