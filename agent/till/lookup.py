"""What people and programs may look up: checkouts, open or over, what happened to them, and the sheet of a day."""

from collections.abc import Callable
from datetime import date, datetime

from agent.checkout.standing_guards import is_overdue
from agent.checkout.state import Checkout, Phase
from agent.journal.journal import Journal
from agent.journal.records import StoredEvent
from agent.till import day_records
from agent.till.day_sheet import DaySheet
from agent.till.open_checkouts import OpenCheckouts
from agent.till.refusals import NoSuchCheckout


class Lookup:
    """Reads the journal and what is open, and changes nothing: no job of the till is needed for it."""

    def __init__(self, journal: Journal, open_checkouts: OpenCheckouts, wall: Callable[[], datetime]) -> None:
        self._journal = journal
        self._open = open_checkouts
        self._wall = wall

    async def find(self, checkout_id: str) -> Checkout:
        """Return one checkout, open or over. Raises NoSuchCheckout."""
        kept = self._open.find(checkout_id)
        found = kept.checkout if kept else await self._journal.checkout(checkout_id)
        if found is None:
            raise NoSuchCheckout(checkout_id)
        return found

    async def checkouts(self, phase: Phase | None, *, limit: int, before: str | None) -> list[Checkout]:
        """Return checkouts, the newest first; `before` is the id that the page before ended with.

        Under attention stand, first, those too that go on by themselves but have waited for too long.
        """
        found = await self._journal.checkouts(phase, limit=limit, before=before)
        if phase is not Phase.ATTENTION or before is not None:
            return found
        wall = self._wall()
        return [*(kept.checkout for kept in self._open if is_overdue(kept.checkout, wall)), *found]

    async def events_since(self, sequence: int, limit: int) -> list[StoredEvent]:
        """Return what happened after this place of the journal. Raises EventsGone."""
        return await self._journal.events_since(sequence, limit)

    async def events_of(self, checkout_id: str) -> list[StoredEvent]:
        """Return all that happened to a checkout, in order."""
        return await self._journal.events_of(checkout_id)

    async def newest_events(self, limit: int) -> list[StoredEvent]:
        """Return what happened last, the newest first."""
        return await day_records.newest_events(self._journal, limit)

    async def day(self, day: date | None) -> DaySheet:
        """Return the sheet of a day, or of today."""
        return await day_records.sheet_of(self._journal, day or self._wall().astimezone().date())
