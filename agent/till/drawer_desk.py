"""The till's one drawer: hands levels to the evidence, pulses to the device, and what both mean to the till.

Everything here runs as a job of the till, so the watch has one owner.
"""

from collections.abc import Coroutine, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, Protocol

from agent.checkout import evidence
from agent.checkout.events import CashConfirmed, DeviceEvent, DrawerOpened, DrawerTroubled, OtherAmountPaid
from agent.checkout.evidence_state import (
    CannotConfirm,
    CashSeen,
    CheckoutSign,
    DrawerRules,
    DrawerSign,
    OpenedBy,
    OpeningSeen,
    OtherAmount,
    PaidUnexpectedly,
    Seen,
    Sign,
    Watch,
)
from agent.checkout.state import Checkout, Evidence, Level, Phase
from agent.journal.records import IdempotencyKey
from agent.till.inbox import Job
from agent.till.listener import DrawerEvent, DrawerTold
from device.interface import CashDrawer, DrawerLevel, DrawerRefused, PaidMessage, TornMessage


class DrawerTill(Protocol):
    """What the drawer's desk needs of its till."""

    def now_s(self) -> float: ...
    def wall(self) -> datetime: ...
    def find_open(self, checkout_id: str) -> Checkout | None: ...
    async def happened(self, checkout_id: str, event: DeviceEvent, drawer: Sequence[DrawerTold] = ()) -> None: ...
    def drawer_is(self, drawer: str, level: Level) -> None: ...
    async def record_drawer(self, told: DrawerTold, key: IdempotencyKey | None = None) -> None: ...
    async def drawer_did(self, told: DrawerTold) -> None: ...
    async def paid_unexpectedly(self, sign: PaidUnexpectedly) -> None: ...
    async def put(self, job: Job) -> None: ...
    def spawn(self, work: Coroutine[None, None, None]) -> None: ...


