"""The only place where the pure core meets the world: one event at a time, journal first, then act.

Everything that happens (a request, a card, a drawer's level, an answer, a time) becomes a job in one bounded queue. A
job asks the pure table, commits what it says, tells the listeners, and only then lets the effects begin. What comes of
an effect is the next job. So a race between a closing drawer and a cancelling customer is decided by the queue, and a
crash between any two lines leaves a journal that a restart can go on from.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import date, datetime
from functools import partial

from agent import connection as api_connection
from agent import day_records
from agent.api_line import ApiLine
from agent.calls import CallEffect, Calls
from agent.card import CardNumber
from agent.checkout import NotAllowed, step
from agent.checkout_events import (
    AbortTransaction,
    Answer,
    BeginReversal,
    CardChecked,
    CardSet,
    CashConfirmed,
    DrawerOpenAsked,
    Effect,
    Event,
    OpenDrawer,
    OpenDrawerToRefund,
    OtherAmountPaid,
    PayAsked,
    PrintReceipt,
    ReadAnswered,
    Request,
    Restarted,
    ReverseAsked,
    SendBooked,
    TransactionSaved,
    Turn,
    Woke,
)
from agent.checkout_guards import is_overdue
from agent.checkout_handed_over import begin_handed_over
from agent.checkout_reversal import begin_reversal, reversal_named_by, took_nothing_back
from agent.checkout_state import Card, Checkout, HandedOver, Level, Phase, Situation, TransactionFacts
from agent.connection import Connection
from agent.day_sheet import DaySheet
from agent.device_reports import DeviceReports
from agent.drawer_desk import DrawerDesk
from agent.inbox import Inbox, Job, Overloaded
from agent.journal.errors import JournalError, NotWritten
from agent.journal.journal import Export, Journal
from agent.journal.records import CardRow, Entry, IdempotencyKey, StoredEvent
from agent.listener import DrawerTold, Listener
from agent.offline import offline_refusal
from agent.open_checkouts import Kept, OpenCheckouts
from agent.outlets import Outlets
from agent.receipt_desk import ReceiptDesk
from agent.receipts import ReceiptCopy
from agent.schedule import Schedule
from agent.till_settings import Order, TillSettings
from device.interface import CashDrawer, DrawerLevel, DrawerRefused, Report

logger = logging.getLogger("tillwire.till")

WRITE_AGAIN_S = 1.0
"""How soon something that happened and could not be written is tried again."""


class NoSuchCheckout(Exception):
    """No checkout of this till has that id."""


class AnotherIsActive(Exception):
    """A customer stands in front of the till already."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(f"checkout {checkout.id} is active")
        self.checkout = checkout


