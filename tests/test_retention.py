"""What is old leaves the journal, exported first; the file of the journal levels off."""

import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from agent.journal.errors import NotWritten
from agent.journal.journal import Export, Journal
from agent.journal.records import Entry, History
from agent.retention import delete_old, unresolved_files
from agent.simulator.server import SimulatorServer
from tests.command_bench import Box
from tests.command_checkouts import ATTENTION, COMPLETED, OTHER_AMOUNT, TO_THE_DRAWER, UNSURE, fill, put
from tests.journal_entries import DIGITS, WALL, journal_at, lone, new, sale
from tests.moved_clock import LONG_S
from tests.till_bench import SEED, TillBench, at_work, drawer_of, whole_till

DAYS = 90
LATER = WALL + timedelta(days=DAYS + 1)


class NoTill:
    """A till that nobody asked anything of."""

    async def forget_unresolved(self, before: datetime, export: Export, *, forgotten: Callable[[], None]) -> int:
        return 0


def nobody() -> None:
    """No page is open."""


def lines_of(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@asynccontextmanager
async def offline_till(box: Box) -> AsyncIterator[TillBench]:
    """The till of this box, while the API is away."""
    async with SimulatorServer() as simulator, drawer_of(box.state) as drawer:
        simulator.refuse_connections(LONG_S)
        async with at_work(box.state, simulator, drawer) as bench:
            yield bench


async def commit(journal: Journal, *entries: Entry) -> None:
    for entry in entries:
        await journal.commit(entry)


async def test_what_is_old_is_exported_and_deleted_and_what_is_young_or_open_stays(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await commit(journal, *sale("co_old"), lone(), new("co_open"))
        young = LATER - timedelta(days=1)
        await commit(journal, *sale("co_young", young))
        assert await delete_old(DAYS, tmp_path, journal, NoTill(), LATER, forgotten=nobody) == 2
        assert {checkout.id for checkout in await journal.checkouts()} == {"co_open", "co_young"}
        assert await delete_old(DAYS, tmp_path, journal, NoTill(), LATER, forgotten=nobody) == 0

    file = tmp_path / "exports" / f"checkouts-{LATER:%Y-%m}.jsonl"
    checkout, opening = lines_of(file)
    assert (checkout["id"], checkout["phase"]) == ("co_old", "completed")
    assert len(checkout["history"]) == len(sale("co_old"))  # type: ignore[arg-type]
    assert set(opening) == {"history"}
    assert DIGITS not in file.read_text()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_what_cannot_be_exported_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file where the directory should be")
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await commit(journal, *sale("co_old"))
        with pytest.raises(NotWritten, match="exports"):
            await delete_old(DAYS, tmp_path, journal, NoTill(), LATER, forgotten=nobody)
        assert await journal.checkout("co_old") is not None


async def test_a_line_that_a_crash_left_half_spoils_no_other(tmp_path: Path) -> None:
    file = tmp_path / "exports" / f"checkouts-{LATER:%Y-%m}.jsonl"
    file.parent.mkdir()
    file.write_text('{"id": "co_ha')
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await commit(journal, *sale("co_old"))
        await delete_old(DAYS, tmp_path, journal, NoTill(), LATER, forgotten=nobody)
    assert json.loads(file.read_text().splitlines()[1])["id"] == "co_old"


async def test_a_clock_before_the_newest_entry_deletes_nothing(tmp_path: Path) -> None:
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        await commit(journal, *sale("co_old"), *sale("co_future", LATER + timedelta(days=1)))
        assert await delete_old(DAYS, tmp_path, journal, NoTill(), LATER, forgotten=nobody) == 0
        assert await journal.checkout("co_old") is not None


async def test_a_payment_that_nobody_decided_leaves_too_and_check_names_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(tmp_path, capsys)
    await fill(box.journal)
    async with offline_till(box) as bench:
        later = bench.till.wall() + timedelta(days=DAYS + 1)
        told: list[set[str]] = []
        pages = lambda: told.append({checkout.id for checkout in bench.till.open_checkouts})  # noqa: E731
        await delete_old(DAYS, box.state, bench.journal, bench.till, later, forgotten=pages)
        left = {checkout.id for checkout in bench.till.open_checkouts}
        assert ATTENTION not in left
        assert told == [left]
        await delete_old(DAYS, box.state, bench.journal, bench.till, later, forgotten=pages)
        assert len(told) == 1
        assert UNSURE in left
        assert await bench.journal.checkout(ATTENTION) is None
        assert await bench.journal.checkout(COMPLETED) is None
    [file] = unresolved_files(box.state)
    assert [line["id"] for line in lines_of(file)] == [ATTENTION]
    said = await box.types("check")
    assert "WRONG  payments        1 that nobody decided in time are in" in said.out
    assert all(DIGITS.encode() not in each.read_bytes() for each in box.state.rglob("*") if each.is_file())


async def test_a_payment_that_left_is_forgotten_though_the_disk_refuses_to_wipe_its_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(tmp_path, capsys)
    await fill(box.journal)
    async with offline_till(box) as bench:
        later = bench.till.wall() + timedelta(days=DAYS + 1)
        with read_only(box.journal.with_name("journal.sqlite.pads")):
            assert await bench.till.forget_unresolved(later, _nowhere, forgotten=nobody) == 1
            await bench.journal.newest_entry()  # the wiping had its turn before
        assert bench.till.find_open(ATTENTION) is None
        assert await bench.till.forget_unresolved(later, _never, forgotten=nobody) == 0


async def test_pages_are_told_of_the_payments_that_left_before_one_that_could_not_be_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(tmp_path, capsys)
    async with journal_at(box.journal) as journal:
        for payment in ("co_first", "co_second"):
            await put(journal, payment, WALL, *TO_THE_DRAWER, OTHER_AMOUNT)
    exported: list[str] = []
    told: list[list[str]] = []

    async def export(histories: Sequence[History]) -> None:
        if exported:
            raise NotWritten("no room")
        exported.extend(history.checkout.id for history in histories if history.checkout)

    async with offline_till(box) as bench:
        pages = lambda: told.append([checkout.id for checkout in bench.till.open_checkouts])  # noqa: E731
        with pytest.raises(NotWritten, match="no room"):
            await bench.till.forget_unresolved(LATER, export, forgotten=pages)
    assert (exported, told) == (["co_first"], [["co_second"]])


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Let the one descriptor that this process has of a file refuse every write."""
    [descriptor] = [int(each.name) for each in Path("/proc/self/fd").iterdir() if _is(each, path)]
    kept, refusing = os.dup(descriptor), os.open(path, os.O_RDONLY)
    os.dup2(refusing, descriptor, inheritable=False)
    os.close(refusing)
    try:
        yield
    finally:
        os.dup2(kept, descriptor, inheritable=False)
        os.close(kept)


def _is(descriptor: Path, path: Path) -> bool:
    try:
        return descriptor.samefile(path)
    except FileNotFoundError:  # the one that listed them
        return False


async def test_somebody_who_decides_in_the_last_moment_is_heard(tmp_path: Path) -> None:
    async with whole_till(tmp_path) as bench:
        await bench.till.create(SEED)
        tomorrow = bench.till.wall() + timedelta(days=1)
        assert await bench.till.forget_unresolved(tomorrow, _never, forgotten=nobody) == 0


async def _nowhere(_histories: object) -> None:
    """Keep nothing of it."""


async def _never(_histories: object) -> None:
    raise AssertionError


@pytest.mark.parametrize("sales_a_day", [8, pytest.param(100, marks=pytest.mark.system)])
async def test_the_file_levels_off(sales_a_day: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Thirty days of trade, of which five are kept: after the sixth day the file does not grow any more."""
    path = tmp_path / "journal.sqlite"
    log = path.with_name("journal.sqlite-wal")
    sizes = []
    async with journal_at(path) as journal:
        for day in range(30):
            wall = WALL + timedelta(days=day)
            for number in range(sales_a_day):
                await commit(journal, *sale(f"co_{day}_{number}", wall))
            await delete_old(5, tmp_path, journal, NoTill(), wall + timedelta(hours=12), forgotten=nobody)
            sizes.append(path.stat().st_size + log.stat().st_size)
        kept = len(await journal.checkouts(limit=10_000))
    assert kept == 5 * sales_a_day
    settled = sizes[8:]
    assert max(settled) <= 1.15 * min(settled), sizes
    with capsys.disabled():
        sys.stdout.write(f"journal: {30 * sales_a_day} checkouts, {kept} kept, at most {max(sizes) >> 10} KiB ")
