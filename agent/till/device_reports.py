"""What the reports of the devices mean to the till: a card for the checkout, a level for the evidence, news for all."""

import logging
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from typing import Protocol

from agent.card import CardNumber
from agent.checkout.state import Card, Checkout
from agent.checkout.step import NotAllowed
from agent.journal.errors import NotWritten
from agent.till.drawer_desk import DrawerDesk
from agent.till.inbox import Job
from agent.till.listener import Listener, ScanTold, as_scan_refusal
from agent.till.scans import RepeatedScans, meaning
from agent.till.settings import TillSettings
from device.interface import DeviceState, DrawerLevel, PaidMessage, Report, Scan, TornMessage, TornScan

logger = logging.getLogger("tillwire.devices")


class ReportsTill(Protocol):
    """What the reports need of their till."""

    @property
    def active(self) -> Checkout | None: ...
    async def give_card(self, card: CardNumber) -> bool: ...
    async def check_card(self, card: CardNumber) -> Card | None: ...
    def spawn(self, work: Coroutine[None, None, None]) -> None: ...
    async def put(self, job: Job) -> None: ...


class DeviceReports:
    """Takes each report as a job of the till."""

    def __init__(self, till: ReportsTill, desk: DrawerDesk, listener: Listener, settings: TillSettings) -> None:
        self._till = till
        self._desk = desk
        self._listener = listener
        self._settings = settings
        self._repeated = RepeatedScans(settings.repeated_within_s)
        self._asking_balance = False

    async def take(self, report: Report) -> None:
        match report:
            case DrawerLevel():
                await self._desk.level_seen(report)
            case PaidMessage():
                await self._desk.paid(report)
            case TornMessage():
                logger.info("a line of %s was thrown away: torn", report.drawer)
                await self._desk.message_torn(report)
            case Scan():
                await self._scanned(report)
            case TornScan():
                logger.info("a scan of %s was thrown away: %s", report.scanner, report.reason)
                self._listener.scanned(ScanTold(scanner=report.scanner, refused="torn"))
            case DeviceState():
                await self._device_changed(report)

    async def _device_changed(self, state: DeviceState) -> None:
        logger.info("%s %s is %s%s", state.kind, state.name, state.state, f": {state.reason}" if state.reason else "")
        self._listener.device_changed(state)
        if state.kind not in {"drawer", "paid_message"}:
            return
        if state.state == "present":
            self._desk.line_found(state.name)
        elif state.state != "fault" or state.name != self._desk.name:  # a drawer with a fault has a line that tells so
            await self._desk.line_lost(state.name)

    async def _scanned(self, scan: Scan) -> None:
        if self._repeated.is_repeated(scan):
            self._listener.scanned(ScanTold(scanner=scan.scanner, refused="repeated"))
            return
        read = meaning(scan, self._settings.cards, forwards=scan.scanner in self._settings.forwarding)
        if read is None:
            self._listener.card_refused(scan.scanner, "payment_card")
        elif isinstance(read, CardNumber):
            await self._card_scanned(scan, read)
        else:
            if read.refused is None:
                self._repeated.count_code(scan)
            self._listener.scanned(read)

    async def _card_scanned(self, scan: Scan, card: CardNumber) -> None:
        told = ScanTold(scanner=scan.scanner, card=str(card))
        try:
            taken = await self._till.give_card(card)
        except NotAllowed as error:
            self._listener.scanned(replace(told, refused=as_scan_refusal(error.reason)))
            return
        except NotWritten:
            self._listener.scanned(replace(told, refused="busy"))
            return
        self._repeated.count_card(scan)
        self._listener.scanned(told)
        if not taken and self._settings.show_balance and not self._asking_balance:
            self._asking_balance = True
            self._till.spawn(self._ask_balance(scan.scanner, card))

    async def _ask_balance(self, scanner: str, card: CardNumber) -> None:
        """One card at a time: a reader that is played with does not become a flood of requests."""
        try:
            checked = await self._till.check_card(card)
        finally:
            self._asking_balance = False
        await self._till.put(partial(self._tell_balance, scanner, checked))

    async def _tell_balance(self, scanner: str, card: Card | None) -> None:
        """Nothing of it is for the customer who has come meanwhile."""
        if card is None or self._till.active is not None:
            return
        if card.refused is None:
            self._listener.card_checked(scanner, card)
        else:
            self._listener.card_refused(scanner, card.refused)
