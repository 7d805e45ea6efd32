"""The journal: what is acknowledged here is on the disk, and stays.

One SQLite file in WAL mode with `synchronous=FULL`. The till commits each event with the state after it, and only then
carries the effects out. The state row is the truth; events are small rows beside it and are also the stream that
screens and the fleet resume from. A card number stands in one table, while its checkout is not finished, and in no file
so that it could be read: agent/journal/pads.py.

Everything blocking runs on the executor that is handed in, one job after the other (agent/journal/worker.py). The
errors are in agent/journal/errors.py; besides those named below, any call may raise Damaged.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path

from agent.checkout.state import Checkout, Phase
from agent.journal.database import Database
from agent.journal.errors import Damaged
from agent.journal.event_id import EventId
from agent.journal.opening import beside, keep_copy, lock, open_beside, open_connection
from agent.journal.pads import Pads
from agent.journal.records import AnsweredRequest, CardRow, Entry, History, OpenCheckout, StoredEvent
from agent.journal.reserve import Reserve
from agent.journal.worker import Worker

Export = Callable[[Sequence[History]], Awaitable[None]]
"""Keeps what is about to be deleted. What it raises prevents the deletion."""

FILE_NAME = "journal.sqlite"
"""In the state directory."""

DELETED_AT_ONCE = 10  # checkouts, in memory with all that happened to them; commits get their turn between two of these


class Journal:
    """An open journal. Made by `open_journal`, ended by `close`."""

    def __init__(
        self, worker: Worker, database: Database, resources: ExitStack, committed: Callable[[float], None]
    ) -> None:
        self._worker = worker
        self._database = database
        self._resources = resources
        self._committed = committed

    @property
    def id(self) -> str:
        """Random, made with the file: the first part of each event's id."""
        return self._database.id

    @property
    def latest_sequence(self) -> int:
        """The newest event on the disk, 0 before the first. The till may not have acted on it yet."""
        return self._database.latest_sequence

    @property
    def oldest_sequence(self) -> int:
        """From here on no event was deleted: a stream can be resumed from the one before."""
        return self._database.whole_from

    @property
    def has_reserve(self) -> bool:
        """Whether room is held back for a confirmation on a full disk."""
        return self._database.reserve.held

    def event_id(self, sequence: int) -> EventId:
        return EventId(self.id, sequence)

    async def commit(self, *entries: Entry, syncing: Callable[[], None] | None = None) -> int:
        """Return the sequence of the last event once all are on the disk with all that they change, or none is.

        `syncing` is called on the event loop while only the disk is waited for, once or again: nothing is durable yet.
        Raises NotWritten (DiskFull), with nothing changed: the disk refused, or a checkout has left the journal.
        Cancelling the caller does not take the entry back: it is written in its place all the same.
        """
        began = time.monotonic()
        tell = self._worker.on_loop(syncing) if syncing is not None else None
        committed = self._worker.submit(partial(self._database.commit, entries, tell))
        if any(map(_wipes_card, entries)):
            self._worker.schedule(self._database.keep_house)
        sequence = await committed
        self._committed(time.monotonic() - began)
        return sequence

    async def restore_reserve(self) -> bool:
        """Allocate the reserve anew if there is room again; say whether it is held. Done after each checkout, too."""
        await self._worker.run(self._database.reserve.restore)
        return self.has_reserve

    async def newest_entry(self) -> datetime | None:
        """Return the latest that the clock said at one of the newest thousand events; None before the first.

        So a clock that is behind is noticed although it has written since, and one that once ran ahead is forgiven.
        """
        return await self._worker.run(self._database.newest_entry)

    async def open_checkouts(self) -> list[OpenCheckout]:
        """Return the checkouts that are not final, oldest first."""
        return await self._worker.run(self._database.open_checkouts)

    async def checkout(self, checkout_id: str) -> Checkout | None:
        return await self._worker.run(partial(self._database.checkout, checkout_id))

    async def with_transaction(self, transaction_id: str, since: datetime) -> Checkout | None:
        """Return the checkout, open or over, for which a register handed this transaction over last.

        Where there is none, return one of our own that had it and ended at `since` or later.
        """
        return await self._worker.run(partial(self._database.with_transaction, transaction_id, since))

    async def checkouts(
        self, phase: Phase | None = None, *, limit: int = 100, before: str | None = None
    ) -> list[Checkout]:
        """Return checkouts, the newest first; to go on, those created before the one with the id `before`."""
        return await self._worker.run(partial(self._database.checkouts, phase, limit, before))

    async def finished_since(self, wall: datetime, *, after: str | None = None, limit: int = 100) -> list[Checkout]:
        """Return checkouts that ended at `wall` or later, in that order; to go on, those after the one with this id."""
        return await self._worker.run(partial(self._database.finished_since, wall, after, limit))

    async def lone_events(self, *, before: int | None = None, limit: int = 100) -> list[StoredEvent]:
        """Return events that concern no checkout, the newest first; to go on, those before this sequence."""
        return await self._worker.run(partial(self._database.lone_events, before, limit))

    async def events_since(self, sequence: int, limit: int = 100) -> list[StoredEvent]:
        """Return the events after this one, in order. Raises EventsGone if any of them was deleted or `sequence` is
        not known yet.
        """
        return await self._worker.run(partial(self._database.events_since, sequence, limit))

    async def events_of(self, checkout_id: str) -> list[StoredEvent]:
        """Return all that happened to a checkout, in order."""
        return await self._worker.run(partial(self._database.events_of, checkout_id))

    async def idempotent(self, key: str) -> AnsweredRequest | None:
        """Return what was committed under this `Idempotency-Key`."""
        return await self._worker.run(partial(self._database.idempotent, key))

    async def forget(self, key: str) -> None:
        """Nothing came of the request with this `Idempotency-Key`: it may be made again. Raises NotWritten."""
        await self._worker.run(partial(self._database.forget, key))

    async def delete_older_than(self, wall: datetime, export: Export | None = None) -> int:
        """Delete finished checkouts, and events without a checkout, that changed last before `wall`.

        What is open or needs attention stays, however old. `export` is called with each part before it is deleted;
        after a crash the same part may come again, and so does a checkout to which something happened meanwhile. The
        file shrinks. Returns how many checkouts and lone events went.
        """
        deleted = 0
        while part := await self._worker.run(partial(self._database.finished_before, wall, DELETED_AT_ONCE)):
            if export is not None:
                await export(part)
            deleted += await self._worker.run(partial(self._database.delete, part))
        while await self._worker.run(self._database.give_pages_back):
            pass
        await self._worker.run(self._database.empty_log)
        return deleted

    async def delete_unresolved(self, checkout: Checkout, export: Export) -> None:
        """Delete a checkout that needs attention, with its card, after it was exported. Only the till may ask.

        Raises NotWritten, with nothing deleted.
        """
        history = History(checkout=checkout, events=tuple(await self.events_of(checkout.id)))
        await export([history])
        deleted = self._worker.submit(partial(self._database.delete_unresolved, history))
        self._worker.schedule(self._database.keep_house)
        await deleted

    async def close(self) -> None:
        """Finish what is under way, remove the log, and unlock. A closed journal stays closed."""
        await self._worker.run(self._resources.close)


