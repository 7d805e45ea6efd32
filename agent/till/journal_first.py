"""Journal first, then act: the only place where the pure core meets the world.

The table is asked, what it says is committed, and only then its requests leave, everybody may know it, and its other
effects begin. Everything here runs as a job of the till, one at a time. So a crash between any two lines leaves a
journal that a restart can go on from.
"""

import asyncio
import itertools
import logging
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, Protocol

from agent.card import CardNumber
from agent.checkout.effects import Effect
from agent.checkout.events import (
    CashConfirmed,
    DrawerOpenAsked,
    Event,
    OtherAmountPaid,
    PayAsked,
    ReadAnswered,
    TransactionSaved,
    Turn,
    Woke,
)
from agent.checkout.late_answers import LateAnswer
from agent.checkout.offline import OfflineLimits, offline_refusal
from agent.checkout.replacing import replace
from agent.checkout.state import Checkout, Level, Phase, Situation
from agent.checkout.step import NotAllowed, step
from agent.journal.errors import NotWritten
from agent.journal.journal import Journal
from agent.journal.records import CardRow, Entry, IdempotencyKey
from agent.till.carry_out import Effects
from agent.till.connection import Connection
from agent.till.inbox import Job
from agent.till.listener import DrawerTold, Listener
from agent.till.open_checkouts import Kept, OpenCheckouts

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

logger = logging.getLogger("tillwire.till")

WRITE_AGAIN_S = 1.0
"""How soon something that happened and could not be written is tried again."""


class DecidingTill(Protocol):
    """What a decision needs of its till."""

    @property
    def connection(self) -> Connection: ...
    @property
    def drawer_level(self) -> Level: ...
    @property
    def end_of_day(self) -> datetime | None: ...
    def now_s(self) -> float: ...
    def wall(self) -> datetime: ...
    def spawn(self, work: Coroutine[None, None, None]) -> None: ...
    async def put(self, job: Job) -> None: ...
    def hold(self, seconds: float) -> None: ...
    async def answered_late(self, checkout_id: str, answer: LateAnswer) -> None: ...


class Change(NamedTuple):
    """A checkout, what it becomes, and the entry that says so."""

    kept: Kept
    after: Checkout
    entry: Entry


