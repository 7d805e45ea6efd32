"""A journal is opened by one agent, for its owner, and only if it can be trusted."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.checkout.events import CancelAsked
from agent.checkout.state import Phase
from agent.journal.errors import Damaged, InUse, NotWritten
from agent.journal.opening import CHECKED_AT_EACH_START_BYTES, open_connection
from tests.journal_entries import after, journal_at, lone, new, sale

PAGE = 4096


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """Return where a journal with some checkouts is, closed in order."""
    path = tmp_path / "journal.sqlite"
    async with journal_at(path) as journal:
        for number in range(3):
            for entry in sale(f"co_{number}"):
                await journal.commit(entry)
        await journal.commit(new("co_open"))
    return path


def files(path: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o777 for each in path.parent.iterdir()}


async def test_all_files_are_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    umask = os.umask(0)
    try:
        async with journal_at(path) as journal:
            await journal.commit(lone())
            found = files(path)
    finally:
        os.umask(umask)

    names = ["journal.sqlite" + suffix for suffix in ("", "-wal", ".lock", ".pads", ".reserve")]
    assert found == dict.fromkeys(names, 0o600)


async def test_a_journal_that_others_could_read_is_closed_to_them(path: Path) -> None:
    os.chmod(path, 0o644)  # noqa: PTH101  # in a coroutine a Path must not

    async with journal_at(path):
        assert files(path)[path.name] == 0o600


def test_sqlite_is_told_to_keep_what_it_acknowledged_and_nothing_that_was_deleted(tmp_path: Path) -> None:
    """Only a power cut would show the difference."""
    with ExitStack() as resources:
        connection = open_connection(tmp_path / "journal.sqlite", "", resources)
        asked = ("journal_mode", "synchronous", "secure_delete", "foreign_keys", "auto_vacuum", "locking_mode")
        told = {pragma: connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in asked}

    full, incremental = 2, 2
    assert told == {
        "journal_mode": "wal",
        "synchronous": full,
        "secure_delete": 1,
        "foreign_keys": 1,
        "auto_vacuum": incremental,
        "locking_mode": "exclusive",
    }


async def test_a_second_agent_is_refused_until_the_first_has_gone(path: Path) -> None:
    async with journal_at(path) as journal:
        with pytest.raises(InUse, match="another agent"):
            async with journal_at(path):
                pass
        await journal.commit(lone())

    async with journal_at(path):
        pass


async def test_a_journal_that_somebody_reads_with_another_tool_is_in_use(path: Path) -> None:
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM meta").fetchall()

    with pytest.raises(InUse):
        async with journal_at(path):
            pass

    reader.close()


async def test_a_directory_that_is_not_there_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(NotWritten, match="No such file"):
        async with journal_at(tmp_path / "none" / "journal.sqlite"):
            pass


def no_header(content: bytearray) -> None:
    content[:PAGE] = b"\xff" * PAGE


def zeroed_page(content: bytearray) -> None:
    place = content.index(b'{"id":"co_open"') // PAGE * PAGE
    content[place : place + PAGE] = bytes(PAGE)


def half_of_it(content: bytearray) -> None:
    del content[len(content) // 2 // PAGE * PAGE :]


def one_torn_row(content: bytearray) -> None:
    place = content.index(b'{"id":"co_open"')
    content[place : place + 8] = b"\0" * 8


DAMAGE = [no_header, zeroed_page, half_of_it]


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_journal_is_refused_and_a_copy_is_kept(
    path: Path, damage: Callable[[bytearray], None], caplog: pytest.LogCaptureFixture
) -> None:
    spoiled = spoil(path, damage)

    for _ in range(2):
        with pytest.raises(Damaged):
            async with journal_at(path):
                pass

    assert path.with_name("journal.sqlite.damaged").read_bytes() == spoiled
    assert files(path)["journal.sqlite.damaged"] == 0o600
    assert [record.name for record in caplog.records] == ["tillwire.journal"]


async def test_a_damaged_journal_that_was_not_closed_is_copied_with_its_log(path: Path) -> None:
    spoil(path, zeroed_page)
    log = path.with_name("journal.sqlite-wal")
    log.write_bytes(b"what was not copied into the database yet")

    with pytest.raises(Damaged):
        async with journal_at(path):
            pass

    assert path.with_name("journal.sqlite-wal.damaged").read_bytes() == b"what was not copied into the database yet"


async def test_a_checkout_that_cannot_be_read_is_damage_not_a_gap(path: Path) -> None:
    spoil(path, one_torn_row)

    async with journal_at(path) as journal:
        with pytest.raises(Damaged):
            await journal.open_checkouts()


async def test_damage_of_a_journal_that_is_too_large_to_be_read_at_each_start(path: Path) -> None:
    """It is found when it was not closed in order, and else by who reads that page."""
    spoil(path, zeroed_page)
    with path.open("ab") as file:
        file.truncate(CHECKED_AT_EACH_START_BYTES + PAGE)

    async with journal_at(path) as journal:
        with pytest.raises(Damaged):
            await journal.checkout("co_open")

    path.with_name("journal.sqlite-wal").touch()
    with pytest.raises(Damaged):
        async with journal_at(path):
            pass


def spoil(path: Path, damage: Callable[[bytearray], None]) -> bytes:
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    return bytes(content)


async def test_lost_pads_are_damage_when_a_card_needs_them(path: Path) -> None:
    carded = sale("co_card")[:2]
    async with journal_at(path) as journal:
        for entry in carded:
            await journal.commit(entry)
    path.with_name("journal.sqlite.pads").unlink()

    async with journal_at(path) as journal:
        with pytest.raises(Damaged, match="pad"):
            await journal.open_checkouts()
        await journal.commit(after(carded[-1], CancelAsked(), phase=Phase.CANCELLED))
        assert len(await journal.open_checkouts()) == 1
