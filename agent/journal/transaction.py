"""All or nothing: one transaction, and what is left of it when the disk refuses."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from agent.journal.errors import writing


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what is done inside, or nothing of it. Raises NotWritten, DiskFull, InUse or Damaged."""
    try:
        with writing():
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            # SQLite gives the transaction up also where it reports that the disk failed again meanwhile.
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
