"""Journals of older releases open; nothing that is asked often reads more with more checkouts."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.checkout.state import FINAL, Phase
from agent.journal import statements
from agent.journal.errors import Damaged, TooNew
from agent.journal.schema import FINISHED, MIGRATIONS, migrate
from tests.journal_entries import journal_at, new

GOLDEN = Path(__file__).parent / "golden"
NOT_STATEMENTS = {"FINAL", "FINISHED"}
STATEMENTS = sorted(
    name for name in vars(statements) if name[0] != "_" and name.isupper() and name not in NOT_STATEMENTS
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def test_there_is_a_journal_of_every_released_schema() -> None:
    found = sorted(path.name for path in GOLDEN.glob("journal-*.sql"))

    assert found == sorted(f"journal-{version}.sql" for version in range(1, len(MIGRATIONS) + 1))


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
async def test_a_journal_of_an_older_release_opens_with_all_that_is_in_it(version: int, tmp_path: Path) -> None:
    """The files were dumped from a journal of that release: a finished sale, and one that awaits its cash."""
    path = tmp_path / "journal.sqlite"
    old = sqlite3.connect(path)
    old.executescript((GOLDEN / f"journal-{version}.sql").read_text())
    old.close()

    async with journal_at(path) as journal:
        assert [checkout.phase for checkout in await journal.checkouts()] == [Phase.AWAITING_CASH, Phase.COMPLETED]
        stream = await journal.events_since(0)
        assert [event.sequence for event in stream] == list(range(1, 12))
        assert stream[-2].checkout == await journal.checkout("co_2")
        assert await journal.commit(new("co_3")) == 12


def test_a_new_step_is_done_once_and_keeps_what_was_there(connection: sqlite3.Connection) -> None:
    migrate(connection)
    journal_id = connection.execute(statements.JOURNAL_ID).fetchone()
    longer = (*MIGRATIONS, ("CREATE TABLE later (x TEXT)", "INSERT INTO later VALUES ('once')"))

    migrate(connection, longer)
    migrate(connection, longer)

    assert connection.execute("SELECT x FROM later").fetchall() == [("once",)]
    assert connection.execute(statements.JOURNAL_ID).fetchone() == journal_id


def test_a_step_that_fails_leaves_the_journal_as_it_was(connection: sqlite3.Connection) -> None:
    migrate(connection)

    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*MIGRATIONS, ("CREATE TABLE later (x TEXT)", "CREATE TABLE later (x TEXT)")))

    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    migrate(connection, (*MIGRATIONS, ("CREATE TABLE later (x TEXT)",)))


def test_a_journal_of_a_newer_release_is_left_alone(connection: sqlite3.Connection) -> None:
    migrate(connection, (*MIGRATIONS, ("CREATE TABLE later (x TEXT)",)))

    with pytest.raises(TooNew):
        migrate(connection)


def test_a_database_of_another_program_is_left_alone(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE notes (x TEXT)")

    with pytest.raises(Damaged):
        migrate(connection)

    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == [("notes",)]


def test_the_tables_say_finished_where_the_checkout_says_final() -> None:
    assert set(re.findall(r"'(\w+)'", FINISHED)) == {phase.value for phase in FINAL}


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_statement_reads_a_whole_table_or_sorts(name: str, connection: sqlite3.Connection) -> None:
    migrate(connection)
    statement: str = getattr(statements, name)
    numbered = dict.fromkeys(re.findall(r":(\w+)", statement)) or [None] * statement.count("?")

    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", numbered)]

    assert [step for step in plan if step.startswith(("SCAN", "USE TEMP")) and step not in ALLOWED.get(name, ())] == []


ALLOWED = {
    "JOURNAL_ID": ("SCAN meta",),  # one row
    "WHOLE_FROM": ("SCAN meta",),
    "MOVE_WHOLE_FROM": ("SCAN meta",),
    "LATEST_SEQUENCE": ("SCAN sqlite_sequence",),  # one row a table
    "NEWEST_ENTRY": ("SCAN event", "SCAN (subquery-1)", "SCAN (subquery-2)"),  # the newest thousand
    "SLOTS_IN_USE": ("SCAN card",),  # of open checkouts only
    "OPEN_CHECKOUTS": ("USE TEMP B-TREE FOR ORDER BY",),  # of the open ones only
}
