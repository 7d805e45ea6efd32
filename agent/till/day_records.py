"""The journal's records of one day, read page by page so that commits get their turn in between."""

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta

from agent.checkout.state import Checkout
from agent.journal.journal import Journal
from agent.journal.records import StoredEvent
from agent.till.day_sheet import Day, DaySheet, DrawerRecord, day_sheet
from agent.till.listener import DrawerTold, drawer_told_from

PAGE = 100


def local_day(day: date) -> Day:
    """Return this day as the box's clock counts it."""
    begin, end = (datetime(each.year, each.month, each.day).astimezone() for each in (day, day + timedelta(days=1)))
    return Day(date=day, begin=begin, end=end)


async def sheet_of(journal: Journal, day: date) -> DaySheet:
    """Read what the journal has of a day. Raises JournalError."""
    wanted = local_day(day)
    checkouts = {each.checkout.id: each.checkout for each in await journal.open_checkouts()}
    async for checkout in _finished_since(journal, wanted.begin):
        checkouts[checkout.id] = checkout
    return day_sheet(wanted, checkouts.values(), [record async for record in _drawer_since(journal, wanted.begin)])


async def newest_events(journal: Journal, limit: int) -> list[StoredEvent]:
    """Return the last events of the journal, the newest first. Raises JournalError."""
    before = max(journal.oldest_sequence - 1, journal.latest_sequence - limit)
    return (await journal.events_since(before, limit))[::-1]


async def _finished_since(journal: Journal, since: datetime) -> AsyncIterator[Checkout]:
    """What ended before the day had its cash confirmed before it, too."""
    page = await journal.finished_since(since, limit=PAGE)
    while page:
        for checkout in page:
            yield checkout
        page = await journal.finished_since(since, after=page[-1].id, limit=PAGE)


async def _drawer_since(journal: Journal, since: datetime) -> AsyncIterator[DrawerRecord]:
    """Go back from the newest; the clock may have been set, so a whole page must be older."""
    page = await journal.lone_events(limit=PAGE)
    while page and max(each.at for each in page) >= since:
        for stored in page:
            if stored.kind == DrawerTold.__name__:
                yield DrawerRecord(at=stored.at, told=drawer_told_from(stored.data))
        page = await journal.lone_events(before=page[-1].sequence, limit=PAGE)
