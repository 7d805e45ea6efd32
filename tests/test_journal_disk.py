"""Disks that fill up, refuse, or become read-only. Nothing is half written, and a confirmation finds its reserve.

The disk is a small tmpfs in a mount namespace of its own, which needs no root where the kernel allows user namespaces.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.journal.reserve import SIZE_BYTES, Reserve

ROOT = Path(__file__).parent.parent
OWN_MOUNTS = ("unshare", "--user", "--map-root-user", "--mount")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)


def story_of(*command: str) -> dict[str, object]:
    done = run(*command)
    assert done.returncode == 0, done.stderr
    story: dict[str, object] = json.loads(done.stdout)
    return story


@pytest.fixture
def on_small_disk(tmp_path: Path) -> tuple[str, ...]:
    if run(*OWN_MOUNTS, "true").returncode != 0:
        pytest.skip("this kernel allows no user namespaces")
    mount = f'mount -t tmpfs -o size=3m none "$1" && exec "{sys.executable}" -m tests.journal_child "$2" "$1"'
    return (*OWN_MOUNTS, "sh", "-c", mount, "sh", str(tmp_path))


@pytest.mark.system_too
def test_on_a_full_disk_a_confirmation_is_written_and_nothing_that_can_wait(on_small_disk: tuple[str, ...]) -> None:
    assert story_of(*on_small_disk, "small-disk") == {
        "reserve at first": True,
        "a new checkout": "DiskFull",
        "the drawer is to be asked": "DiskFull",
        "reserve still": True,
        "the cash is confirmed": 5,
        "and of another": 6,
        "reserve after": False,
        "reserve without room": False,
        "after a restart": ["confirmed", "confirmed"],
        "events": [1, 2, 3, 4, 5, 6],
        "reserve with room": True,
        "a new checkout then": 7,
    }


@pytest.mark.system_too
def test_a_read_only_disk_is_said(on_small_disk: tuple[str, ...]) -> None:
    story = story_of(*on_small_disk, "read-only")

    assert "NotWritten" in str(story["opened"])
    assert "Read-only file system" in str(story["opened"])


def test_an_error_of_the_disk_changes_nothing(tmp_path: Path) -> None:
    story = story_of(sys.executable, "-m", "tests.journal_child", "file-limit", str(tmp_path))

    assert story == {
        "beyond the limit": "NotWritten",
        "reserve": True,
        "still there": ["draft"],
        "without limit": 2,
        "latest": [2, 2],
    }


def test_the_reserve_is_really_allocated(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve")
    before = reserve.held

    reserve.restore()

    assert (before, reserve.held) == (False, True)
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= SIZE_BYTES
    assert Reserve(tmp_path / "reserve").held


def test_a_reserve_that_was_not_allocated_whole_does_not_count(tmp_path: Path) -> None:
    with (tmp_path / "reserve").open("wb") as file:
        file.truncate(SIZE_BYTES)

    assert not Reserve(tmp_path / "reserve").held


def test_the_reserve_is_given_up_once(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve")
    reserve.restore()

    assert [reserve.give_up(), reserve.give_up()] == [True, False]
    assert not (tmp_path / "reserve").exists()
