"""Folders that are made once and kept, between processes. Each of the others here is a process of its own."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.kept import forget_unused, kept

OTHER_RUN = """
import sys
from pathlib import Path
from tests.kept import kept

def tell(what):
    print(what, flush=True)
    sys.stdin.readline()

def make(folder):
    (folder / "half").touch()
    tell("makes")
    (folder / "whole").touch()

with kept(Path(sys.argv[1]), make):
    tell("uses")
"""


class OtherRun:
    """A run that stops at what it tells until it is told to go on."""

    def __init__(self, process: subprocess.Popen[str], told: IO[str], tells: IO[str]) -> None:
        self._process = process
        self._told = told
        self._tells = tells

    def tells(self) -> str:
        return self._tells.readline().strip()

    def go_on(self) -> None:
        self._told.write("\n")
        self._told.flush()

    def ends(self) -> None:
        self.go_on()
        assert self._process.wait() == 0

    def is_killed(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def other_run(folder: Path) -> Iterator[OtherRun]:
    command = (sys.executable, "-c", OTHER_RUN, str(folder))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield OtherRun(process, process.stdin, process.stdout)
        finally:
            process.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "machine-1"


def make(folder: Path) -> None:
    (folder / "mine").touch()


def not_again(folder: Path) -> None:
    raise AssertionError(f"{folder} was made again")


def is_locked(folder: Path) -> bool:
    """Whether nobody else may use it now."""
    with folder.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def content(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def test_while_one_makes_it_nobody_else_makes_or_uses_it(folder: Path) -> None:
    with other_run(folder) as first:
        assert first.tells() == "makes"
        assert is_locked(folder)
        assert not folder.exists()
        with other_run(folder) as second:
            first.go_on()
            assert (first.tells(), second.tells()) == ("uses", "uses")
            assert content(folder) == {"half", "whole"}
            second.ends()
        first.ends()


def test_what_is_there_is_used_by_many_at_once(folder: Path) -> None:
    with kept(folder, make), other_run(folder) as other:
        assert other.tells() == "uses"
        with kept(folder, not_again) as mine:
            assert content(mine) == {"mine"}
        other.ends()


def test_what_another_run_makes_or_uses_is_not_forgotten(folder: Path) -> None:
    with other_run(folder) as other:
        assert other.tells() == "makes"
        forget_unused(folder.parent, "machine")
        other.go_on()
        assert other.tells() == "uses"
        forget_unused(folder.parent, "machine")
        assert content(folder) == {"half", "whole"}
        other.ends()
    forget_unused(folder.parent, "machine")
    assert not folder.exists()


def test_what_this_run_uses_is_not_forgotten(folder: Path) -> None:
    with kept(folder, make):
        forget_unused(folder.parent, "machine")
        assert content(folder) == {"mine"}


def test_only_what_has_the_name_is_forgotten(folder: Path) -> None:
    others = [folder.with_name("machine-2"), folder.with_name("machinery-1")]
    for each in (folder, *others):
        with kept(each, make):
            pass
    with kept(folder, not_again):
        forget_unused(folder.parent, "machine")
    assert [each.exists() for each in (folder, *others)] == [True, False, True]


def test_what_a_killed_run_left_half_made_is_made_anew(folder: Path) -> None:
    with other_run(folder) as other:
        assert other.tells() == "makes"
        other.is_killed()
    with kept(folder, make):
        assert content(folder) == {"mine"}


def test_what_a_killed_run_left_half_made_is_forgotten(folder: Path) -> None:
    with other_run(folder) as other:
        assert other.tells() == "makes"
        other.is_killed()
    forget_unused(folder.parent, "machine")
    assert content(folder.parent) == {"machine-1.lock"}


def test_what_could_not_be_made_is_made_by_the_next(folder: Path) -> None:
    with pytest.raises(AssertionError, match="again"), kept(folder, not_again):
        pass
    assert not folder.exists()
    with kept(folder, make):
        assert content(folder) == {"mine"}


def test_who_asks_while_it_is_forgotten_makes_it_anew(folder: Path) -> None:
    with kept(folder, make):
        pass
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with other_run(folder) as other:
            (folder / "mine").unlink()
            folder.rmdir()
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert other.tells() == "makes"
            other.go_on()
            assert other.tells() == "uses"
            other.ends()