class JournalFirst:
    """Takes what happens to the checkouts of a till."""

    def __init__(
        self,
        till: DecidingTill,
        *,
        journal: Journal,
        open_checkouts: OpenCheckouts,
        offline: OfflineLimits,
        listener: Listener,
        effects: Effects,
    ) -> None:
        self._till = till
        self._journal = journal
        self._open = open_checkouts
        self._offline = offline
        self._listener = listener
        self._effects = effects
        self._unwritten: dict[str, Event] = {}
        self.newest_entry: datetime | None = None

    @property
    def all_written(self) -> bool:
        """False while something that happened could not be recorded yet."""
        return not self._unwritten

    async def take_up(self) -> list[Checkout]:
        """Read what is open. What was under way when the process ended has no answer."""
        self.newest_entry = await self._journal.newest_entry()
        for found in await self._journal.open_checkouts():
            kept = Kept(found.checkout, found.card)
            kept.note_waiting(self._till.now_s(), self._till.wall())
            self._open.keep(kept)
        return [kept.checkout for kept in self._open]

    async def take(
        self,
        kept: Kept,
        event: Event,
        *,
        card: CardNumber | None = None,
        key: IdempotencyKey | None = None,
        drawer: Sequence[DrawerTold] = (),
    ) -> Checkout:
        """Let the table decide, and do what it says; where that is anything, `drawer` is written and told with it.

        Raises NotAllowed, NotWritten.
        """
        await self._see_to_room(event)
        before, situation = kept.checkout, self.situation(kept)
        if self._unwritten.get(before.id, event) is not event:
            raise NotWritten("what happened before this could not be recorded yet")
        after, effects = step(before, event, situation)
        if after is before:
            return before
        kept_card = card or (CardRow.WIPED if before.card is not None and after.card is None else CardRow.KEPT)
        entry = Entry(event=event, situation=situation, checkout=after, before=before, card=kept_card, idempotency=key)
        await self.carry_out(Change(kept, after, entry), effects=effects, drawer=drawer)
        await self._effects.moved(kept, before, event, effects, key)
        return kept.checkout

    async def carry_out(self, *changes: Change, effects: tuple[Effect, ...], drawer: Sequence[DrawerTold] = ()) -> None:
        """Make all durable together, and only then begin the effects, those of the last: the requests before anybody is
        told, for what is told takes longer than sending.
        """
        last = changes[-1]
        entries = [*(change.entry for change in changes), *map(self._entry, drawer)]
        requests = self._effects.requests(last.after, _card_after(last), effects)
        syncing = requests.make_ready if requests.wanted else None
        try:
            sequence = await self._journal.commit(*entries, syncing=syncing)
        except BaseException:  # cancelled, too
            requests.withdraw()
            raise
        await requests.leave()
        places = itertools.count(sequence - len(entries) + 1)
        for change in changes:
            self._became(change, next(places))
        for told in drawer:
            self._listener.drawer_told(told, next(places))
        for effect in effects:
            self._effects.begin(last.kept, effect)
        if self.newest_entry is not None and last.after.updated < self.newest_entry:
            await self._forgive_clock()

    async def _forgive_clock(self) -> None:
        """One that once ran ahead is forgiven in time. What is written stays so where this can't be read."""
        with suppress(NotWritten):
            self.newest_entry = await self._journal.newest_entry()

    async def happened(self, checkout_id: str, event: Event, drawer: Sequence[DrawerTold] = ()) -> None:
        """Take what happened, late or not. What cannot be written is tried again until it can.

        `drawer`: what the drawer did is written in the same commit, or alone where nothing comes of the event.
        """
        kept = self._open.find(checkout_id)
        before = kept.checkout if kept else None
        if kept is None and isinstance(event, LateAnswer):
            await self._till.answered_late(checkout_id, event)
        elif kept is None:
            logger.info("%s: %s came after the end", checkout_id, type(event).__name__)
        else:
            await self._happened(kept, event, drawer)
        if kept is None or kept.checkout is before:
            for told in drawer:
                await self.drawer_did(told)

    async def _happened(self, kept: Kept, event: Event, drawer: Sequence[DrawerTold]) -> None:
        checkout_id = kept.checkout.id
        try:
            await self.take(kept, event, drawer=drawer)
        except NotAllowed as late:
            logger.info("%s: passed over: %s", checkout_id, late)
        except NotWritten as error:
            self._not_written(checkout_id, event, error)
            return
        if self._unwritten.get(checkout_id) is event:
            del self._unwritten[checkout_id]

    async def forget_key(self, key: IdempotencyKey) -> None:
        """Nothing came of the request with this key; where that can't be written, it counts as done."""
        try:
            await self._journal.forget(key.key)
        except NotWritten as error:
            logger.warning("a request that came to nothing counts as done: %s", error)

    async def record_drawer(self, told: DrawerTold, key: IdempotencyKey | None = None) -> None:
        """Write and tell what will be asked of the drawer. Raises NotWritten."""
        sequence = await self.record(told, key)
        self._listener.drawer_told(told, sequence)

    async def drawer_did(self, told: DrawerTold) -> None:
        """Write and tell what the drawer did; it is so whether it can be written or not."""
        try:
            await self.record_drawer(told)
        except NotWritten as error:
            logger.warning("drawer %s: could not be recorded: %s", told.event, error)

    async def record(self, event: "DataclassInstance", key: IdempotencyKey | None = None) -> int:
        """Write what concerns no checkout, and return its sequence; nobody is told. Raises NotWritten."""
        return await self._journal.commit(self._entry(event, key))

    def _entry(self, event: "DataclassInstance", key: IdempotencyKey | None = None) -> Entry:
        """What concerns no checkout."""
        return Entry(event=event, situation=self.situation(), idempotency=key)

    def limit_offline(self, limits: OfflineLimits) -> None:
        """Take other limits for cash while the API is away."""
        self._offline = limits

    def situation(self, kept: Kept | None = None) -> Situation:
        """What is known at this moment; of other checkouts, what matters to this one."""
        known = Situation(
            now_s=self._till.now_s(),
            wall=self._till.wall(),
            api=self._till.connection.api,
            drawer=self._till.drawer_level,
            room=self._journal.has_reserve,
        )
        if kept is None:
            return known
        refusal = None if known.api == "online" else self._offline_refusal(kept.checkout, known.wall)
        return replace(
            known,
            offline_refusal=refusal,
            end_of_day=self._till.end_of_day,
            card_waiting=self._open.card_waits(kept.card, kept),
            front_taken=self._open.front_taken(kept, known.now_s),
            cash_awaited=any(other is not kept for other in self._open.in_phase(Phase.AWAITING_CASH)),
        )

    def _offline_refusal(self, checkout: Checkout, wall: datetime) -> str | None:
        now_s = self._till.now_s()
        waiting = [kept.waiting(now_s, wall) for kept in self._open if kept.cash_waits]
        return offline_refusal(self._offline, waiting, checkout.basket.sum, wall, self.newest_entry)

    async def _see_to_room(self, event: Event) -> None:
        """Before the drawer may be asked: where the reserve was given up, look whether there is room for it again."""
        if not self._journal.has_reserve and isinstance(
            event, PayAsked | TransactionSaved | ReadAnswered | DrawerOpenAsked
        ):
            await self._journal.restore_reserve()

    def _became(self, change: Change, sequence: int) -> None:
        kept, after, _entry = change
        kept.card = _card_after(change)
        self.newest_entry = max(after.updated, self.newest_entry or after.updated)
        kept.checkout = after
        kept.note_waiting(self._till.now_s(), self._till.wall())
        self._open.keep(kept)
        self._listener.checkout_changed(after, sequence)

    def _not_written(self, checkout_id: str, event: Event, error: NotWritten) -> None:
        """What happened is tried again until it is written; what only is due comes again by itself."""
        logger.critical("%s: %s could not be written: %s", checkout_id, type(event).__name__, error)
        if isinstance(event, Woke | Turn):
            self._till.hold(WRITE_AGAIN_S)
            return
        if isinstance(event, CashConfirmed | OtherAmountPaid) and checkout_id not in self._unwritten:
            self._unwritten[checkout_id] = event
            self._listener.not_recorded(checkout_id)
        self.again(partial(self.happened, checkout_id, event))

    def again(self, job: Job) -> None:
        """Have a job done a while later whose outcome could not be written."""
        self._till.spawn(self._later(job))

    async def _later(self, job: Job) -> None:
        await asyncio.sleep(WRITE_AGAIN_S)
        await self._till.put(job)


def _card_after(change: Change) -> CardNumber | None:
    kept, _, entry = change
    if isinstance(entry.card, CardNumber):
        return entry.card
    return None if entry.card is CardRow.WIPED else kept.card
