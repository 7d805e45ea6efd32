"""What a till is asked to change, each as a job: to begin a checkout or take one back, a card, an answer, the drawer.

A request with an idempotency key is done once, also when the agent was started again in between.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from agent.card import CardNumber
from agent.checkout.effects import BeginReversal
from agent.checkout.events import CardSet, DrawerOpenAsked, Request, ReverseAsked
from agent.checkout.handed_over import begin_handed_over
from agent.checkout.offline import OfflineLimits
from agent.checkout.reversal import begin_reversal, reversal_named_by, took_nothing_back
from agent.checkout.state import Checkout, HandedOver, Phase, Rules, Situation
from agent.checkout.step import step
from agent.journal.errors import NotWritten
from agent.journal.journal import Journal
from agent.journal.records import Entry, IdempotencyKey
from agent.till.drawer_desk import DrawerDesk
from agent.till.journal_first import Change, JournalFirst
from agent.till.lookup import Lookup
from agent.till.open_checkouts import Kept, OpenCheckouts
from agent.till.order import Order
from agent.till.refusals import AnotherIsActive, HandedOverAlready, KeyReused
from device.interface import DrawerRefused

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


_MAY_HAVE_PAID = frozenset({Phase.COMPLETED, Phase.RESOLVED})
"""Ends after which a transaction is never paid again, whatever a read says of it."""
_JUST_OVER = timedelta(minutes=5)
"""A sale of our own that ended longer ago is seen to be paid by a read, however stale it is (STALE_READ_S)."""


class RequestsTill(Protocol):
    """What the requests need of their till."""

    @property
    def active(self) -> Checkout | None: ...
    def now_s(self) -> float: ...
    def wall(self) -> datetime: ...


class TillRequests:
    """The jobs behind what people and programs ask. `new_id` gives a fresh checkout id."""

    def __init__(
        self,
        till: RequestsTill,
        *,
        journal: Journal,
        open_checkouts: OpenCheckouts,
        lookup: Lookup,
        journal_first: JournalFirst,
        desk: DrawerDesk,
        rules: Rules,
        new_id: Callable[[], str],
    ) -> None:
        self._till = till
        self._journal = journal
        self._open = open_checkouts
        self._lookup = lookup
        self._journal_first = journal_first
        self._desk = desk
        self._rules = rules
        self._new_id = new_id

    async def create(self, order: Order | HandedOver, key: IdempotencyKey | None) -> Checkout:
        """Begin a checkout; a transaction handed over again is the checkout that has it."""
        if (done := await self._done_before(key)) is not None:
            return done
        if isinstance(order, HandedOver) and (known := await self._with_transaction(order.transaction_id)):
            if known.handed_over != order:
                raise HandedOverAlready(known)
            return known
        if (active := self._till.active) is not None:
            raise AnotherIsActive(active)
        if not self._journal_first.all_written:
            raise NotWritten("cash was taken and could not be recorded yet")
        begin = partial(begin_handed_over, order) if isinstance(order, HandedOver) else order.begin
        checkout, effects = begin(self._new_id(), self._rules, self._till.now_s(), self._till.wall())
        kept = Kept(checkout)
        entry = Entry(event=order, situation=self._journal_first.situation(), checkout=checkout, idempotency=key)
        await self._journal_first.carry_out(Change(kept, checkout, entry), effects=effects)
        self._open.customer_came(checkout.touched_s)
        return checkout

    async def reverse(self, checkout_id: str, asked: ReverseAsked, key: IdempotencyKey | None) -> Checkout:
        """Both checkouts are written together: the one that names its reversal, and the reversal."""
        if (done := await self._done_before(key)) is not None:
            return done
        kept = await self._kept(checkout_id)
        before, situation = kept.checkout, await self._situation_of_reversal(kept)
        after, effects = step(before, asked, situation)
        if BeginReversal() not in effects:
            return await self._lookup.find(reversal_named_by(before))
        reversal, effects = begin_reversal(before, asked, self._rules, situation)
        named = Entry(event=asked, situation=situation, checkout=after, before=before)
        begun = Entry(event=asked, situation=situation, checkout=reversal, idempotency=key)
        await self._journal_first.carry_out(
            Change(kept, after, named), Change(Kept(reversal), reversal, begun), effects=effects
        )
        return reversal

    async def ask(self, checkout_id: str, request: Request, key: IdempotencyKey | None) -> Checkout:
        if (done := await self._done_before(key)) is not None:
            return done
        return await self._journal_first.take(await self._kept(checkout_id), request, key=key)

    async def record(self, event: "DataclassInstance", key: IdempotencyKey | None) -> bool:
        """Write what concerns no checkout; False where the key was there before."""
        if key is not None and await self._journal.idempotent(key.key) is not None:
            return False
        await self._journal_first.record(event, key)
        return True

    async def limit_offline(self, limits: OfflineLimits) -> None:
        """Take other limits, if nobody is being served by the present ones."""
        if (active := self._till.active) is not None:
            raise AnotherIsActive(active)
        self._journal_first.limit_offline(limits)

    async def set_card(self, checkout_id: str, card: CardNumber) -> Checkout:
        return await self._set_card(await self._kept(checkout_id), card)

    async def give_card(self, card: CardNumber) -> bool:
        """Give a scanned card to the active checkout. Without one it is never attached to the next: False."""
        kept = self._open.active(self._till.now_s())
        if kept is None:
            return False
        await self._set_card(kept, card)
        return True

    async def open_drawer(self, reason: str, by: str, key: IdempotencyKey | None) -> None:
        """The same key opens once."""
        if key is not None and (known := await self._journal.idempotent(key.key)) is not None:
            if known.digest != key.digest:
                raise KeyReused(key.key)
            return
        awaiting = self._open.in_phase(Phase.AWAITING_CASH)
        if awaiting:
            await self._journal_first.take(awaiting[0], DrawerOpenAsked(reason=reason, by=by), key=key)
            return
        try:
            await self._desk.open_by_person(reason, by, key)
        except DrawerRefused:
            if key is not None:
                await self._journal.forget(key.key)
            raise

    async def _set_card(self, kept: Kept, card: CardNumber) -> Checkout:
        return await self._journal_first.take(kept, CardSet(number=str(card), same=kept.card == card), card=card)

    async def _situation_of_reversal(self, kept: Kept) -> Situation:
        """A reversal that is over without having reversed anything is no reason against another one."""
        checkout, situation = kept.checkout, self._journal_first.situation(kept)
        earlier = await self._lookup.find(checkout.reversed_by) if checkout.reversed_by is not None else None
        return replace(
            situation,
            reversal_over=earlier is not None and took_nothing_back(earlier),
            balance_in_use=self._open.balance_in_use(checkout),
        )

    async def _with_transaction(self, transaction_id: str) -> Checkout | None:
        """The checkout that has it, or had it and may have paid it: for a while a read may not show that yet."""
        if (kept := self._open.with_transaction(transaction_id)) is not None:
            return kept.checkout
        over = await self._journal.with_transaction(transaction_id, self._till.wall() - _JUST_OVER)
        return over if over is not None and over.phase in _MAY_HAVE_PAID else None

    async def _done_before(self, key: IdempotencyKey | None) -> Checkout | None:
        if key is None or (known := await self._journal.idempotent(key.key)) is None:
            return None
        if known.digest != key.digest or known.checkout_id is None:
            raise KeyReused(key.key)
        return await self._lookup.find(known.checkout_id)

    async def _kept(self, checkout_id: str) -> Kept:
        return self._open.find(checkout_id) or Kept(await self._lookup.find(checkout_id))
