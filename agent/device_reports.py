"""What the reports of the devices mean to the till: a card for the checkout, a level for the evidence, news for all."""

import logging
from dataclasses import replace
from typing import Protocol

from agent.card import CardNumber
from agent.checkout import NotAllowed
from agent.drawer_desk import DrawerDesk
from agent.journal.errors import NotWritten
from agent.listener import Listener, ScanTold, as_scan_refusal
from agent.scans import meaning
from agent.till_settings import TillSettings
from device.interface import DeviceState, DrawerLevel, PaidMessage, Report, Scan, TornScan

logger = logging.getLogger("tillwire.devices")


class ReportsTill(Protocol):
    """What the reports need of their till."""

    async def give_card(self, card: CardNumber) -> None: ...


class DeviceReports:
    """Takes each report as a job of the till."""

    def __init__(self, till: ReportsTill, desk: DrawerDesk, listener: Listener, settings: TillSettings) -> None:
        self._till = till
        self._desk = desk
        self._listener = listener
        self._settings = settings

    async def take(self, report: Report) -> None:
        match report:
            case DrawerLevel():
                await self._desk.level_seen(report)
            case PaidMessage():
                await self._desk.paid(report)
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
        if state.state not in {"missing", "lost"}:
            return
        if state.name == self._desk.name:
            await self._desk.port_lost()
        elif state.kind == "drawer":
            await self._desk.paid_line_lost()

    async def _scanned(self, scan: Scan) -> None:
        read = meaning(scan, self._settings.cards, forwards=scan.scanner in self._settings.forwarding)
        if read is None:
            self._listener.card_refused(scan.scanner, "payment_card")
        elif isinstance(read, ScanTold):
            self._listener.scanned(read)
        else:
            await self._card_scanned(ScanTold(scanner=scan.scanner, card=str(read)), read)

    async def _card_scanned(self, told: ScanTold, card: CardNumber) -> None:
        try:
            await self._till.give_card(card)
        except NotAllowed as error:
            told = replace(told, refused=as_scan_refusal(error.reason))
        except NotWritten:
            told = replace(told, refused="busy")
        self._listener.scanned(told)
