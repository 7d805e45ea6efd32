"""What can still be read of a damaged journal, checkout by checkout. Blocking.

It is read from a copy, with the log that lies beside it, so that the journal stays as it was found. A damaged page
takes the checkouts on it along and no others: each is asked for by its number.
"""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from agent.checkout.state import Checkout
from agent.journal import codec
from agent.journal.errors import Damaged
from agent.journal.opening import beside

MOST_LOOKED_FOR = 1 << 17
"""Where the journal does not tell any more how many checkouts there were; some years of a busy till."""
_HIGHEST = (
    "SELECT max(number) FROM checkout",
    "SELECT seq FROM sqlite_sequence WHERE name = 'event'",  # each checkout has an event of its own
)


def salvage(path: Path) -> Iterator[Checkout | None]:
    """Yield each checkout that can be read, the oldest first, and None for each that was there and cannot be.

    Raises Damaged when nothing at all can be read, and OSError.
    """
    with tempfile.TemporaryDirectory(prefix="tillwire-") as directory:
        copy = Path(directory) / path.name
        for suffix in ("", "-wal"):
            if beside(path, suffix).exists():
                shutil.copyfile(beside(path, suffix), beside(copy, suffix))
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            yield from _checkouts(connection)


def _checkouts(connection: sqlite3.Connection) -> Iterator[Checkout | None]:
    found = 0
    for number in range(1, _highest(connection) + 1):
        try:
            row = connection.execute("SELECT state FROM checkout WHERE number = ?", (number,)).fetchone()
            if row is None:
                continue
            checkout = codec.decode_checkout(row[0])
        except (sqlite3.Error, Damaged, UnicodeDecodeError, TypeError):
            yield None
        else:
            found += 1
            yield checkout
    if not found:
        raise Damaged("nothing of the journal can be read")


def _highest(connection: sqlite3.Connection) -> int:
    for statement in _HIGHEST:
        with suppress(sqlite3.Error):
            row = connection.execute(statement).fetchone()
            return int(row[0] or 0) if row is not None else 0
    return MOST_LOOKED_FOR if _has_table(connection) else 0


def _has_table(connection: sqlite3.Connection) -> bool:
    try:
        return bool(connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'checkout'").fetchone()[0])
    except sqlite3.Error:
        return False
