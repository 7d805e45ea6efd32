"""What is committed is there, in order, and comes back after a restart."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.card import CardNumber
from agent.checkout.events import ApplyAsked, CancelAsked, CardRemoved
from agent.checkout.state import Checkout, Phase
from agent.journal.errors import EventsGone, NotWritten
from agent.journal.event_id import parse_event_id
from agent.journal.journal import Journal, open_journal
from agent.journal.records import AnsweredRequest, CardRow, Entry, History, IdempotencyKey, OpenCheckout
from tests.journal_entries import DIGITS, WALL, DrawerOpening, HeldExecutor, after, journal_at, lone, new, sale


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


async def commit_all(journal: Journal, entries: list[Entry]) -> list[int]:
    return [await journal.commit(entry) for entry in entries]


def ids(checkouts: list[Checkout]) -> list[str]:
    return [checkout.id for checkout in checkouts]


async def test_an_open_checkout_comes_back_after_a_restart_with_its_card(path: Path) -> None:
    entries = sale("co_1")[:-1]
    async with journal_at(path) as journal:
        await commit_all(journal, entries)

    async with journal_at(path) as journal:
        [found] = await journal.open_checkouts()

    assert found == OpenCheckout(checkout=entries[-1].checkout, card=CardNumber(DIGITS))  # type: ignore[arg-type]  # it has one


async def test_a_checkout_without_a_card_comes_back_without_one(path: Path) -> None:
    async with journal_at(path) as journal:
        await journal.commit(new("co_1"))

        assert [found.card for found in await journal.open_checkouts()] == [None]


async def test_another_card_takes_the_place_of_the_first(path: Path) -> None:
    async with journal_at(path) as journal:
        entry = after(new("co_1"), CardRemoved(), CardNumber(DIGITS))
        await commit_all(journal, [new("co_1"), entry, after(entry, CardRemoved(), CardNumber("9276000000000000"))])

        assert [found.card for found in await journal.open_checkouts()] == [CardNumber("9276000000000000")]


async def test_a_finished_checkout_is_found_but_is_not_open(path: Path) -> None:
    async with journal_at(path) as journal:
        await commit_all(journal, sale("co_1"))

        assert await journal.open_checkouts() == []
        assert await journal.checkout("co_1") == sale("co_1")[-1].checkout
        assert await journal.checkout("co_2") is None


async def test_open_checkouts_come_oldest_first(path: Path) -> None:
    async with journal_at(path) as journal:
        await commit_all(journal, [new("co_b"), new("co_a"), *sale("co_c"), new("co_d")])

        assert ids([found.checkout for found in await journal.open_checkouts()]) == ["co_b", "co_a", "co_d"]


async def test_checkouts_are_listed_newest_first_by_phase_and_in_parts(path: Path) -> None:
    async with journal_at(path) as journal:
        await commit_all(journal, [new("co_1"), *sale("co_2"), new("co_3"), *sale("co_4"), new("co_5")])

        assert ids(await journal.checkouts()) == ["co_5", "co_4", "co_3", "co_2", "co_1"]
        assert ids(await journal.checkouts(limit=2)) == ["co_5", "co_4"]
        assert ids(await journal.checkouts(limit=2, before="co_4")) == ["co_3", "co_2"]
        assert ids(await journal.checkouts(Phase.COMPLETED)) == ["co_4", "co_2"]
        assert ids(await journal.checkouts(Phase.DRAFT, limit=2, before="co_5")) == ["co_3", "co_1"]
        assert ids(await journal.checkouts(Phase.UNSURE)) == []
        assert ids(await journal.checkouts(before="co_none")) == []


async def test_the_stream_gives_each_checkout_as_it_was_after_each_event(path: Path) -> None:
    first, second = sale("co_1"), sale("co_2")
    mixed = [entry for pair in zip(first, second, strict=True) for entry in pair]
    async with journal_at(path) as journal:
        sequences = await commit_all(journal, mixed)

        stream = await journal.events_since(0)

    assert sequences == list(range(1, len(mixed) + 1)) == [event.sequence for event in stream]
    assert [entry.checkout for entry in mixed] == [event.checkout for event in stream]
    assert [type(entry.event).__name__ for entry in mixed] == [event.kind for event in stream]
    assert [entry.situation.wall for entry in mixed] == [event.at for event in stream]


async def test_a_stream_is_resumed_anywhere_without_gap_or_repetition(path: Path) -> None:
    entries = [lone(), *sale("co_1")]
    async with journal_at(path) as journal:
        await commit_all(journal, entries)

        for known in range(len(entries) + 1):
            parts = [await journal.events_since(known, 2), await journal.events_since(min(known + 2, len(entries)))]
            stream = [event for part in parts for event in part]
            assert [event.checkout for event in stream] == [entry.checkout for entry in entries[known:]]


async def test_an_event_without_a_checkout_keeps_who_and_why(path: Path) -> None:
    async with journal_at(path) as journal:
        await journal.commit(lone())

        [event] = await journal.events_since(0)

    assert (event.checkout_id, event.checkout, event.kind) == (None, None, DrawerOpening.__name__)
    assert event.data == {"reason": "change", "by": "Erika"}
    assert event.situation["drawer"] == "closed"


async def test_a_state_committed_without_the_one_before_is_stored_whole(path: Path) -> None:
    entries = [replace(entry, before=None) for entry in sale("co_1")]
    async with journal_at(path) as journal:
        await commit_all(journal, entries)

        assert [event.checkout for event in await journal.events_since(0)] == [entry.checkout for entry in entries]


async def test_the_events_of_one_checkout_are_found_among_others(path: Path) -> None:
    async with journal_at(path) as journal:
        await commit_all(journal, [lone(), *sale("co_1"), new("co_2"), lone()])

        kinds = [event.kind for event in await journal.events_of("co_1")]

    assert kinds == ["BasketSet", "CardSet", "ApplyAsked", "PayAsked", "CashConfirmed", "StartAnswered"]


async def test_a_place_in_the_stream_that_is_still_to_come_is_unknown(path: Path) -> None:
    async with journal_at(path) as journal:
        await journal.commit(lone())

        with pytest.raises(EventsGone):
            await journal.events_since(2)


async def test_event_ids_name_this_journal_and_no_other(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "a") as one, journal_at(tmp_path / "b") as other:
        place = one.event_id(7)
        assert parse_event_id(str(place)) == place
        assert one.id != other.id
        name = one.id

    async with journal_at(tmp_path / "a") as again:
        assert again.id == name


async def test_an_idempotency_key_is_known_once_it_was_committed(path: Path) -> None:
    key = IdempotencyKey(key="k1", digest="d1")
    async with journal_at(path) as journal:
        assert await journal.idempotent("k1") is None
        await journal.commit(replace(new("co_1"), idempotency=key))
        await journal.commit(replace(lone(), idempotency=IdempotencyKey(key="k2", digest="d2")))

        assert await journal.idempotent("k1") == AnsweredRequest(digest="d1", checkout_id="co_1")
        assert await journal.idempotent("k2") == AnsweredRequest(digest="d2", checkout_id=None)


async def test_an_entry_is_written_whole_or_not_at_all(path: Path) -> None:
    """A key that is used twice is our own mistake; what came with it must not stay behind."""
    key = IdempotencyKey(key="k1", digest="d1")
    async with journal_at(path) as journal:
        await journal.commit(replace(new("co_1"), idempotency=key))

        with pytest.raises(Exception, match="UNIQUE"):
            await journal.commit(replace(new("co_2"), idempotency=key, card=CardNumber(DIGITS)))

        assert await journal.checkout("co_2") is None
        assert await journal.commit(new("co_3")) == 2
        assert journal.latest_sequence == 2


async def test_the_loop_is_told_when_only_the_disk_is_waited_for(path: Path) -> None:
    """Before the commit is known, and not where the entry could not even be written down."""
    key = IdempotencyKey(key="k1", digest="d1")
    happened: list[str] = []
    async with journal_at(path) as journal:
        await journal.commit(replace(new("co_1"), idempotency=key), syncing=lambda: happened.append("syncing"))
        happened.append("durable")
        with pytest.raises(Exception, match="UNIQUE"):
            await journal.commit(
                replace(new("co_2"), idempotency=key), syncing=lambda: happened.append("syncing again")
            )

    assert happened == ["syncing", "durable"]


async def test_a_commit_whose_caller_was_cancelled_is_written(path: Path) -> None:
    executor = HeldExecutor()
    opening = asyncio.ensure_future(open_journal(path, executor))
    await release(executor)
    journal = await opening
    committing = asyncio.ensure_future(journal.commit(new("co_1")))
    await settle()
    committing.cancel()
    await settle()
    assert committing.cancelled()

    closing = asyncio.ensure_future(journal.close())
    await release(executor)
    await release(executor)
    await closing

    async with journal_at(path) as again:
        assert ids(await again.checkouts()) == ["co_1"]


async def test_an_opening_whose_caller_was_cancelled_leaves_nothing_open(path: Path) -> None:
    executor = HeldExecutor()
    opening = asyncio.ensure_future(open_journal(path, executor))
    await settle()
    opening.cancel()
    await release(executor)
    await release(executor)
    with pytest.raises(asyncio.CancelledError):
        await opening

    async with journal_at(path) as journal:
        assert await journal.open_checkouts() == []


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def release(executor: HeldExecutor) -> None:
    await settle()
    executor.release()
    await settle()


OLD, CUT, YOUNG = WALL, WALL + timedelta(days=1), WALL + timedelta(days=2)


async def test_old_finished_checkouts_are_deleted_with_all_that_belongs_to_them(path: Path) -> None:
    first, *rest = sale("co_old", OLD)
    async with journal_at(path) as journal:
        await commit_all(journal, [replace(first, idempotency=IdempotencyKey(key="k", digest="d")), *rest, lone(OLD)])
        await commit_all(journal, [*sale("co_young", YOUNG), lone(YOUNG)])

        assert await journal.delete_older_than(CUT) == 2

        assert ids(await journal.checkouts()) == ["co_young"]
        assert await journal.idempotent("k") is None
        assert await journal.events_of("co_old") == []
        assert [event.at >= CUT for event in await journal.events_since(journal.oldest_sequence - 1)] == [True] * 7


async def test_what_is_open_or_needs_attention_stays_however_old(path: Path) -> None:
    async with journal_at(path) as journal:
        for number, phase in enumerate(set(Phase), 1):
            entry = new(f"co_{phase}", OLD)
            await commit_all(journal, [entry, after(entry, CancelAsked(), phase=phase)])
            assert journal.latest_sequence == 2 * number

        await journal.delete_older_than(CUT)

        left = {checkout.phase for checkout in await journal.checkouts()}
    assert left == set(Phase) - {Phase.COMPLETED, Phase.CANCELLED, Phase.FAILED, Phase.RESOLVED}


async def test_what_is_deleted_was_exported_before_whole(path: Path) -> None:
    exported: list[History] = []

    async def export(part: object) -> None:
        assert isinstance(part, list)
        exported.extend(part)

    async with journal_at(path) as journal:
        await commit_all(journal, [lone(OLD), *sale("co_old", OLD)])
        everything = await journal.events_since(0)
        await journal.delete_older_than(CUT, export)

    assert [(each.checkout, each.events) for each in exported] == [
        (sale("co_old", OLD)[-1].checkout, tuple(everything[1:])),
        (None, (everything[0],)),
    ]


async def test_nothing_is_deleted_that_could_not_be_exported(path: Path) -> None:
    async def export(_part: object) -> None:
        raise OSError("no room")

    async with journal_at(path) as journal:
        await commit_all(journal, sale("co_old", OLD))

        with pytest.raises(OSError, match="no room"):
            await journal.delete_older_than(CUT, export)

        assert len(await journal.events_since(0)) == 6


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.RESOLVED])
async def test_what_has_left_the_journal_does_not_come_back_without_its_beginning(path: Path, phase: Phase) -> None:
    old = sale("co_old", OLD)
    async with journal_at(path) as journal:
        await commit_all(journal, old)
        await journal.delete_older_than(CUT)
        told: list[str] = []

        late = after(old[-1], CancelAsked(), phase=phase, reversed_by="co_reversal")
        with pytest.raises(NotWritten, match="co_old has left the journal"):
            await journal.commit(late, new("co_reversal", YOUNG), syncing=lambda: told.append("syncing"))

        assert await journal.checkouts() == []
        assert told == []
        assert await journal.delete_older_than(YOUNG + timedelta(days=1)) == 0


async def test_what_happens_to_a_checkout_while_it_is_exported_is_exported_too(path: Path) -> None:
    old = sale("co_old", OLD)
    exported: list[list[str]] = []
    async with journal_at(path) as journal:
        await commit_all(journal, old)

        async def export(part: Sequence[History]) -> None:
            exported.extend([event.kind for event in history.events] for history in part)
            if len(exported) == 1:
                await journal.commit(after(old[-1], CancelAsked()))

        assert await journal.delete_older_than(CUT, export) == 1

        assert [kinds[6:] for kinds in exported] == [[], ["CancelAsked"]]
        assert journal.oldest_sequence == 8


async def test_a_stream_that_has_a_hole_is_not_resumed(path: Path) -> None:
    async with journal_at(path) as journal:
        await commit_all(journal, [new("co_open", OLD), *sale("co_old", OLD), *sale("co_young", YOUNG)])
        await journal.delete_older_than(CUT)

        assert journal.oldest_sequence == 8
        assert len(await journal.events_since(7)) == 6
        with pytest.raises(EventsGone):
            await journal.events_since(6)

    async with journal_at(path) as journal:
        assert journal.oldest_sequence == 8


async def test_a_sequence_is_never_used_again(path: Path) -> None:
    async with journal_at(path) as journal:
        await commit_all(journal, [*sale("co_old", OLD), lone(OLD)])
        await journal.delete_older_than(CUT)

    async with journal_at(path) as journal:
        assert await journal.commit(lone(YOUNG)) == 8
        assert [event.sequence for event in await journal.events_since(7)] == [8]


async def test_the_file_does_not_grow_for_ever(path: Path) -> None:
    """Three times the trade of a day, each day deleted at its end: the room of a day is used again and given back."""
    full, empty = [], []
    for day in range(3):
        wall = WALL + timedelta(days=day)
        async with journal_at(path) as journal:
            for number in range(10):
                await commit_all(journal, sale(f"co_{day}_{number}", wall))
        full.append(size_of(path))
        async with journal_at(path) as journal:
            await journal.delete_older_than(wall + timedelta(hours=1))
        empty.append(size_of(path))

    assert max(full) <= full[0] * 1.2
    assert max(empty) < full[0] * 0.6


def size_of(path: Path) -> int:
    return path.stat().st_size


async def test_the_card_is_wiped_when_the_customer_takes_it_away(path: Path) -> None:
    carded = after(new("co_1"), ApplyAsked(), CardNumber(DIGITS))
    async with journal_at(path) as journal:
        await commit_all(journal, [new("co_1"), carded, after(carded, CardRemoved(), CardRow.WIPED)])

        assert [found.card for found in await journal.open_checkouts()] == [None]