async def open_journal(
    path: Path,
    executor: Executor,
    *,
    uri_parameters: str = "",
    committed: Callable[[float], None] = lambda _seconds: None,
) -> Journal:
    """Open or make the journal, for its owner only. `uri_parameters` go to SQLite (`vfs=…`); `committed` hears how
    many seconds each commit took.

    Beside it stand `.lock`, `.pads`, `.reserve` and SQLite's `-wal`. Raises InUse when another agent has it, Damaged
    when it can't be trusted (a copy is kept as `.damaged`), TooNew, and NotWritten when the directory or the disk
    refuses.
    """
    worker = Worker(executor)
    resources = ExitStack()
    try:
        database = await worker.run(partial(_open, path, uri_parameters, resources))
    except BaseException:  # cancelled, too: whatever was opened is closed
        await worker.run(resources.close)
        raise
    return Journal(worker, database, resources, committed)


def _open(path: Path, uri_parameters: str, resources: ExitStack) -> Database:
    lock(path, resources)
    try:
        connection = open_connection(path, uri_parameters, resources)
        pads = Pads(open_beside(path, ".pads", resources))
        reserve = Reserve(beside(path, ".reserve"))
        reserve.restore()
        return Database(connection, pads, reserve)
    except Damaged:
        keep_copy(path)
        raise


def _wipes_card(entry: Entry) -> bool:
    return entry.card is CardRow.WIPED or (entry.checkout is not None and entry.checkout.final)
