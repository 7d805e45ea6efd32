"""The journal's records of one day, read page by page so that commits get their turn in between."""

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import date, datetime, timedelta

from agent.checkout.state import Checkout
from agent.journal.journal import Journal
from agent.journal.records import StoredEvent
from agent.till.day_sheet import Day, DaySheet, DrawerRecord, UnexpectedRecord, day_sheet
from agent.till.listener import DrawerTold, UnexpectedTold, drawer_told_from, unexpected_told_from

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
    lone = [stored async for stored in _lone_since(journal, wanted.begin)]
    return day_sheet(wanted, checkouts.values(), _drawer_records(lone), _unexpected_records(lone))


async def newest_since_day(journal: Journal, kinds: frozenset[str], day: date) -> StoredEvent | None:
    """Return the event of these kinds, which concern no checkout, that was written last on a day or after it."""
    since = local_day(day).begin
    written = [each async for each in _lone_since(journal, since) if each.kind in kinds]
    return max(written, key=lambda each: each.sequence, default=None)


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


def _drawer_records(lone: Iterable[StoredEvent]) -> Iterator[DrawerRecord]:
    for stored in lone:
        if stored.kind == DrawerTold.__name__:
            yield DrawerRecord(at=stored.at, told=drawer_told_from(stored.data))


def _unexpected_records(lone: Iterable[StoredEvent]) -> Iterator[UnexpectedRecord]:
    for stored in lone:
        if stored.kind == UnexpectedTold.__name__:
            yield UnexpectedRecord(at=stored.at, told=unexpected_told_from(stored.data))


async def _lone_since(journal: Journal, since: datetime) -> AsyncIterator[StoredEvent]:
    """Go back from the newest; the clock may have been set, so a whole page must be older."""
    page = await journal.lone_events(limit=PAGE)
    while page and max(each.at for each in page) >= since:
        for stored in page:
            yield stored
        page = await journal.lone_events(before=page[-1].sequence, limit=PAGE)
