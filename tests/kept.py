"""Folders that are made once and kept for later runs: nobody meets half of one, and none is removed while in use.

Beside each lies its lock (flock): exclusive while the folder is made or forgotten, shared while a run uses it. The lock
of a run that was killed is let go by the kernel.
"""

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = ".lock"
UNFINISHED = ".new"


@contextmanager
def kept(folder: Path, make: Callable[[Path], object]) -> Iterator[Path]:
    """Give a folder until the end of the block, made by the first who asks for it while others wait."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        while not folder.is_dir():  # looked at again: one kind of lock is let go before the other is taken
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                _make(folder, make)
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder


def forget_unused(parent: Path, name: str) -> None:
    """Remove the folders whose names begin with this one, but for those that a run makes or uses."""
    for lock_file in parent.glob(f"{name}-*{LOCK}"):
        with lock_file.open("w") as lock, suppress(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(lock_file.with_suffix(""))


def _make(folder: Path, make: Callable[[Path], object]) -> None:
    beside = folder.with_suffix(UNFINISHED)
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    make(beside)
    beside.rename(folder)


def _remove(folder: Path) -> None:
    """Remove it and what is left of an attempt to make it; half removed, it is unfinished again."""
    beside = folder.with_suffix(UNFINISHED)
    shutil.rmtree(beside, ignore_errors=True)
    with suppress(FileNotFoundError):
        folder.rename(beside)
        shutil.rmtree(beside)
