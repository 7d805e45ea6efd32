"""The disk that forgets: what was synced stays, what was not is kept, lost or torn, and it can refuse."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.disk import URI_PARAMETERS, Condition, Disk
from tests.faults.system_calls import through


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return made(tmp_path)


def made(directory: Path) -> Path:
    path = directory / "journal.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("CREATE TABLE entry (number INTEGER)")
    return path


@pytest.fixture(params=range(1, 9))
def disk(journal: Path, request: pytest.FixtureRequest) -> Disk:
    return Disk(journal, request.param)


def opened(journal: Path, synchronous: str = "FULL") -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{journal}?{URI_PARAMETERS}", uri=True, isolation_level=None)
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", f"synchronous = {synchronous}"):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    return connection


def numbers(journal: Path) -> list[int]:
    with closing(opened(journal)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [number for (number,) in connection.execute("SELECT number FROM entry ORDER BY number")]


def entries(connection: sqlite3.Connection, count: int) -> Iterator[int]:
    for number in range(count):
        connection.execute("INSERT INTO entry VALUES (?)", (number,))
        yield number


def test_what_was_synced_survives_a_power_cut(journal: Path, disk: Disk) -> None:
    with closing(opened(journal)) as connection:
        written = list(entries(connection, 20))
        disk.settle()
        disk.power_is_cut()
    disk.process_starts()
    assert numbers(journal) == written


def test_a_power_cut_within_a_sync_takes_what_is_being_synced_or_leaves_it(tmp_path: Path) -> None:
    left = set()
    for seed in range(16):
        (folder := tmp_path / str(seed)).mkdir()
        path = made(folder)
        disk = Disk(path, seed)
        with closing(opened(path)) as connection:
            written = list(entries(connection, 20))
            assert disk.is_syncing
            disk.power_is_cut()
        disk.process_starts()
        left.add(tuple(numbers(path)))
    assert left == {tuple(written), tuple(written[:-1])}


def test_a_process_that_is_killed_within_a_sync_has_waited_for_it(journal: Path, disk: Disk) -> None:
    with closing(opened(journal)) as connection:
        written = list(entries(connection, 20))
        disk.process_dies()
    disk.process_starts()
    disk.power_is_cut()
    disk.process_starts()
    assert numbers(journal) == written


def test_what_was_not_synced_may_be_lost_in_a_power_cut_and_what_is_left_is_whole(journal: Path, disk: Disk) -> None:
    with closing(opened(journal, "NORMAL")) as connection:
        written = list(entries(connection, 20))
        disk.power_is_cut()
    disk.process_starts()
    left = numbers(journal)
    assert left == written[: len(left)]
    assert left != written


def test_what_was_not_synced_survives_the_end_of_the_process(journal: Path, disk: Disk) -> None:
    with closing(opened(journal, "NORMAL")) as connection:
        written = list(entries(connection, 20))
        disk.process_dies()
    disk.process_starts()
    assert numbers(journal) == written


def test_a_dead_process_reaches_nothing(journal: Path, disk: Disk) -> None:
    with closing(opened(journal)) as connection:
        disk.process_dies()
        with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
            list(entries(connection, 1))
    disk.process_starts()
    assert numbers(journal) == []


@pytest.mark.parametrize("operation", range(1, 30))
def test_a_machine_that_stops_at_any_operation_leaves_a_whole_journal(journal: Path, operation: int) -> None:
    disk = Disk(journal, operation)
    written: list[int] = []
    with closing(opened(journal)) as connection:
        disk.stop_at(operation, after=operation % 2 == 0)
        with pytest.raises(sqlite3.OperationalError):
            written.extend(entries(connection, 100))
        assert disk.stopped
        disk.power_is_cut()
    disk.process_starts()
    left = numbers(journal)
    assert left[: len(written)] == written  # all that was acknowledged, and at most the one that was under way
    assert len(left) <= len(written) + 1


@pytest.mark.parametrize(
    ("condition", "error"),
    [
        (Condition.FULL, "SQLITE_FULL"),
        (Condition.REFUSES_WRITES, "SQLITE_IOERR_WRITE"),
        (Condition.REFUSES_SYNCS, "SQLITE_IOERR_FSYNC"),
    ],
)
def test_a_disk_refuses_and_works_again(journal: Path, condition: Condition, error: str) -> None:
    disk = Disk(journal, 1)
    journal.with_name("journal.sqlite.reserve").touch()
    with closing(opened(journal)) as connection:
        disk.becomes(condition)
        with pytest.raises(sqlite3.OperationalError) as refused:
            list(entries(connection, 1))
        assert refused.value.sqlite_errorname == error
        disk.becomes(Condition.WORKS)
        assert list(entries(connection, 3)) == [0, 1, 2]


def test_what_is_written_without_sqlite_is_lost_or_torn_like_the_rest(journal: Path, disk: Disk) -> None:
    pads = journal.with_name("journal.sqlite.pads")
    synced, unsynced = b"1" * 2048, b"2" * 2048
    with through(disk), pads.open("w+b") as file:
        os.pwrite(file.fileno(), synced, 0)
        os.fdatasync(file.fileno())
        os.pwrite(file.fileno(), unsynced, 0)
    disk.power_is_cut()
    assert {pads.read_bytes()[sector : sector + 512][:1] for sector in range(0, 2048, 512)} <= {b"1", b"2"}
    assert len(pads.read_bytes()) == 2048


def test_what_is_written_without_sqlite_is_refused_like_the_rest(journal: Path) -> None:
    disk = Disk(journal, 1)
    with through(disk), journal.with_name("journal.sqlite.pads").open("w+b") as pads:
        disk.becomes(Condition.REFUSES_SYNCS)
        with pytest.raises(OSError, match="Input/output error"):
            os.fdatasync(pads.fileno())
        disk.becomes(Condition.REFUSES_WRITES)
        with pytest.raises(OSError, match="Input/output error"):
            os.pwrite(pads.fileno(), b"1", 0)
        with pytest.raises(OSError, match="Input/output error"):
            journal.with_name("journal.sqlite.reserve").unlink(missing_ok=True)
        disk.becomes(Condition.FULL)
        with pytest.raises(OSError, match="No space left"):
            os.posix_fallocate(pads.fileno(), 0, 1 << 20)


def test_a_full_disk_has_the_room_of_the_reserve_that_was_given_up(journal: Path) -> None:
    disk = Disk(journal, 1)
    with closing(opened(journal)) as connection:
        disk.becomes(Condition.FULL)
        assert list(entries(connection, 3)) == [0, 1, 2]  # there is no reserve file
