"""What removing the package finds out before it lets purging delete anything: the script as it is installed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.checkout.events import ResolveAsked
from tests.checkouts import cash_in, executed, read, refused
from tests.command_checkouts import fill, fill_with_one

SCRIPT = Path(__file__).parents[1] / "debian/unsettled-payments"
REFUSED = (cash_in(296), refused("ProductInternalException", "1234"), read("failed"))
RESOLVED = ResolveAsked(outcome="refunded", note="given back", by="Eva")


def names(directory: Path) -> list[str]:
    """Return what is named as somebody's money, below this directory; it has no configuration and no agent."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(["sh", SCRIPT, directory], check=True, capture_output=True, text=True, env={"PATH": path})
    return [line.partition(":")[0].removeprefix(f"{directory}/") for line in ran.stdout.splitlines()]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A till's state directory, with a lane's in it."""
    (tmp_path / "left").mkdir()
    return tmp_path


async def test_payments_that_are_booked_or_that_a_person_closed_are_not_named(state: Path) -> None:
    await fill_with_one(state / "journal.sqlite", *REFUSED, RESOLVED)
    await fill_with_one(state / "left/journal.sqlite", cash_in(296), executed())
    assert names(state) == []


async def test_each_journal_with_a_payment_that_is_not_booked_is_named(state: Path) -> None:
    await fill(state / "journal.sqlite")
    await fill_with_one(state / "left/journal.sqlite", *REFUSED)
    assert sorted(names(state)) == ["journal.sqlite", "left/journal.sqlite"]


def test_payments_that_nobody_decided_before_they_left_the_journal_are_named(state: Path) -> None:
    exports = state / "left/exports"
    exports.mkdir()
    for name in ("checkouts-2026-08.jsonl", "unresolved-2026-08.jsonl"):
        (exports / name).write_text("{}\n")
    assert names(state) == ["left/exports/unresolved-2026-08.jsonl"]


async def test_a_damaged_journal_and_one_that_was_moved_away_are_named(state: Path) -> None:
    (state / "journal.sqlite").write_bytes(b"this is no database " * 1000)
    await fill(state / "left/journal.sqlite")
    shutil.move(state / "left/journal.sqlite", state / "left/journal.sqlite.old")
    assert {"journal.sqlite", "left/journal.sqlite.old"} <= set(names(state))


async def test_a_state_directory_that_is_a_link_is_looked_into(state: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked"
    link.symlink_to(state / "left")
    await fill(state / "left/journal.sqlite")
    assert names(link) == ["journal.sqlite"]


def test_it_fails_where_it_cannot_look(state: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        names(state / "missing")
