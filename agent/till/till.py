"""One till: what people, programs and devices may ask of it, and the queue that does one thing after the other.

Everything that happens (a request, a card, a drawer's level, an answer, a time) becomes a job in one bounded queue, and
what comes of an effect is the next job. So a race between a closing drawer and a cancelling customer is decided by the
queue. What a job does with a checkout is agent/till/journal_first.py.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from agent.card import CardNumber
from agent.checkout.events import Event, Request, Restarted, ReverseAsked, Turn
from agent.checkout.evidence_state import PaidUnexpectedly
from agent.checkout.late_answers import LateAnswer
from agent.checkout.offline import OfflineLimits
from agent.checkout.receipts import ReceiptCopy
from agent.checkout.state import Card, Checkout, HandedOver, Level, Phase
from agent.checkout.step import NotAllowed
from agent.journal.errors import NotWritten
from agent.journal.journal import Export, Journal
from agent.journal.records import IdempotencyKey
from agent.smart.models import Merchant
from agent.till.api_calls import Calls
from agent.till.api_line import ApiLine
from agent.till.asked_once import AskedOnce
from agent.till.carry_out import Effects
from agent.till.connection import Connection
from agent.till.device_reports import DeviceReports
from agent.till.drawer_desk import DrawerDesk
from agent.till.inbox import Inbox, Job, Overloaded
from agent.till.journal_first import JournalFirst
from agent.till.listener import DrawerTold, Listener
from agent.till.lookup import Lookup
from agent.till.open_checkouts import OpenCheckouts
from agent.till.order import Order
from agent.till.outlets import Outlets
from agent.till.receipt_desk import ReceiptDesk
from agent.till.refusals import AnotherIsActive, HandedOverAlready, KeyReused, NoSuchCheckout, TerminalBusy
from agent.till.requests import TillRequests
from agent.till.schedule import Schedule
from agent.till.settings import TillSettings
from agent.till.terminal_desk import TerminalDesk
from agent.till.unexpected import Unexpected
from device.interface import CashDrawer, DeviceState, DrawerLevel, DrawerRefused, PaidMessage, Report, TornMessage

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

logger = logging.getLogger("tillwire.till")


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
        self._rules = settings.rules
        self._journal = journal
        self._calls = calls
        self._listener = listener
        self._outlets = outlets
        self.wall = wall
        self._new_id = new_id
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox(
            NotAllowed,
            NotWritten,
            DrawerRefused,
            NoSuchCheckout,
            AnotherIsActive,
            HandedOverAlready,
            KeyReused,
            TerminalBusy,
        )
        self._open = OpenCheckouts()
        self._desk = DrawerDesk(self, drawer, settings.drawer)
        self._devices = DeviceReports(self, self._desk, listener, settings)
        self._line = ApiLine(self, calls, jitter)
        self._receipts = ReceiptDesk(self, self._open, outlets, settings.provisional_after_s)
        self._schedule = Schedule(self, self._open, self._desk, self._line, self._receipts)
        self.lookup = Lookup(journal, self._open, wall)
        self.terminal = TerminalDesk(self, settings.rules, journal=journal, calls=calls, open_checkouts=self._open)
        self._prints: AskedOnce[None] = AskedOnce(self.spawn)
        self._journal_first = JournalFirst(
            self,
            journal=journal,
            open_checkouts=self._open,
            offline=settings.offline,
            listener=listener,
            effects=Effects(
                self,
                open_checkouts=self._open,
                calls=calls,
                line=self._line,
                desk=self._desk,
                receipts=self._receipts,
                outlets=outlets,
                listener=listener,
            ),
        )
        self._unexpected = Unexpected(journal=journal, journal_first=self._journal_first, listener=listener)
        self._requests = TillRequests(
            self,
            journal=journal,
            open_checkouts=self._open,
            lookup=self.lookup,
            journal_first=self._journal_first,
            desk=self._desk,
            rules=settings.rules,
            new_id=new_id,
        )
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Take up what was open, then do one job after the other until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            try:
                await self._take_up()
                self._desk.tell_level()
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
        checkout = await self._inbox.do(partial(self._requests.create, order, key))
        self.spawn(self._calls.open_connection())
        return checkout

    async def ask(self, checkout_id: str, request: Request, key: IdempotencyKey | None = None) -> Checkout:
        """Ask the table. Returns the checkout as the journal has it now; what comes of it is told later.

        Raises NotAllowed, NoSuchCheckout, KeyReused, NotWritten, Overloaded.
        """
        return await self._inbox.do(partial(self._requests.ask, checkout_id, request, key))

    async def reverse(
        self, checkout_id: str, *, reason: str, by: str, open_drawer: bool, key: IdempotencyKey | None = None
    ) -> Checkout:
        """Take a completed checkout back; returns the reversal, the first one if there is one. Raises as `ask` does."""
        asked = ReverseAsked(reversal_id=self._new_id(), reason=reason, by=by, open_drawer=open_drawer)
        return await self._inbox.do(partial(self._requests.reverse, checkout_id, asked, key))

    async def set_card(self, checkout_id: str, card: CardNumber) -> Checkout:
        """Give a checkout its card. Raises as `ask` does."""
        return await self._inbox.do(partial(self._requests.set_card, checkout_id, card))

    async def open_drawer(self, reason: str, by: str, key: IdempotencyKey | None = None) -> None:
        """A person opens the drawer. Raises DrawerRefused when nothing was sent, KeyReused, NotWritten, Overloaded."""
        await self._inbox.do(partial(self._requests.open_drawer, reason, by, key))

    async def record(self, event: "DataclassInstance", key: IdempotencyKey | None = None) -> bool:
        """Write what concerns no checkout. False: nothing, the key was there before. Raises NotWritten, Overloaded."""
        return await self._inbox.do(partial(self._requests.record, event, key))

    async def limit_offline(self, limits: OfflineLimits) -> None:
        """Take other limits for cash while the API is away. Raises AnotherIsActive while a customer is served."""
        await self._inbox.do(partial(self._requests.limit_offline, limits))

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
        await self._inbox.do(self._nothing)

    async def job_done(self) -> None:
        """Return when the next job is done: only then anything here is other than it was."""
        await self._inbox.job_done()

    async def print_receipt(self, checkout_id: str, copy: ReceiptCopy, key: IdempotencyKey | None = None) -> None:
        """Print a receipt because a person asks for it, whole also when they go away; the same key prints it once.

        Raises NoSuchCheckout, NoSuchReceipt, KeyReused, NotPrinted.
        """
        await self._prints.ask(partial(self._print_receipt, checkout_id, copy), key)

    async def forget_unresolved(self, before: datetime, export: Export, *, forgotten: Callable[[], None]) -> int:
        """Export and delete what has needed a person since before then; return how many.

        `forgotten` is told when any went, also where the next may not. Raises NotWritten, Overloaded.
        """
        count = 0
        try:
            for kept in self._open.in_phase(Phase.ATTENTION):
                if (kept.checkout.waiting_since or kept.checkout.created) < before:
                    count += await self._inbox.do(partial(self._forget_unresolved, kept.checkout.id, export))
        finally:
            if count:
                forgotten()
        return count

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
    def merchant(self) -> Merchant | None:
        """Whose till the API takes this for; None until it was asked."""
        return self._calls.merchant

    @property
    def end_of_day(self) -> datetime | None:
        """What the terminal was sent up to then may be of a day that it has closed; None: of none since yesterday."""
        return self.terminal.end_of_day

    @property
    def drawer_level(self) -> Level:
        return self._desk.watch.level

    @property
    def clock_is_behind(self) -> bool:
        """Is it earlier than the newest entry of the journal? Then no cash is taken while the API is away."""
        newest = self._journal_first.newest_entry
        return newest is not None and self.wall() < newest

    @property
    def has_room(self) -> bool:
        """Is room held back on the disk for a confirmation? Without it no cash is taken."""
        return self._journal.has_reserve

    @property
    def records(self) -> bool:
        """Can the journal be trusted with new business? Not while something that happened is not written."""
        return self._journal_first.all_written

    def report(self, report: Report) -> None:
        """Take what a device reports. Called on the event loop."""
        try:
            self._inbox.offer(partial(self._devices.take, report))
        except Overloaded:
            logger.warning("too much is waiting: a %s must wait, or is lost", type(report).__name__)
            if isinstance(report, PaidMessage | TornMessage | DeviceState):  # cash, or whether it can be told
                self.spawn(self.put(partial(self._devices.take, report)))
            elif isinstance(report, DrawerLevel):
                self.spawn(self.put(self._desk.port_lost))

    # What its desks need of it

    def now_s(self) -> float:
        return self._loop.time()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Let something go on beside the jobs; it ends with the till."""
        self._tasks.create_task(work)

    async def do(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this as a job. Raises what it raises, and Overloaded."""
        await self._inbox.do(work)

    async def write(self, event: "DataclassInstance") -> int:
        """Write what concerns no checkout, in a job, and return its sequence. Raises NotWritten."""
        return await self._journal_first.record(event)

    async def put(self, job: Job) -> None:
        await self._inbox.put(job)

    def hold(self, seconds: float) -> None:
        self._schedule.hold(seconds)

    async def happened(self, checkout_id: str, event: Event, drawer: Sequence[DrawerTold] = ()) -> None:
        """Take what happened, late or not. What cannot be written is tried again until it can.

        `drawer`: what the drawer did, written with it.
        """
        await self._journal_first.happened(checkout_id, event, drawer)

    async def record_drawer(self, told: DrawerTold, key: IdempotencyKey | None = None) -> None:
        """Write and tell what will be asked of the drawer. Raises NotWritten."""
        await self._journal_first.record_drawer(told, key)

    async def forget_key(self, key: IdempotencyKey) -> None:
        """Let the request with this key be made again: nothing came of it."""
        await self._journal_first.forget_key(key)

    async def drawer_did(self, told: DrawerTold) -> None:
        """Write and tell what the drawer did; it is so whether it can be written or not."""
        await self._journal_first.drawer_did(told)

    async def give_card(self, card: CardNumber) -> bool:
        """Give a scanned card to the active checkout, if there is one."""
        return await self._requests.give_card(card)

    async def answered_late(self, checkout_id: str, answer: LateAnswer) -> None:
        """Tell what the API says about a checkout that is over."""
        await self._unexpected.answered(checkout_id, answer)

    async def paid_unexpectedly(self, sign: PaidUnexpectedly) -> None:
        """Tell what a machine took that no checkout awaits."""
        await self._unexpected.paid(sign)

    async def api_is_back(self) -> None:
        """Ask at once for everything that is unsure."""
        for kept in self._open.in_phase(Phase.UNSURE):
            await self.happened(kept.checkout.id, Turn())

    def drawer_is(self, drawer: str, level: Level) -> None:
        self._listener.drawer_is(drawer, level)

    def busy_changed(self, *, busy: bool) -> None:
        self._listener.busy_changed(busy=busy)

    def connection_changed(self, connection: Connection) -> None:
        self._listener.connection_changed(connection.api, connection.since)

    async def _print_receipt(self, checkout_id: str, copy: ReceiptCopy) -> None:
        await self._outlets.print_copy(await self.lookup.find(checkout_id), copy)

    async def _forget_unresolved(self, checkout_id: str, export: Export) -> bool:
        kept = self._open.find(checkout_id)
        if kept is None or kept.checkout.phase is not Phase.ATTENTION:  # somebody decided meanwhile
            return False
        await self._journal.delete_unresolved(kept.checkout, export)
        self._open.forget(checkout_id)
        return True

    async def _take_up(self) -> None:
        """Go on from the journal: whatever was under way has no answer."""
        await self.terminal.take_up()
        for checkout in await self._journal_first.take_up():
            await self.happened(checkout.id, Restarted(rules=self._rules))

    async def _nothing(self) -> None:
        """A job that only has its turn."""
