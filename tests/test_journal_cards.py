"""A card number is in no file so that it could be read, and is destroyed when its checkout is over."""

from pathlib import Path

import pytest

from agent.card import CardNumber
from agent.checkout.events import CardRemoved, CardSet
from agent.checkout.state import FINAL, Phase
from agent.journal.errors import Damaged, NotWritten
from agent.journal.journal import Journal
from agent.journal.pads import SLOTS, Pads
from agent.journal.records import CardRow, Entry
from tests.journal_entries import DIGITS, after, journal_at, new


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def contents(path: Path) -> bytes:
    return b"\n".join(each.read_bytes() for each in sorted(path.parent.iterdir()))


def carded(checkout_id: str, number: str = DIGITS) -> Entry:
    return after(new(checkout_id), CardSet(number="9276********2845"), CardNumber(number))


def readable_with(path: Path, pads: bytes) -> bool:
    """Say whether any half of the number in the files and these pads make up the digits."""
    content = contents(path)
    slots = (pads[place : place + len(DIGITS)] for place in range(0, len(pads), 32))
    return any(bytes(a ^ b for a, b in zip(pad, DIGITS.encode(), strict=False)) in content for pad in slots if pad)


def pads_of(path: Path) -> bytes:
    return path.with_name("journal.sqlite.pads").read_bytes()


@pytest.mark.parametrize("phase", sorted(FINAL))
async def test_when_a_checkout_is_over_its_card_can_be_read_from_no_file(phase: Phase, path: Path) -> None:
    """SQLite's half of the number may still stand in its log. The pad that would make it readable is gone."""
    async with journal_at(path) as journal:
        await commit_all(journal, [new("co_1"), carded("co_1")])
        before = pads_of(path)
        assert DIGITS.encode() not in contents(path)
        assert readable_with(path, before)

        await journal.commit(after(carded("co_1"), CardRemoved(), phase=phase))
        await journal.open_checkouts()  # behind the wiping

        assert DIGITS.encode() not in contents(path)
        assert not readable_with(path, pads_of(path))


async def test_a_card_that_is_taken_away_or_replaced_is_destroyed_too(path: Path) -> None:
    async with journal_at(path) as journal:
        await commit_all(journal, [new("co_1"), carded("co_1"), carded("co_1", "9276000000000000")])
        await journal.commit(after(new("co_1"), CardRemoved(), CardRow.WIPED))
        await journal.open_checkouts()

        assert not readable_with(path, pads_of(path))


async def test_the_card_of_a_checkout_that_ended_just_before_a_crash_is_destroyed_at_the_next_start(path: Path) -> None:
    """The files are kept as they stand between the last commit and the wiping, and put back."""
    async with journal_at(path) as journal:
        await commit_all(journal, [new("co_1"), carded("co_1")])
        pads = pads_of(path)
        await journal.commit(after(carded("co_1"), CardRemoved(), phase=Phase.COMPLETED))
    path.with_name("journal.sqlite.pads").write_bytes(pads)

    async with journal_at(path):
        assert set(slots(pads)).isdisjoint(slots(pads_of(path)))


async def test_the_pads_of_open_checkouts_outlive_a_restart_and_the_end_of_others(path: Path) -> None:
    numbers = [CardNumber(f"9276{number:012}") for number in range(100)]
    async with journal_at(path) as journal:
        for place, number in enumerate(numbers):
            await commit_all(journal, [new(f"co_{place}"), carded(f"co_{place}", number.value)])
        for place in range(0, 100, 2):
            await journal.commit(after(carded(f"co_{place}"), CardRemoved(), phase=Phase.CANCELLED))

    async with journal_at(path) as journal:
        assert [found.card for found in await journal.open_checkouts()] == numbers[1::2]


def slots(pads: bytes) -> list[bytes]:
    return [pads[place : place + 32] for place in range(0, len(pads), 32)]


async def commit_all(journal: Journal, entries: list[Entry]) -> None:
    for entry in entries:
        await journal.commit(entry)


def test_no_slot_is_given_out_twice_before_it_was_renewed(tmp_path: Path) -> None:
    with (tmp_path / "pads").open("w+b") as file:
        pads = Pads(file.fileno())
        pads.renew(())
        given = [pads.hide(CardNumber(DIGITS)) for _ in range(SLOTS)]
        assert len({slot for slot, _ in given}) == len({hidden for _, hidden in given}) == SLOTS

        with pytest.raises(NotWritten):
            pads.hide(CardNumber(DIGITS))

        pads.renew(in_use={slot for slot, _ in given[1:]})
        assert [pads.hide(CardNumber(DIGITS))[0]] == [given[0][0]]


def test_a_card_is_read_back_by_its_pad_and_by_no_other(tmp_path: Path) -> None:
    with (tmp_path / "pads").open("w+b") as file:
        pads = Pads(file.fileno())
        pads.renew(())
        slot, hidden = pads.hide(CardNumber(DIGITS))

        assert Pads(file.fileno()).reveal(slot, hidden) == CardNumber(DIGITS)
        with pytest.raises(Damaged) as caught:
            pads.reveal(slot + 1, hidden)
        assert "9276" not in str(caught.value)


def test_a_pad_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "pads").touch()
    with (tmp_path / "pads").open("rb") as read_only, pytest.raises(NotWritten):
        Pads(read_only.fileno()).renew(())
