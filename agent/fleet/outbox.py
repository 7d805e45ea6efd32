"""Sends the journal to the fleet, in order, from where the broker has it.

There is no queue: what could not be sent stands in the journal, and the cursor says from where. So nothing grows while
the broker is away, and the till never waits for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Never, Protocol

from agent.fleet.cursor import Cursor
from agent.fleet.payloads import Event
from agent.fleet.view import event_of
from agent.journal.errors import EventsGone
from agent.journal.event_id import EventId
from agent.journal.records import StoredEvent

logger = logging.getLogger("tillwire.fleet")

PAGE = 20
"""Events read from the journal at once: commits get their turn between two pages."""
BUSY_PAUSE_S = 0.2
"""Between two pages while a customer is served: catching up takes a few per cent of a slow box then."""


class ReadJournal(Protocol):
    """What is read of a journal."""

    @property
    def id(self) -> str: ...
    @property
    def latest_sequence(self) -> int: ...
    @property
    def oldest_sequence(self) -> int: ...
    async def events_since(self, sequence: int, limit: int = 100) -> list[StoredEvent]:
        """Raises EventsGone."""


class Outbox:
    """The events of one till. `news` returns when the journal may have more; `busy`: a customer is being served."""

    def __init__(
        self, journal: ReadJournal, cursor: Cursor, news: Callable[[], Awaitable[None]], busy: Callable[[], bool]
    ) -> None:
        self._journal = journal
        self._cursor = cursor
        self._news = news
        self._busy = busy

    async def begin(self) -> None:
        """Settle where to begin, so that a till that has just joined tells everything from now on. Raises OSError."""
        await self._reached(await self._position())

    async def send(self, publish: Callable[[Sequence[Event]], Awaitable[None]]) -> Never:
        """Publish what is not published yet, and then what comes. Raises what `publish` raises, OSError, JournalError.

        After a crash between `publish` and the cursor's file the same events are published again.
        """
        position = await self._position()
        while True:
            while position < self._journal.latest_sequence:
                page = await self._page(position)
                await publish([event_of(stored, self._journal.id) for stored in page])
                position = page[-1].sequence
                await self._reached(position)
                if self._busy():
                    await asyncio.sleep(BUSY_PAUSE_S)
            await self._news()

    async def _page(self, position: int) -> list[StoredEvent]:
        try:
            return await self._journal.events_since(position, PAGE)
        except EventsGone:
            logger.warning("the fleet misses what the journal does not have any more, before its event %d", position)
            return await self._journal.events_since(self._journal.oldest_sequence - 1, PAGE)

    async def _position(self) -> int:
        journal = self._journal
        return await asyncio.to_thread(self._cursor.read, journal.id, journal.latest_sequence, journal.oldest_sequence)

    async def _reached(self, position: int) -> None:
        await asyncio.to_thread(self._cursor.write, EventId(self._journal.id, position))