class DrawerDesk:
    """The drawer of this till, or none."""

    def __init__(self, till: DrawerTill, drawer: CashDrawer | None, rules: DrawerRules) -> None:
        self._till = till
        self._drawer = drawer
        self.watch = Watch(rules=rules)

    @property
    def name(self) -> str:
        return self._drawer.name if self._drawer else "none"

    @property
    def wake_at(self) -> float | None:
        return evidence.wake_at(self.watch)

    def tell_level(self) -> None:
        """Tell what is known of the drawer, where there is one."""
        if self._drawer is not None:
            self._till.drawer_is(self.name, self.watch.level)

    async def level_seen(self, report: DrawerLevel) -> None:
        await self._keep(evidence.level_seen(self.watch, report.level, report.connection, report.at))

    async def port_lost(self) -> None:
        await self._keep(evidence.port_lost(self.watch))

    async def paid(self, report: PaidMessage) -> None:
        await self._keep(evidence.paid_message(self.watch, report.amount, report.at))

    async def message_torn(self, report: TornMessage) -> None:
        await self._keep(evidence.message_torn(self.watch, report.at))

    def line_found(self, name: str) -> None:
        self.watch = evidence.line_found(self.watch, name)

    async def line_lost(self, name: str) -> None:
        """The drawer's port is gone, or that of the till's messages."""
        if name == self.name:
            await self.port_lost()
        await self._keep(evidence.line_lost(self.watch, name))

    async def time_passed(self) -> None:
        await self._keep(evidence.time_passed(self.watch, self._till.now_s()))

    async def expect_cash(self, checkout: Checkout, when_refused: Job | None = None) -> None:
        """Await the cash of this checkout: ask the drawer to open, where that is ours to do.

        `when_refused` is done first when no pulse was sent.
        """
        if checkout.payment is None:
            return
        now_s = self._till.now_s()
        self.watch, signs = evidence.cash_expected(self.watch, checkout.id, checkout.payment.amount, now_s)
        if self._drawer is not None and self.watch.rules.opened_by == "tillwire":
            self._till.spawn(self._pulse(self._drawer, checkout, now_s, when_refused))
        await self._tell(signs)

    def stop_expecting(self) -> None:
        self.watch = evidence.cash_not_expected(self.watch)

    async def open_by_person(self, reason: str, by: str, key: IdempotencyKey | None = None) -> None:
        """Open without a payment, once that is written. Raises DrawerRefused when nothing was sent, NotWritten."""
        if self._drawer is None:
            raise DrawerRefused("no drawer is configured: set [drawer] profile and port")
        await self._till.record_drawer(self._told("asked", by="till", reason=reason, asked_by=by), key)
        asked_s = self._till.now_s()
        try:
            await self._drawer.open_drawer(self._goes_out)
        except DrawerRefused:
            self.watch, _ = evidence.pulse_refused(self.watch, asked_s)
            raise

    async def _pulse(self, drawer: CashDrawer, checkout: Checkout, asked_s: float, when_refused: Job | None) -> None:
        try:
            await drawer.open_drawer(lambda: self._still_awaits(checkout) and self._goes_out())
        except DrawerRefused as refused:
            await self._till.put(partial(self._pulse_refused, asked_s, str(refused), when_refused))
        else:
            asked = self._told("asked", by="till", reason="sale", checkout_id=checkout.id)
            await self._till.put(partial(self._till.drawer_did, asked))

    def _still_awaits(self, asked: Checkout) -> bool:
        """The last look before the bytes go: nobody may have cancelled meanwhile."""
        now = self._till.find_open(asked.id)
        return now is not None and now.phase is Phase.AWAITING_CASH

    def _goes_out(self) -> Literal[True]:
        """The bytes go now. No job of the till is in the middle of its look at the watch: none waits there."""
        self.watch = evidence.pulse_begins(self.watch, self._till.now_s())
        return True

    async def _pulse_refused(self, asked_s: float, reason: str, when_refused: Job | None) -> None:
        if when_refused is not None:
            await when_refused()
        self.watch, signs = evidence.pulse_refused(self.watch, asked_s)
        await self._tell(signs, detail=reason)

    async def _keep(self, seen: Seen) -> None:
        before, (self.watch, signs) = self.watch, seen
        await self._tell(signs)
        if self.watch.level != before.level:
            self.tell_level()

    async def _tell(self, signs: tuple[Sign, ...], detail: str | None = None) -> None:
        """What a checkout waits for, with what the drawer did beside it; that alone where no checkout waits."""
        drawer = [
            self._told(sign.event, by=sign.by, open_s=sign.open_s) for sign in signs if isinstance(sign, DrawerSign)
        ]
        for sign in signs:
            if isinstance(sign, PaidUnexpectedly):
                await self._till.paid_unexpectedly(sign)
            elif not isinstance(sign, DrawerSign):
                await self._till.happened(sign.checkout_id, self._event(sign, detail), drawer)
                drawer = []
        for told in drawer:
            await self._till.drawer_did(told)

    def _event(self, sign: CheckoutSign, detail: str | None) -> DeviceEvent:
        match sign:
            case CashSeen():
                return CashConfirmed(evidence=self._evidence(sign))
            case OpeningSeen():
                return DrawerOpened()
            case CannotConfirm():
                return DrawerTroubled(trouble=sign.trouble, detail=detail)
            case OtherAmount():
                return OtherAmountPaid(amount=sign.amount)

    def _evidence(self, seen: CashSeen) -> Evidence:
        return Evidence(kind=seen.kind, amount=seen.amount, at=self._till.wall(), open_s=seen.open_s)

    def _told(
        self,
        event: DrawerEvent,
        *,
        by: OpenedBy | None = None,
        reason: str | None = None,
        asked_by: str | None = None,
        checkout_id: str | None = None,
        open_s: float | None = None,
    ) -> DrawerTold:
        return DrawerTold(
            drawer=self.name,
            state=self.watch.level,
            event=event,
            by=by,
            reason=reason,
            asked_by=asked_by,
            checkout_id=checkout_id,
            open_s=open_s,
        )
