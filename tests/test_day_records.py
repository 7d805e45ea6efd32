"""A day read from the journal: nothing of it is missed, however many pages it has."""

from datetime import timedelta
from pathlib import Path

from agent.checkout.state import Phase
from agent.journal.records import Entry
from agent.till.day_records import PAGE, local_day, newest_events, sheet_of
from agent.till.listener import DrawerTold, UnexpectedTold
from tests.journal_entries import WALL, journal_at, lone, new, sale, situation

DAY = WALL.astimezone().date()


def opened(seconds: int) -> Entry:
    told = DrawerTold(drawer="drawer", state="open", event="opened", by="unasked")
    return Entry(event=told, situation=situation(WALL + timedelta(seconds=seconds)))


async def test_a_day_of_many_pages_is_read_whole(tmp_path: Path) -> None:
    count = PAGE + 1
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        for number in range(count):
            for entry in sale(f"co_{number}"):
                await journal.commit(entry)
            await journal.commit(opened(number))
        sheet = await sheet_of(journal, DAY)
    assert sheet.totals[0].booked.count == count
    assert sheet.totals[0].booked.cents == count * 296
    assert sheet.openings_without_sale == count


async def test_what_is_open_belongs_to_the_day_too_and_other_days_do_not(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        for entry in sale("co_waiting")[:-1]:
            await journal.commit(entry)
        for entry in (*sale("co_before", WALL - timedelta(days=3)), *sale("co_after", WALL + timedelta(days=3))):
            await journal.commit(entry)
        await journal.commit(lone())
        await journal.commit(opened(-3 * 86_400))
        sheet = await sheet_of(journal, DAY)
    assert sheet.totals[0].confirmed.count == sheet.totals[0].waiting.count == 1
    assert sheet.openings == ()


async def test_what_came_unexpectedly_is_read_with_the_day(tmp_path: Path) -> None:
    said = UnexpectedTold(what="read", checkout_id="co_1", phase=Phase.RESOLVED, status="ok", contradicts=True)
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await journal.commit(Entry(event=said, situation=situation(WALL)))
        await journal.commit(opened(1))
        sheet = await sheet_of(journal, DAY)
    assert [record.told for record in sheet.contradictions] == [said]
    assert len(sheet.openings) == 1


async def test_the_newest_events_come_first_and_the_beginning_of_the_journal_is_no_obstacle(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        assert await newest_events(journal, 5) == []
        await journal.commit(new("co_1"))
        await journal.commit(lone())
        assert [each.kind for each in await newest_events(journal, 5)] == ["DrawerOpening", "BasketSet"]
        assert [each.kind for each in await newest_events(journal, 1)] == ["DrawerOpening"]


def test_a_day_goes_from_midnight_to_midnight_of_the_boxs_clock() -> None:
    day = local_day(DAY)
    assert (day.begin.hour, day.end.hour, day.begin.date()) == (0, 0, DAY)
    assert day.has(WALL)
