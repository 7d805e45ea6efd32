"""The journal is sent in order from where the broker has it, and nothing else is kept."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Never

import pytest

from agent.fleet.cursor import FILE_NAME, Cursor
from agent.fleet.outbox import Outbox
from agent.fleet.payloads import Event
from agent.journal.journal import Journal
from tests.journal_entries import DIGITS, WALL, journal_at, lone, sale


class BrokerGone(Exception):
    """The connection is lost."""


class Ear:
    """A broker that takes so many events."""

    def __init__(self, takes: int = 1_000_000) -> None:
        self.heard: list[Event] = []
        self._takes = takes

    @property
    def sequences(self) -> list[int]:
        return [int(event.id.rpartition("-")[2]) for event in self.heard]

    async def take(self, events: Sequence[Event]) -> None:
        for event in events:
            if len(self.heard) == self._takes:
                raise BrokerGone
            self.heard.append(event)


class NoMore(Exception):
    """Everything is sent."""


async def no_more() -> Never:
    raise NoMore


def outbox(journal: Journal, directory: Path) -> Outbox:
    return Outbox(journal, Cursor(directory), no_more, lambda: False)


async def sold(journal: Journal, sales: int) -> int:
    """Sell once an hour; return the newest sequence."""
    for hour in range(sales):
        for entry in sale(f"co_{hour:020x}", WALL + timedelta(hours=hour)):
            newest = await journal.commit(entry)
    return newest


async def sent(journal: Journal, directory: Path, ear: Ear) -> None:
    with pytest.raises((NoMore, BrokerGone)):
        await outbox(journal, directory).send(ear.take)


async def test_a_till_that_joins_tells_from_now_on_also_when_it_could_not_at_first(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        before = await sold(journal, 1)
        await outbox(journal, tmp_path).begin()
        newest = await journal.commit(lone())
        await outbox(journal, tmp_path).begin()  # restarted, and no broker yet
        await sent(journal, tmp_path, ear := Ear())
        assert ear.sequences == list(range(before + 1, newest + 1))


async def test_a_day_is_caught_up_in_order_and_masked(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await outbox(journal, tmp_path).begin()
        newest = await sold(journal, 24)
        await sent(journal, tmp_path, ear := Ear())
        assert ear.sequences == list(range(1, newest + 1))
        assert not any(DIGITS in event.model_dump_json() for event in ear.heard)
        assert ear.heard[-1].at - ear.heard[0].at >= timedelta(hours=23)
        await sent(journal, tmp_path, again := Ear())
        assert again.heard == []


async def test_what_the_broker_did_not_take_is_sent_again_with_the_same_ids(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await outbox(journal, tmp_path).begin()
        newest = await sold(journal, 8)
        await sent(journal, tmp_path, first := Ear(takes=25))
        await sent(journal, tmp_path, second := Ear())
        assert first.sequences == list(range(1, 26))
        assert second.sequences == list(range(21, newest + 1))  # the page of the 25th again, whole
        assert first.heard[20:] == second.heard[:5]


@pytest.mark.parametrize("written", ["", "nonsense", "0000000000j-3", "\xff"])
async def test_a_cursor_that_says_nothing_of_this_journal_sends_all_that_there_is(tmp_path: Path, written: str) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        newest = await sold(journal, 1)
        (tmp_path / FILE_NAME).write_text(written)
        await sent(journal, tmp_path, ear := Ear())
        assert ear.sequences == list(range(1, newest + 1))


async def test_what_was_deleted_meanwhile_is_a_gap_and_no_end(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await outbox(journal, tmp_path).begin()
        newest = await sold(journal, 2)
        await journal.delete_older_than(WALL + timedelta(days=1))
        last = await journal.commit(lone())
        await sent(journal, tmp_path, ear := Ear())
        assert ear.sequences == list(range(newest + 1, last + 1))


async def test_a_broker_that_is_slow_holds_up_nothing_but_the_sending(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def never(_events: Sequence[Event]) -> None:
        reached.set()
        await asyncio.Event().wait()

    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await outbox(journal, tmp_path).begin()
        await sold(journal, 1)
        sending = asyncio.ensure_future(outbox(journal, tmp_path).send(never))
        await reached.wait()
        await sold_more(journal)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def sold_more(journal: Journal) -> None:
    for entry in sale("co_ffffffffffffffffffff", WALL):
        await journal.commit(entry)