class HandedOverAlready(Exception):
    """A checkout that is not over has the transaction, for another amount."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(f"checkout {checkout.id} has this transaction")
        self.checkout = checkout


class TerminalBusy(Exception):
    """The terminal is paying, or does what it was asked before."""


class KeyReused(Exception):
    """The idempotency key was used for another request."""


class Till:
    """One till: its open checkouts, its drawer, its connection.

    `run` works until it is cancelled; everything else puts a job into its queue. `wall`, `new_id` and `jitter` give the
    time for people, a fresh checkout id, and a number from 0 to 1.
    """

    def __init__(
        self,
        settings: TillSettings,
        *,
        journal: Journal,
        calls: Calls,
        drawer: CashDrawer | None,
        listener: Listener,
        outlets: Outlets,
        wall: Callable[[], datetime],
        new_id: Callable[[], str],
        jitter: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._calls = calls
        self._listener = listener
        self._outlets = outlets
        self.wall = wall
        self._new_id = new_id
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(
            NotAllowed, JournalError, DrawerRefused, NoSuchCheckout, AnotherIsActive, HandedOverAlready, KeyReused
        )
        self._open = OpenCheckouts()
        self._desk = DrawerDesk(self, drawer, settings.drawer)
        self._devices = DeviceReports(self, self._desk, listener, settings)
        self._line = ApiLine(self, calls, jitter)
        self._unwritten: dict[str, Event] = {}
        self._terminal = asyncio.Lock()
        self._newest_entry: datetime | None = None
        self._receipts = ReceiptDesk(self, self._open, outlets, settings.provisional_after_s)
        self._schedule = Schedule(self, self._open, self._desk, self._line, self._receipts)
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Take up what was open, then do one job after the other until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await self._take_up()
                self._line.ask()
                self.ready.set()
                await self._inbox.work(self._schedule.after_each_job)
            finally:
                self._schedule.stop()

    # What people and programs ask

    async def create(self, order: Order | HandedOver, key: IdempotencyKey | None = None) -> Checkout:
        """Begin a checkout; a transaction handed over again is the checkout that has it.

        Raises AnotherIsActive, HandedOverAlready, KeyReused, NotWritten, Overloaded.
        """
        return await self._inbox.do(partial(self._create, order, key))

    async def ask(self, checkout_id: str, request: Request, key: IdempotencyKey | None = None) -> Checkout:
        """Ask the table. Returns the checkout as the journal has it now; what comes of it is told later.

        Raises NotAllowed, NoSuchCheckout, KeyReused, NotWritten, Overloaded.
        """
        return await self._inbox.do(partial(self._ask, checkout_id, request, key))

    async def reverse(
        self, checkout_id: str, *, reason: str, by: str, open_drawer: bool, key: IdempotencyKey | None = None
    ) -> Checkout:
        """Take a completed checkout back; returns the reversal, the first one if there is one. Raises as `ask` does."""
        asked = ReverseAsked(reversal_id=self._new_id(), reason=reason, by=by, open_drawer=open_drawer)
        return await self._inbox.do(partial(self._reverse, checkout_id, asked, key))

    async def set_card(self, checkout_id: str, card: CardNumber) -> Checkout:
        """Give a checkout its card. Raises as `ask` does."""
        return await self._inbox.do(partial(self._set_card, checkout_id, card))

    async def open_drawer(self, reason: str, by: str, key: IdempotencyKey | None = None) -> None:
        """A person opens the drawer. Raises DrawerRefused when nothing was sent, KeyReused, NotWritten, Overloaded."""
        await self._inbox.do(partial(self._open_drawer, reason, by, key))

    async def find(self, checkout_id: str) -> Checkout:
        """Return one checkout, open or over. Raises NoSuchCheckout."""
        found = self.find_open(checkout_id) or await self._journal.checkout(checkout_id)
        if found is None:
            raise NoSuchCheckout(checkout_id)
        return found

    async def checkouts(self, phase: Phase | None, *, limit: int, before: str | None) -> list[Checkout]:
        """Return checkouts, the newest first; `before` is the id that the page before ended with.

        Under attention stand, first, those too that go on by themselves but have waited for too long.
        """
        found = await self._journal.checkouts(phase, limit=limit, before=before)
        if phase is not Phase.ATTENTION or before is not None:
            return found
        wall = self.wall()
        return [*(checkout for checkout in self.open_checkouts if is_overdue(checkout, wall)), *found]

    async def events_since(self, sequence: int, limit: int) -> list[StoredEvent]:
        """Return what happened after this place of the journal. Raises EventsGone."""
        return await self._journal.events_since(sequence, limit)

    async def events_of(self, checkout_id: str) -> list[StoredEvent]:
        """Return all that happened to a checkout, in order."""
        return await self._journal.events_of(checkout_id)

    async def newest_events(self, limit: int) -> list[StoredEvent]:
        """Return what happened last, the newest first."""
        return await day_records.newest_events(self._journal, limit)

    async def day(self, day: date | None) -> DaySheet:
        """Return the sheet of a day, or of today."""
        return await day_records.sheet_of(self._journal, day or self.wall().astimezone().date())

    async def end_of_day(self) -> TransactionFacts:
        """Have the terminal close its day, and return its report. Raises TerminalBusy, SmartError."""
        return await self._at_terminal(self._calls.end_of_day)

    async def diagnosis(self) -> TransactionFacts:
        """Have the terminal check itself. Raises TerminalBusy, SmartError."""
        return await self._at_terminal(self._calls.diagnosis)

    async def _at_terminal(self, ask: Callable[[], Awaitable[TransactionFacts]]) -> TransactionFacts:
        if self._terminal.locked() or self._open.terminal_pays:
            raise TerminalBusy
        async with self._terminal:
            return await ask()

    async def check_csc(self, card: CardNumber, csc: str) -> bool | None:
        """Ask whether these digits are on the back of the card; None: that could not be told."""
        return await self._calls.check_csc(card, csc)

    async def check_card(self, card: CardNumber) -> Card | None:
        """Ask whether a card is good and what is on it; None: that could not be told.

        While a payment with it is not booked, what the API tells of its balance is no offer.
        """
        told = await self._calls.check_card(card)
        return told and replace(told, balance=None if self._open.card_waits(card) else told.balance)

    async def take_turn(self) -> None:
        """Return when a job that was queued now has had its turn. Raises Overloaded."""
        await self._inbox.do(_nothing)

    async def job_done(self) -> None:
        """Return when the next job is done: only then anything here is other than it was."""
        await self._inbox.job_done()

    async def print_receipt(self, checkout_id: str, copy: ReceiptCopy) -> None:
        """Print a receipt because a person asks for it. Raises NoSuchCheckout and NotPrinted."""
        await self._outlets.print_copy(await self.find(checkout_id), copy)

    async def forget_unresolved(self, before: datetime, export: Export) -> int:
        """Export and delete what has needed a person since before then; return how many. Raises NotWritten."""
        forgotten = 0
        for kept in self._open.in_phase(Phase.ATTENTION):
            if (kept.checkout.waiting_since or kept.checkout.created) < before:
                forgotten += await self._inbox.do(partial(self._forget_unresolved, kept.checkout.id, export))
        return forgotten

    def find_open(self, checkout_id: str) -> Checkout | None:
        kept = self._open.find(checkout_id)
        return kept.checkout if kept else None

    @property
    def open_checkouts(self) -> list[Checkout]:
        """All that are not over, in the order they began."""
        return [kept.checkout for kept in self._open]

    @property
    def active(self) -> Checkout | None:
        """The checkout that a customer stands in front of."""
        kept = self._open.active(self.now_s())
        return kept.checkout if kept else None

    @property
    def connection(self) -> Connection:
        return self._line.connection

    @property
    def drawer_level(self) -> Level:
        return self._desk.watch.level

    @property
    def clock_is_behind(self) -> bool:
        """Is it earlier than the newest entry of the journal? Then no cash is taken while the API is away."""
        return self._newest_entry is not None and self.wall() < self._newest_entry

    @property
    def has_room(self) -> bool:
        """Is room held back on the disk for a confirmation? Without it no cash is taken."""
        return self._journal.has_reserve

    @property
    def records(self) -> bool:
        """Can the journal be trusted with new business? Not while something that happened is not written."""
        return not self._unwritten

    def report(self, report: Report) -> None:
        """Take what a device reports. Called on the event loop."""
        try:
            self._inbox.offer(partial(self._devices.take, report))
        except Overloaded:
            logger.warning("too much is waiting: a report of a device was lost")
            if isinstance(report, DrawerLevel):
                self.spawn(self.put(self._desk.port_lost))

    # What its desks need of it

    def now_s(self) -> float:
        return self._loop.time()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Let something go on beside the jobs; it ends with the till."""
        self._tasks.create_task(work)

    async def put(self, job: Job) -> None:
        await self._inbox.put(job)

    async def happened(self, checkout_id: str, event: Event) -> None:
        """Take what happened, late or not. What cannot be written is tried again until it can."""
        kept = self._open.find(checkout_id)
        if kept is None:
            logger.info("%s: %s came after the end", checkout_id, type(event).__name__)
            return
        try:
            await self._take(kept, event)
        except NotAllowed as late:
            logger.info("%s: passed over: %s", checkout_id, late)
        except NotWritten as error:
            self._not_written(checkout_id, event, error)
            return
        if self._unwritten.get(checkout_id) is event:
            del self._unwritten[checkout_id]

    async def record_drawer(self, told: DrawerTold, key: IdempotencyKey | None = None) -> None:
        """Write and tell what the drawer did."""
        try:
            sequence = await self._journal.commit(Entry(event=told, situation=self._situation(), idempotency=key))
        except NotWritten as error:
            logger.warning("drawer %s: could not be recorded: %s", told.event, error)
            return
        self._listener.drawer_told(told, sequence)

    def drawer_is(self, drawer: str, level: Level) -> None:
        self._listener.drawer_is(drawer, level)

    def busy_changed(self, *, busy: bool) -> None:
        self._listener.busy_changed(busy=busy)

    def connection_changed(self, connection: Connection) -> None:
        self._listener.connection_changed(connection.api, connection.since)

    # The jobs

    async def _create(self, order: Order | HandedOver, key: IdempotencyKey | None) -> Checkout:
        if (done := await self._done_before(key)) is not None:
            return done
        if isinstance(order, HandedOver) and (known := self._open.with_transaction(order.transaction_id)):
            if known.checkout.handed_over != order:
                raise HandedOverAlready(known.checkout)
            return known.checkout
        if (active := self.active) is not None:
            raise AnotherIsActive(active)
        if not self.records:
            raise NotWritten("cash was taken and could not be recorded yet")
        begin = partial(begin_handed_over, order) if isinstance(order, HandedOver) else order.begin
        checkout, effects = begin(self._new_id(), self._settings.rules, self.now_s(), self.wall())
        kept = Kept(checkout)
        entry = Entry(event=order, situation=self._situation(), checkout=checkout, idempotency=key)
        await self._write(kept, checkout, entry)
        for effect in effects:
            self._begin(kept, effect)
        return checkout

    async def _reverse(self, checkout_id: str, asked: ReverseAsked, key: IdempotencyKey | None) -> Checkout:
        """Both checkouts are written together: the one that names its reversal, and the reversal."""
        if (done := await self._done_before(key)) is not None:
            return done
        kept = await self._kept(checkout_id)
        before, situation = kept.checkout, await self._situation_of_reversal(kept)
        after, effects = step(before, asked, situation)
        if BeginReversal() not in effects:
            return await self.find(reversal_named_by(before))
        reversal, effects = begin_reversal(before, asked, self._settings.rules, situation)
        entries = (
            Entry(event=asked, situation=situation, checkout=after, before=before),
            Entry(event=asked, situation=situation, checkout=reversal, idempotency=key),
        )
        begun = Kept(reversal)
        sequence = await self._journal.commit(*entries)
        self._became(kept, after, sequence - 1)
        self._became(begun, reversal, sequence)
        for effect in effects:
            self._begin(begun, effect)
        return reversal

    async def _situation_of_reversal(self, kept: Kept) -> Situation:
        """A reversal that is over without having reversed anything is no reason against another one."""
        situation, reversed_by = self._situation(kept), kept.checkout.reversed_by
        if reversed_by is None:
            return situation
        earlier = await self.find(reversed_by)
        return replace(situation, reversal_over=took_nothing_back(earlier))

    async def _ask(self, checkout_id: str, request: Request, key: IdempotencyKey | None) -> Checkout:
        if (done := await self._done_before(key)) is not None:
            return done
        return await self._take(await self._kept(checkout_id), request, key=key)

    async def _set_card(self, checkout_id: str, card: CardNumber) -> Checkout:
        kept = await self._kept(checkout_id)
        return await self._take(kept, CardSet(number=str(card), same=kept.card == card), card=card)

    async def _open_drawer(self, reason: str, by: str, key: IdempotencyKey | None) -> None:
        """The same key opens once, also when the agent was started again in between."""
        if key is not None and (known := await self._journal.idempotent(key.key)) is not None:
            if known.digest != key.digest:
                raise KeyReused(key.key)
            return
        awaiting = self._open.in_phase(Phase.AWAITING_CASH)
        if awaiting:
            await self._take(awaiting[0], DrawerOpenAsked(reason=reason, by=by), key=key)
            return
        try:
            await self._desk.open_by_person(reason, by, key)
        except DrawerRefused:
            if key is not None:
                await self._journal.forget(key.key)
            raise

    async def _forget_unresolved(self, checkout_id: str, export: Export) -> bool:
        kept = self._open.find(checkout_id)
        if kept is None or kept.checkout.phase is not Phase.ATTENTION:  # somebody decided meanwhile
            return False
        await self._journal.delete_unresolved(kept.checkout, export)
        self._open.forget(checkout_id)
        return True

    async def _done_before(self, key: IdempotencyKey | None) -> Checkout | None:
        if key is None or (known := await self._journal.idempotent(key.key)) is None:
            return None
        if known.digest != key.digest or known.checkout_id is None:
            raise KeyReused(key.key)
        return await self.find(known.checkout_id)

    async def _kept(self, checkout_id: str) -> Kept:
        return self._open.find(checkout_id) or Kept(await self.find(checkout_id))

    async def give_card(self, card: CardNumber) -> bool:
        """Give a scanned card to the active checkout. Without one it is never attached to the next: False."""
        kept = self._open.active(self.now_s())
        if kept is None:
            return False
        await self._take(kept, CardSet(number=str(card), same=kept.card == card), card=card)
        return True

    async def _answered(self, checkout_id: str, answer: Answer) -> None:
        await self._line.told(api_connection.told_by(answer))
        await self.happened(checkout_id, answer)

    async def _take_up(self) -> None:
        """Go on from the journal: whatever was under way has no answer."""
        self._newest_entry = await self._journal.newest_entry()
        for found in await self._journal.open_checkouts():
            kept = Kept(found.checkout, found.card)
            kept.note_waiting(self.now_s(), self.wall())
            self._open.keep(kept)
        for checkout in self.open_checkouts:
            await self.happened(checkout.id, Restarted(rules=self._settings.rules))

    # Journal first, then act

    async def _take(
        self, kept: Kept, event: Event, *, card: CardNumber | None = None, key: IdempotencyKey | None = None
    ) -> Checkout:
        await self._see_to_room(event)
        before, situation = kept.checkout, self._situation(kept)
        if self._unwritten.get(before.id, event) is not event:
            raise NotWritten("what happened before this could not be recorded yet")
        after, effects = step(before, event, situation)
        if after is before:
            return before
        kept_card = card or (CardRow.WIPED if before.card is not None and after.card is None else CardRow.KEPT)
        entry = Entry(event=event, situation=situation, checkout=after, before=before, card=kept_card, idempotency=key)
        await self._write(kept, after, entry)
        for effect in effects:
            self._begin(kept, effect)
        await self._tell_drawer(before, after, effects)
        self._receipts.moved(kept, before)
        self._tell_refused_card(before, after, event)
        return kept.checkout

    async def _see_to_room(self, event: Event) -> None:
        """Before the drawer may be asked: where the reserve was given up, look whether there is room for it again."""
        if not self._journal.has_reserve and isinstance(
            event, PayAsked | TransactionSaved | ReadAnswered | DrawerOpenAsked
        ):
            await self._journal.restore_reserve()

    async def _write(self, kept: Kept, after: Checkout, entry: Entry) -> None:
        """Make it durable, then let it be known."""
        sequence = await self._journal.commit(entry)
        if isinstance(entry.card, CardNumber):
            kept.card = entry.card
        elif entry.card is CardRow.WIPED:
            kept.card = None
        self._became(kept, after, sequence)

    def _became(self, kept: Kept, after: Checkout, sequence: int) -> None:
        self._newest_entry = max(after.updated, self._newest_entry or after.updated)
        kept.checkout = after
        kept.note_waiting(self.now_s(), self.wall())
        self._open.keep(kept)
        self._listener.checkout_changed(after, sequence)

    def _begin(self, kept: Kept, effect: Effect) -> None:
        match effect:
            case OpenDrawer() | BeginReversal():
                pass  # done with what it means to the drawer's watch; committed together with it
            case OpenDrawerToRefund(reason=reason, by=by):
                self.spawn(self.put(partial(self._open_to_refund, reason, by)))
            case PrintReceipt():
                self._receipts.booked(kept)
            case SendBooked():
                self.spawn(self._outlets.send_booked(kept.checkout))
            case AbortTransaction(transaction_id=transaction_id):
                self.spawn(self._calls.abort(transaction_id))
            case _:
                self.spawn(self._call(effect, kept.checkout, kept.card))

    async def _open_to_refund(self, reason: str, by: str) -> None:
        if self._open.in_phase(Phase.AWAITING_CASH):
            logger.warning("the drawer was not opened for a refund: the cash of another checkout is awaited")
            return
        try:
            await self._desk.open_by_person(reason, by)
        except DrawerRefused as refused:
            logger.warning("the drawer was not opened for a refund: %s", refused)

    async def _call(self, effect: CallEffect, checkout: Checkout, card: CardNumber | None) -> None:
        answer = await self._calls.answer(effect, checkout, card)
        await self.put(partial(self._answered, checkout.id, answer))

    async def _tell_drawer(self, before: Checkout, after: Checkout, effects: tuple[Effect, ...]) -> None:
        if OpenDrawer() in effects:
            await self._desk.expect_cash(after)
        elif before.phase is Phase.AWAITING_CASH and after.phase is not Phase.AWAITING_CASH:
            self._desk.stop_expecting()

    def _tell_refused_card(self, before: Checkout, after: Checkout, event: Event) -> None:
        if before.card is None or after.card is not None or not isinstance(event, CardChecked | TransactionSaved):
            return
        told = event.card if isinstance(event, CardChecked) else event.facts.card
        if told is not None and told.refused is not None:
            self._listener.card_refused(None, told.refused)

    def _situation(self, kept: Kept | None = None) -> Situation:
        """What is known at this moment; of other checkouts, what matters to this one."""
        known = Situation(
            now_s=self.now_s(),
            wall=self.wall(),
            api=self.connection.api,
            drawer=self.drawer_level,
            room=self._journal.has_reserve,
        )
        if kept is None:
            return known
        refusal = None if known.api == "online" else self._offline_refusal(kept.checkout, known.wall)
        return replace(
            known,
            offline_refusal=refusal,
            card_waiting=self._open.card_waits(kept.card, kept),
            front_taken=self._open.active(known.now_s) not in {None, kept},
            cash_awaited=any(other is not kept for other in self._open.in_phase(Phase.AWAITING_CASH)),
        )

    def _offline_refusal(self, checkout: Checkout, wall: datetime) -> str | None:
        now_s = self.now_s()
        waiting = [kept.waiting(now_s, wall) for kept in self._open.in_phase(Phase.CONFIRMED)]
        return offline_refusal(self._settings.offline, waiting, checkout.basket.sum, wall, self._newest_entry)

    async def api_is_back(self) -> None:
        """Ask at once for everything that is unsure."""
        for kept in self._open.in_phase(Phase.UNSURE):
            await self.happened(kept.checkout.id, Turn())

    def _not_written(self, checkout_id: str, event: Event, error: NotWritten) -> None:
        """What happened is tried again until it is written; what only is due comes again by itself."""
        logger.critical("%s: %s could not be written: %s", checkout_id, type(event).__name__, error)
        if isinstance(event, Woke | Turn):
            self._schedule.hold(WRITE_AGAIN_S)
            return
        if isinstance(event, CashConfirmed | OtherAmountPaid) and checkout_id not in self._unwritten:
            self._unwritten[checkout_id] = event
            self._listener.not_recorded(checkout_id)
        self.spawn(self._later(partial(self.happened, checkout_id, event)))

    async def _later(self, job: Job) -> None:
        await asyncio.sleep(WRITE_AGAIN_S)
        await self.put(job)


async def _nothing() -> None:
    """A job that only has its turn."""
