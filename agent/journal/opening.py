"""Opens the file of a journal: locked against a second agent, readable by its owner only, checked, brought up to date.

The lock is a `flock` on a file of its own, since SQLite's locks end with the first other descriptor that is closed.
SQLite's `locking_mode=EXCLUSIVE` then needs no shared memory and two system calls less for each commit.
"""

import fcntl
import logging
import os
import shutil
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import quote

from agent.journal.errors import Damaged, InUse, NotWritten, reading, writing
from agent.journal.schema import migrate

CHECKED_AT_EACH_START_BYTES = 64 << 20
"""The check reads the whole file. Up to this size, months of a busy till, it takes a fraction of a second; a larger
journal is checked only when it was not closed in order."""

_BUSY_TIMEOUT_S = 1.0  # somebody looks at the file with a shell of SQLite while the agent starts
_OWNER_ONLY = 0o600
_PRAGMAS = (
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    "wal_autocheckpoint = 4000",  # 16 MiB, never in practice: Database.keep_house is earlier
    "synchronous = FULL",  # a commit is on the disk when it returns, power cut or not
    "secure_delete = ON",  # what is deleted is overwritten with zeros
    "foreign_keys = ON",
    "cell_size_check = ON",  # damage is noticed when a page is read
    "temp_store = MEMORY",  # no other files
)

_logger = logging.getLogger("tillwire.journal")


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to the journal, e.g. `journal.sqlite.lock`."""
    return path.with_name(path.name + suffix)


def lock(path: Path, resources: ExitStack) -> None:
    """Make sure that nobody else has this journal, until `resources` are closed. Raises InUse or NotWritten."""
    descriptor = open_beside(path, ".lock", resources)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InUse(f"another agent has {path.parent} open") from None


def open_connection(path: Path, uri_parameters: str, resources: ExitStack) -> sqlite3.Connection:
    """Return the only connection to the journal, checked and brought up to date; closed by `resources`.

    Raises InUse, TooNew, Damaged or NotWritten.
    """
    with ExitStack() as briefly:
        open_beside(path, "", briefly)
    is_new, to_be_checked = path.stat().st_size == 0, _is_to_be_checked(path)
    _write_log_anew(path)
    with writing():
        connection = _connect(path, uri_parameters)
        resources.callback(connection.close)
        if is_new:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _configure(connection)
    if to_be_checked:
        _check(connection)
    with writing():
        migrate(connection)
    return connection


def open_beside(path: Path, suffix: str, resources: ExitStack) -> int:
    """Open or make a file that belongs to the journal, for its owner only and durable in its directory.

    Closed by `resources`. Raises NotWritten.
    """
    try:
        descriptor = os.open(beside(path, suffix), os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
        resources.callback(os.close, descriptor)
        os.fchmod(descriptor, _OWNER_ONLY)
        _sync_directory(path.parent)
    except OSError as error:
        raise NotWritten(f"{path.parent}: {error.strerror}") from error
    return descriptor


def _sync_directory(path: Path) -> None:
    """SQLite does this for its log, but not for the database."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_to_be_checked(path: Path) -> bool:
    """SQLite removes the log when it closes a database in order."""
    return beside(path, "-wal").exists() or path.stat().st_size <= CHECKED_AT_EACH_START_BYTES


def _write_log_anew(path: Path) -> None:
    """Make sure that the log which another process left is on the disk before anything is built on it.

    Where the disk refused to sync, Linux keeps the pages as if they were written: they can be read and never reach the
    disk. Everything that is committed after them would be lost with them at the next power cut. Raises NotWritten.
    """
    try:
        with beside(path, "-wal").open("r+b", buffering=0) as log:
            os.pwrite(log.fileno(), log.readall(), 0)
            os.fdatasync(log.fileno())
    except FileNotFoundError:
        return
    except OSError as error:
        raise NotWritten(f"the log of the journal can't be written: {error.strerror}") from error


def _connect(path: Path, uri_parameters: str) -> sqlite3.Connection:
    uri = f"file:{quote(str(path.absolute()))}?mode=rwc&{uri_parameters}"
    return sqlite3.connect(
        uri, uri=True, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
    )  # transactions are begun by name, and the jobs come one after the other but from any thread


def _configure(connection: sqlite3.Connection) -> None:
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").fetchall()
    [(mode,)] = connection.execute("PRAGMA journal_mode")
    if mode != "wal":
        raise NotWritten(f"this file system takes no write-ahead log (journal_mode {mode})")


def _check(connection: sqlite3.Connection) -> None:
    with reading():
        [(verdict,)] = connection.execute("PRAGMA quick_check(1)")
    if verdict != "ok":
        raise Damaged(" ".join(verdict.split()))


def keep_copy(path: Path) -> None:
    """Keep the damaged journal as it was found. The first copy stays: it is the nearest to what happened."""
    for source in (path, beside(path, "-wal")):
        copy = beside(source, ".damaged")
        try:
            if source.exists() and source.stat().st_size > 0 and not copy.exists():
                _copy(source, copy)
                _logger.error("the journal is damaged; a copy of it is kept as %s", copy)
        except OSError as error:
            _logger.error("the journal is damaged, and no copy of it could be kept: %s", error)  # noqa: TRY400  # one line


def _copy(source: Path, copy: Path) -> None:
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    with source.open("rb") as reader, os.fdopen(descriptor, "wb") as writer:
        shutil.copyfileobj(reader, writer)
