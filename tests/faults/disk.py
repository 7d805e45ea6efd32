"""The disk under the journal: built from `disk.c` by the machine's compiler, once, and registered with SQLite.

There is one in a process. It stands between SQLite and real files, best in memory; see `disk.c` for what it does.
"""

import _sqlite3
import ctypes
import hashlib
import os
import subprocess
import tempfile
from enum import IntEnum
from functools import cache
from pathlib import Path

from agent.journal.opening import beside
from agent.journal.reserve import SIZE_BYTES

URI_PARAMETERS = "vfs=tillwire-faults"
_SOURCE = Path(__file__).with_name("disk.c")


class Condition(IntEnum):
    """What the disk does with a write."""

    WORKS = 0
    FULL = 1
    REFUSES_WRITES = 2
    REFUSES_SYNCS = 3


class Disk:
    """The disk, with one journal on it."""

    def __init__(self, journal: Path, seed: int) -> None:
        self.journal = journal
        self._library = _library()
        self._library.tillwire_begin(seed, os.fsencode(beside(journal, ".reserve")), SIZE_BYTES)
        if self._library.tillwire_adopt(os.fsencode(journal)) != 0:
            raise FileNotFoundError(journal)
        self._library.tillwire_adopt(os.fsencode(beside(journal, ".pads")))  # where there is one

    def becomes(self, condition: Condition, room: int = 0) -> None:
        """From now on. `room`: bytes by which files may still grow when it is full."""
        self._library.tillwire_condition(condition, room)

    def stop_at(self, operation: int, *, after: bool) -> None:
        """Let the machine stop at this operation, counted from the next one: before it, or when it is done."""
        self._library.tillwire_stop_at(operation, after)

    @property
    def stopped(self) -> bool:
        """The machine has stopped in the middle of something."""
        return bool(self._library.tillwire_stopped())

    @property
    def operations(self) -> int:
        """Writes, truncations, deletions and syncs up to now."""
        return int(self._library.tillwire_operations())

    @property
    def is_syncing(self) -> bool:
        """What was done last is a sync, and it is not settled: a power cut still takes of it what it will."""
        return bool(self._library.tillwire_is_syncing())

    def settle(self) -> None:
        """The sync that is under way has ended. Whatever else is asked of the disk has waited for it, too."""
        self._library.tillwire_settle()

    def process_dies(self) -> None:
        """What it wrote stays; what it still does reaches nothing."""
        self._library.tillwire_kill()

    def write(self, path: str, data: bytes, offset: int, size: int) -> None:
        """Somebody besides SQLite writes a file that has this size. Raises OSError."""
        _check(self._library.tillwire_write(os.fsencode(path), data, len(data), offset, size))

    def sync(self, path: str) -> None:
        """Somebody besides SQLite syncs what was written of a file. Raises OSError."""
        _check(self._library.tillwire_sync(os.fsencode(path)))

    def allocate(self, size: int) -> None:
        """Somebody wants so much room held back. Raises OSError."""
        _check(self._library.tillwire_allocate(size))

    def remove(self) -> None:
        """Somebody besides SQLite removes a file. Raises OSError."""
        _check(self._library.tillwire_remove())

    def process_starts(self) -> None:
        """Another one may use the files."""
        self._library.tillwire_start()

    def power_is_cut(self) -> None:
        """Of what was not synced some stays, some is lost, some is torn."""
        if self._library.tillwire_power_cut() != 0:
            raise OSError("the files of a run can't be written")


def _check(code: int) -> None:
    if code:
        raise OSError(code, os.strerror(code))


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(_built()))
    library.tillwire_disk.restype = ctypes.c_void_p
    library.tillwire_disk.argtypes = (ctypes.c_void_p,)
    library.tillwire_begin.argtypes = (ctypes.c_uint64, ctypes.c_char_p, ctypes.c_int64)
    library.tillwire_adopt.argtypes = (ctypes.c_char_p,)
    library.tillwire_write.argtypes = (
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_int64,
        ctypes.c_int64,
    )
    library.tillwire_sync.argtypes = (ctypes.c_char_p,)
    library.tillwire_allocate.argtypes = (ctypes.c_int64,)
    library.tillwire_condition.argtypes = (ctypes.c_int, ctypes.c_int64)
    library.tillwire_stop_at.argtypes = (ctypes.c_int64, ctypes.c_int)
    library.tillwire_operations.restype = ctypes.c_int64
    sqlite = ctypes.CDLL(_sqlite3.__file__)  # the symbols of the SQLite that Python's module works with
    sqlite.sqlite3_vfs_find.restype = ctypes.c_void_p
    sqlite.sqlite3_vfs_find.argtypes = (ctypes.c_char_p,)
    sqlite.sqlite3_vfs_register.argtypes = (ctypes.c_void_p, ctypes.c_int)
    if sqlite.sqlite3_vfs_register(library.tillwire_disk(sqlite.sqlite3_vfs_find(None)), 0) != 0:
        raise RuntimeError("SQLite does not take the disk")
    return library


def _built() -> Path:
    """Return the compiled disk, from the user's cache where it was built before."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tillwire"
    built = folder / f"disk-{hashlib.sha256(_SOURCE.read_bytes()).hexdigest()[:16]}.so"
    if not built.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            made = Path(fresh) / "disk.so"
            subprocess.run(
                ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", made, _SOURCE], check=True
            )
            made.replace(built)
    return built
