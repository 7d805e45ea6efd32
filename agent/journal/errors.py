"""What can come of the journal besides a good answer, named by what the caller must do.

    JournalError
    ├── InUse        another agent, or a tool, has this journal open. Don't run
    ├── TooNew       a newer Tillwire wrote it. Upgrade; don't touch it
    ├── Damaged      it can't be trusted. No money business; a person must look
    ├── NotWritten   the disk refuses. Nothing is changed; what was to follow the entry must not happen
    │   └── DiskFull
    └── EventsGone   this place of the stream is not known (any more). Send a snapshot

The texts hold no card number and no content of a checkout.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


class JournalError(Exception):
    """Anything the journal can't do, other than by a mistake of ours."""


class InUse(JournalError):
    """Another agent or tool has this journal open."""


class TooNew(JournalError):
    """A newer release wrote this journal."""


class Damaged(JournalError):
    """The journal can't be read or can't be trusted."""


class NotWritten(JournalError):
    """The disk refused, or what was to be changed has left the journal, which stands as before.

    One case is left: where the disk took the entry and then failed to confirm it, a power cut right after may still
    bring it back. So it is *not acknowledged*, never *undone*.
    """


class DiskFull(NotWritten):
    """No room for the entry."""


class EventsGone(JournalError):
    """The stream can't be resumed from here: too old, or of another journal."""


def _kinds(on_disk_error: type[JournalError]) -> dict[int, type[JournalError]]:
    return {
        sqlite3.SQLITE_CORRUPT: Damaged,
        sqlite3.SQLITE_NOTADB: Damaged,
        sqlite3.SQLITE_FULL: DiskFull,
        sqlite3.SQLITE_BUSY: InUse,
        sqlite3.SQLITE_LOCKED: InUse,
        sqlite3.SQLITE_IOERR: on_disk_error,
        sqlite3.SQLITE_READONLY: on_disk_error,
        sqlite3.SQLITE_CANTOPEN: on_disk_error,
        sqlite3.SQLITE_PERM: on_disk_error,
        sqlite3.SQLITE_NOMEM: on_disk_error,
    }


_WRITING = _kinds(NotWritten)
_READING = _kinds(Damaged)
_PRIMARY_CODE = 0xFF  # SQLite keeps the kind of an error in the lowest byte of its code


@contextmanager
def writing() -> Iterator[None]:
    """Name SQLite's errors; one of the disk is NotWritten. What isn't named is a mistake of ours and goes through."""
    try:
        yield
    except sqlite3.Error as error:
        _raise_named(error, _WRITING)
        raise


@contextmanager
def reading() -> Iterator[None]:
    """Name SQLite's errors; one of the disk is Damaged, since nothing can be said about what was not read."""
    try:
        yield
    except sqlite3.Error as error:
        _raise_named(error, _READING)
        raise


def _raise_named(error: sqlite3.Error, kinds: dict[int, type[JournalError]]) -> None:
    code = getattr(error, "sqlite_errorcode", None)  # none when the sqlite3 module itself complains
    kind = kinds.get(code & _PRIMARY_CODE) if code is not None else None
    if kind is not None:
        raise kind(f"{error} ({error.sqlite_errorname})") from error
