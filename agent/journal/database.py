"""What is written to the journal's tables and read from them. Blocking: all of it runs on the journal's executor."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime

from agent.card import CardNumber
from agent.checkout.state import Checkout, Json, Phase
from agent.journal import codec, statements
from agent.journal.errors import Damaged, DiskFull, EventsGone, NotWritten, reading, writing
from agent.journal.pads import Pads
from agent.journal.records import AnsweredRequest, CardRow, Entry, History, OpenCheckout, StoredEvent
from agent.journal.reserve import Reserve
from agent.journal.transaction import transaction

PAGES_GIVEN_BACK_AT_ONCE = 256  # 1 MiB: commits get their turn between two of these
ENTRIES_IN_LOG = 100
"""The log is copied into the database at the end of a checkout when it has so many. SQLite itself would do it in the
middle of the commit that fills a thousand pages, which may be the one between the closing drawer and `start/cash`."""

_NOTHING_TAKEN = frozenset({Phase.DRAFT, Phase.APPLYING, Phase.DUE, Phase.AWAITING_CASH, Phase.CANCELLED, Phase.FAILED})
MOST_JUST_ENDED = 100
"""A till ends fewer checkouts in the few minutes for which one that just ended is looked for."""
_END = 1 << 62  # above every number
_EventRow = tuple[int, str | None, str, str, str, str, str | None]


class Database:
    """The tables of one journal. `latest_sequence` and `whole_from` may be read anywhere."""

    def __init__(self, connection: sqlite3.Connection, pads: Pads, reserve: Reserve) -> None:
        self._connection = connection
        self._pads = pads
        self.reserve = reserve
        with reading():
            self.id = _name(connection)
            self.whole_from = _number(connection.execute(statements.WHOLE_FROM))
            self.latest_sequence = _number(connection.execute(statements.LATEST_SEQUENCE))
        self._copied_sequence = self.latest_sequence
        self.wipe_cards()

    def commit(self, entries: Sequence[Entry], syncing: Callable[[], None] | None = None) -> int:
        """Write the entries whole, together, and return the sequence of the last when they are on the disk.

        `syncing` is called when only the disk is waited for; the commit may still fail, or have to be written again.

        On a full disk the reserve is given up, but only for a checkout whose cash is, or may be, in the drawer. What
        comes before that must find ordinary room: this is how the room is proved.
        """
        try:
            return self._write(entries, syncing)
        except DiskFull:
            if not any(map(_must_be_written, entries)) or not self.reserve.give_up():
                raise
        return self._write(entries, syncing)

    def _write(self, entries: Sequence[Entry], syncing: Callable[[], None] | None) -> int:
        with transaction(self._connection):
            sequences = [self._put(entry) for entry in entries]
            if syncing is not None:
                syncing()
        self.latest_sequence = sequences[-1]
        return self.latest_sequence

    def _put(self, entry: Entry) -> int:
        if entry.checkout is not None:
            self._put_checkout(entry.checkout, entry.before)
        sequence = self._add_event(entry)
        if entry.checkout is not None:
            self._put_card(entry.checkout, entry.card)
        if entry.idempotency is not None:
            answered = (entry.idempotency.key, entry.idempotency.digest, sequence)
            self._connection.execute(statements.ADD_IDEMPOTENCY, answered)
        return sequence

    def _put_checkout(self, checkout: Checkout, before: Checkout | None) -> None:
        row = {
            "id": checkout.id,
            "phase": checkout.phase.value,
            "updated": codec.encode_time(checkout.updated),
            "state": codec.encode_checkout(checkout),
        }
        if before is None:
            self._connection.execute(statements.PUT_CHECKOUT, row)
            return
        same_phase = before.phase is checkout.phase
        update = statements.UPDATE_CHECKOUT if same_phase else statements.MOVE_CHECKOUT
        if not self._connection.execute(update, row).rowcount:  # put back, it would have changes without a beginning
            raise NotWritten(f"{checkout.id} has left the journal")

    def _add_event(self, entry: Entry) -> int:
        row = (
            entry.checkout.id if entry.checkout is not None else None,
            type(entry.event).__name__,
            codec.encode_time(entry.situation.wall),
            codec.encode_event(entry.event),
            codec.encode_situation(entry.situation),
            codec.encode_changes(entry.before, entry.checkout) if entry.checkout is not None else None,
        )
        sequence = self._connection.execute(statements.ADD_EVENT, row).lastrowid
        assert sequence is not None  # noqa: S101  # an INSERT has one
        return sequence

    def _put_card(self, checkout: Checkout, card: CardNumber | CardRow) -> None:
        if checkout.final or card is CardRow.WIPED:
            self._connection.execute(statements.WIPE_CARD, (checkout.id,))
        elif isinstance(card, CardNumber):
            self._connection.execute(statements.PUT_CARD, (checkout.id, *self._pads.hide(card)))

    def keep_house(self) -> None:
        """Do what the end of a checkout leaves to be done, and restore the reserve if there is room again."""
        self.wipe_cards()
        if self.latest_sequence - self._copied_sequence >= ENTRIES_IN_LOG:
            self.empty_log()
        self.reserve.restore()

    def wipe_cards(self) -> None:
        """Destroy each card number that is not in the table any more."""
        with reading():
            in_use = {slot for (slot,) in self._connection.execute(statements.SLOTS_IN_USE)}
        self._pads.renew(in_use)

    def empty_log(self) -> None:
        with writing():
            self._connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        self._copied_sequence = self.latest_sequence

    def newest_entry(self) -> datetime | None:
        with reading():
            [(at,)] = self._connection.execute(statements.NEWEST_ENTRY)
        return codec.decode_time(at) if at is not None else None

    def open_checkouts(self) -> list[OpenCheckout]:
        with reading():
            rows = self._connection.execute(statements.OPEN_CHECKOUTS).fetchall()
        return [
            OpenCheckout(
                checkout=codec.decode_checkout(state),
                card=self._pads.reveal(slot, hidden) if slot is not None else None,
            )
            for state, slot, hidden in rows
        ]

    def checkout(self, checkout_id: str) -> Checkout | None:
        with reading():
            state = _text(self._connection.execute(statements.CHECKOUT, (checkout_id,)))
        return codec.decode_checkout(state) if state is not None else None

    def with_transaction(self, transaction_id: str, since: datetime) -> Checkout | None:
        with reading():
            state = _text(self._connection.execute(statements.HANDED_OVER, (transaction_id,)))
        if state is not None:
            return codec.decode_checkout(state)
        ended = self.finished_since(since, None, MOST_JUST_ENDED)
        return next((each for each in ended if each.transaction and each.transaction.id == transaction_id), None)

    def checkouts(self, phase: Phase | None, limit: int, before: str | None) -> list[Checkout]:
        statement = statements.NEWEST if phase is None else statements.NEWEST_OF_PHASE
        with reading():
            place = _END if before is None else _number(self._connection.execute(statements.PLACE, (before,)))
            rows = self._connection.execute(statement, {"phase": phase, "before": place, "limit": limit}).fetchall()
        return [codec.decode_checkout(state) for (state,) in rows]

    def finished_since(self, wall: datetime, after: str | None, limit: int) -> list[Checkout]:
        with reading():
            ended = self._connection.execute(statements.END_OF, (after,)).fetchone() or ("", 0)
            row = {"since": codec.encode_time(wall), "updated": ended[0], "number": ended[1], "limit": limit}
            rows = self._connection.execute(statements.FINISHED_SINCE, row).fetchall()
        return [codec.decode_checkout(state) for (state,) in rows]

    def lone_events(self, before: int | None, limit: int) -> list[StoredEvent]:
        place = _END if before is None else before
        with reading():
            rows = self._connection.execute(statements.LONE_EVENTS, (place, limit)).fetchall()
        return list(self._stored(rows))

    def events_since(self, sequence: int, limit: int) -> list[StoredEvent]:
        if not self.whole_from - 1 <= sequence <= self.latest_sequence:
            raise EventsGone(f"events are kept from {self.whole_from} to {self.latest_sequence}")
        with reading():
            rows = self._connection.execute(statements.EVENTS_SINCE, (sequence, limit)).fetchall()
        return list(self._stored(rows))

    def events_of(self, checkout_id: str) -> list[StoredEvent]:
        with reading():
            rows = self._connection.execute(statements.EVENTS_OF, (checkout_id,)).fetchall()
        return list(self._stored(rows))

    def idempotent(self, key: str) -> AnsweredRequest | None:
        with reading():
            row = self._connection.execute(statements.IDEMPOTENCY, (key,)).fetchone()
        return AnsweredRequest(digest=row[0], checkout_id=row[1]) if row is not None else None

    def forget(self, key: str) -> None:
        with transaction(self._connection):
            self._connection.execute(statements.FORGET_IDEMPOTENCY, (key,))

    def finished_before(self, wall: datetime, limit: int) -> list[History]:
        """Return what may be deleted: finished checkouts, and events without one, that changed last before then."""
        at = codec.encode_time(wall)
        with reading():
            checkouts = self._connection.execute(statements.FINISHED_BEFORE, (at, limit)).fetchall()
            lone = self._connection.execute(statements.LONE_BEFORE, (at, limit)).fetchall()
        return [
            *(
                History(checkout=codec.decode_checkout(state), events=tuple(self.events_of(checkout_id)))
                for checkout_id, state in checkouts
            ),
            *(History(checkout=None, events=(event,)) for event in self._stored(lone)),
        ]

    def delete(self, histories: Iterable[History]) -> int:
        """Delete these, and remember from where on the stream is whole; return how many went.

        Only finished checkouts are deleted, and only with the last that happened to them.
        """
        with transaction(self._connection):
            deleted = sum(map(self._delete, histories))
        with reading():
            self.whole_from = _number(self._connection.execute(statements.WHOLE_FROM))
        return deleted

    def _delete(self, history: History) -> bool:
        last = history.events[-1].sequence
        if history.checkout is not None:
            row = {"id": history.checkout.id, "last": last}
            deleted = self._connection.execute(statements.DELETE_CHECKOUT, row).rowcount > 0
        else:
            deleted = self._connection.execute(statements.DELETE_EVENT, (last,)).rowcount > 0
        if deleted:
            self._connection.execute(statements.MOVE_WHOLE_FROM, (last + 1,))
        return deleted

    def delete_unresolved(self, history: History) -> None:
        """Delete a checkout that needs attention; its card is left to be wiped."""
        if history.checkout is None:
            raise ValueError("only a checkout can need attention")
        with transaction(self._connection):
            self._connection.execute(statements.DELETE_UNRESOLVED, (history.checkout.id,))
            self._connection.execute(statements.MOVE_WHOLE_FROM, (history.events[-1].sequence + 1,))
        with reading():
            self.whole_from = _number(self._connection.execute(statements.WHOLE_FROM))

    def give_pages_back(self) -> bool:
        """Return some free pages to the file system; say whether there are more."""
        with writing():
            free = _number(self._connection.execute("PRAGMA freelist_count"))
            self._connection.execute(f"PRAGMA incremental_vacuum({PAGES_GIVEN_BACK_AT_ONCE:d})").fetchall()
            left = _number(self._connection.execute("PRAGMA freelist_count"))
        return 0 < left < free

    def _stored(self, rows: Iterable[_EventRow]) -> Iterator[StoredEvent]:
        """Return each event with its checkout as it was then. The rows of one checkout come in order."""
        states: dict[str, Json] = {}
        for sequence, checkout_id, kind, at, data, situation, changes in rows:
            checkout = None
            if checkout_id is not None and changes is not None:
                state = states.get(checkout_id) or self._state_before(checkout_id, sequence)
                states[checkout_id] = codec.lay_over(state, changes)
                checkout = codec.as_checkout(states[checkout_id])
            yield StoredEvent(
                sequence=sequence,
                checkout_id=checkout_id,
                kind=kind,
                at=codec.decode_time(at),
                data=codec.decode_object(data),
                situation=codec.decode_object(situation),
                checkout=checkout,
            )

    def _state_before(self, checkout_id: str, sequence: int) -> Json:
        with reading():
            rows = self._connection.execute(statements.CHANGES_BEFORE, (checkout_id, sequence)).fetchall()
        return codec.lay_all_over(changes for (changes,) in rows)


def _must_be_written(entry: Entry) -> bool:
    return entry.checkout is not None and entry.checkout.phase not in _NOTHING_TAKEN


def _name(connection: sqlite3.Connection) -> str:
    name = _text(connection.execute(statements.JOURNAL_ID))
    if name is None:
        raise Damaged("the journal has no name")
    return name


def _text(cursor: sqlite3.Cursor) -> str | None:
    row = cursor.fetchone()
    return str(row[0]) if row is not None else None


def _number(cursor: sqlite3.Cursor) -> int:
    row = cursor.fetchone()
    return int(row[0]) if row is not None else 0
