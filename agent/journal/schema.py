"""The tables of the journal, and how a journal of an older release becomes one of this release.

- `checkout`: the state of each checkout, one row, rewritten by each of its events. The truth.
- `event`: what happened, one small row each; never read back into state. `changes` are the fields that the event set
  in the checkout (docs/decisions/0005-journal-events-hold-changed-fields.md). `checkout_id` is null for what concerns
  the till.
- `card`: the one place where a card number stands, while its checkout is not finished; hidden by a pad
  (agent/journal/pads.py).
- `idempotency`: which request an event answered.
- `meta`: one row; `whole_from` is the first sequence from which on no event was deleted.

A released migration is never edited: a change of the tables is one more entry of MIGRATIONS.
"""

import sqlite3

from agent.journal.errors import Damaged, TooNew
from agent.journal.transaction import transaction

APPLICATION_ID = 0x54494C4C  # "TILL": what `file` and we ourselves know the file by

FINISHED = "phase IN ('cancelled', 'completed', 'failed', 'resolved')"
"""Word for word as in the index below, or SQLite does not use it."""

Migration = tuple[str, ...]

MIGRATIONS: tuple[Migration, ...] = (
    (
        "CREATE TABLE meta (id TEXT NOT NULL, created TEXT NOT NULL, whole_from INTEGER NOT NULL) STRICT",
        # The id is shorter than a card number and ends in a letter: no masking ever touches the id of an event.
        """INSERT INTO meta VALUES
            (lower(hex(randomblob(5))) || 'j', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 1)""",
        """CREATE TABLE checkout (
            number INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            phase TEXT NOT NULL,
            updated TEXT NOT NULL,
            state TEXT NOT NULL
        ) STRICT""",
        "CREATE INDEX checkout_phase ON checkout (phase)",
        """CREATE INDEX checkout_finished ON checkout (updated)
            WHERE phase IN ('cancelled', 'completed', 'failed', 'resolved')""",
        """CREATE TABLE event (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            checkout_id TEXT REFERENCES checkout (id) ON DELETE CASCADE,
            kind TEXT NOT NULL,
            at TEXT NOT NULL,
            data TEXT NOT NULL,
            situation TEXT NOT NULL,
            changes TEXT
        ) STRICT""",
        "CREATE INDEX event_checkout ON event (checkout_id)",
        """CREATE INDEX event_handed_over ON event (json_extract(data, '$.transaction_id'))
            WHERE kind = 'HandedOver'""",
        """CREATE TABLE card (
            checkout_id TEXT PRIMARY KEY REFERENCES checkout (id) ON DELETE CASCADE,
            slot INTEGER NOT NULL,
            hidden BLOB NOT NULL
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE idempotency (
            key TEXT PRIMARY KEY,
            digest TEXT NOT NULL,
            sequence INTEGER NOT NULL REFERENCES event (sequence) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX idempotency_event ON idempotency (sequence)",
    ),
)


def migrate(connection: sqlite3.Connection, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Bring the journal to this release, each step in one transaction. Raises TooNew, Damaged or NotWritten."""
    version = _version(connection)
    if version > len(migrations):
        raise TooNew(f"a newer Tillwire wrote this journal (version {version}, this one knows {len(migrations)})")
    for number, migration in enumerate(migrations[version:], version + 1):
        with transaction(connection):
            for statement in migration:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number:d}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID:d}")


def _version(connection: sqlite3.Connection) -> int:
    [(version,)] = connection.execute("PRAGMA user_version")
    [(application_id,)] = connection.execute("PRAGMA application_id")
    [(tables,)] = connection.execute("SELECT count(*) FROM sqlite_schema")
    if tables and application_id != APPLICATION_ID:
        raise Damaged("this is a database, but not a journal of Tillwire")
    return int(version)
