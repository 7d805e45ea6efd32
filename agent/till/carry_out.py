"""What a decision of the table means outside: calls to the API, the drawer, receipts, and the news of a refused card.

Nothing here decides, and nothing here acts before the decision is on the disk (agent/till/journal_first.py). Requests
are made ready meanwhile (agent/till/departure.py).
"""

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Protocol

from agent.card import CardNumber
from agent.checkout.effects import (
    AbortTransaction,
    BeginReversal,
    Effect,
    OpenDrawer,
    OpenDrawerToRefund,
    PrintReceipt,
    SendBooked,
)
from agent.checkout.events import Answer, CardChecked, DrawerOpenAsked, Event, TransactionSaved
from agent.checkout.state import Checkout, Phase
from agent.journal.errors import NotWritten
from agent.journal.records import IdempotencyKey
from agent.till import connection as api_connection
from agent.till.api_calls import CallEffect, Calls
from agent.till.api_line import ApiLine
from agent.till.departure import Departure
from agent.till.drawer_desk import DrawerDesk
from agent.till.inbox import Job
from agent.till.listener import Listener
from agent.till.open_checkouts import Kept, OpenCheckouts
from agent.till.outlets import Outlets
from agent.till.receipt_desk import ReceiptDesk
from device.interface import DrawerRefused

logger = logging.getLogger("tillwire.till")


class EffectsTill(Protocol):
    """What the effects need of their till."""

    def spawn(self, work: Coroutine[None, None, None]) -> None: ...
    async def put(self, job: Job) -> None: ...
    async def happened(self, checkout_id: str, event: Event) -> None: ...
    async def forget_key(self, key: IdempotencyKey) -> None: ...


class Effects:
    """Begins each effect; what comes of it is the till's next job."""

    def __init__(
        self,
        till: EffectsTill,
        *,
        open_checkouts: OpenCheckouts,
        calls: Calls,
        line: ApiLine,
        desk: DrawerDesk,
        receipts: ReceiptDesk,
        outlets: Outlets,
        listener: Listener,
    ) -> None:
        self._till = till
        self._open = open_checkouts
        self._calls = calls
        self._line = line
        self._desk = desk
        self._receipts = receipts
        self._outlets = outlets
        self._listener = listener

    def requests(self, checkout: Checkout, card: CardNumber | None, effects: tuple[Effect, ...]) -> Departure:
        """Return the requests among these effects, to be made ready while the decision is written."""
        asked = (effect for effect in effects if isinstance(effect, CallEffect))
        return Departure(self._till.spawn, [partial(self._call, effect, checkout, card) for effect in asked])

    def begin(self, kept: Kept, effect: Effect) -> None:
        match effect:
            case OpenDrawer() | BeginReversal():
                pass  # done with what it means to the drawer's watch; committed together with it
            case OpenDrawerToRefund(reason=reason, by=by):
                self._till.spawn(self._till.put(partial(self._open_to_refund, reason, by)))
            case PrintReceipt():
                self._receipts.booked(kept)
            case SendBooked():
                self._till.spawn(self._outlets.send_booked(kept.checkout))
            case AbortTransaction(transaction_id=transaction_id):
                self._till.spawn(self._calls.abort(transaction_id))
            case _:
                pass  # a request: it has left

    async def moved(
        self, kept: Kept, before: Checkout, event: Event, effects: tuple[Effect, ...], key: IdempotencyKey | None
    ) -> None:
        """Let the drawer, the printer and the page know that a checkout went on from `before`. `key`: of the event."""
        after = kept.checkout
        forget = partial(self._till.forget_key, key) if key is not None and isinstance(event, DrawerOpenAsked) else None
        await self._tell_drawer(before, after, effects, when_refused=forget)
        self._receipts.moved(kept, before)
        self._tell_refused_card(before, after, event)

    async def _open_to_refund(self, reason: str, by: str) -> None:
        if self._open.in_phase(Phase.AWAITING_CASH):
            logger.warning("the drawer was not opened for a refund: the cash of another checkout is awaited")
            return
        try:
            await self._desk.open_by_person(reason, by)
        except (DrawerRefused, NotWritten) as refused:
            logger.warning("the drawer was not opened for a refund: %s", refused)

    async def _call(
        self, effect: CallEffect, checkout: Checkout, card: CardNumber | None, durable: asyncio.Future[float]
    ) -> None:
        answer = await self._calls.after(durable).answer(effect, checkout, card)
        await durable  # what is withdrawn has no answer: its number is given again to what is asked in its place
        await self._till.put(partial(self._answered, checkout.id, answer))

    async def _answered(self, checkout_id: str, answer: Answer) -> None:
        await self._line.told(api_connection.told_by(answer))
        await self._till.happened(checkout_id, answer)

    async def _tell_drawer(
        self, before: Checkout, after: Checkout, effects: tuple[Effect, ...], *, when_refused: Job | None
    ) -> None:
        if OpenDrawer() in effects:
            await self._desk.expect_cash(after, when_refused)
        elif before.phase is Phase.AWAITING_CASH and after.phase is not Phase.AWAITING_CASH:
            self._desk.stop_expecting()

    def _tell_refused_card(self, before: Checkout, after: Checkout, event: Event) -> None:
        if before.card is None or after.card is not None or not isinstance(event, CardChecked | TransactionSaved):
            return
        told = event.card if isinstance(event, CardChecked) else event.facts.card
        if told is not None and told.refused is not None:
            self._listener.card_refused(None, told.refused)
