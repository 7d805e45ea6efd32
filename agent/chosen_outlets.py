"""What goes out at the end of a payment, as the configuration wants it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from agent.checkout.receipts import ReceiptCopy, receipt_lines
from agent.checkout.state import Checkout
from agent.chosen_devices import ChosenDevices
from agent.receipt import FEED, FEED_AND_CUT, CodePage, as_escpos
from agent.till.outlets import NoSuchReceipt, NotPrinted
from config.settings import Settings
from device.interface import DrawerRefused, PrintInterrupted, PrintRefused, ReceiptPrinter
from device.paid_message import PaidMessagePort

logger = logging.getLogger("tillwire.outlets")


@dataclass(frozen=True, slots=True)
class BookedMessage:
    """The other side of the paid message's line, and what it is told."""

    line: PaidMessagePort
    template: str

    async def send(self, checkout: Checkout) -> None:
        """Raise DrawerRefused when nothing was sent."""
        text = self.template.format(
            merchantRef=checkout.merchantRef or "",
            transactionRef=checkout.transactionRef or "",
            transaction_id=checkout.transaction.id if checkout.transaction else "",
        )
        await self.line.send_booked(text.encode("ascii", "replace"))


@dataclass(frozen=True, slots=True)
class Paper:
    """The printer, how wide its paper is, and which receipts it prints by itself. `width`: columns."""

    printer: ReceiptPrinter
    width: int
    code_page: CodePage
    cuts: bool
    receipts: Sequence[ReceiptCopy]

    async def print(self, checkout: Checkout, copy: ReceiptCopy) -> None:
        """Raise NotPrinted, NoSuchReceipt."""
        lines = receipt_lines(checkout, copy)
        if not lines:
            raise NoSuchReceipt("this checkout has no such receipt")
        ending = FEED_AND_CUT if self.cuts else FEED
        try:
            await self.printer.print_bytes(as_escpos(lines, self.width, self.code_page, ending=ending))
        except (PrintRefused, PrintInterrupted) as error:
            raise NotPrinted(str(error)) from error


class ChosenOutlets:
    """The printer, the line that is told, both or neither."""

    def __init__(self, paper: Paper | None = None, booked: BookedMessage | None = None) -> None:
        self._paper = paper
        self._booked = booked

    async def print_receipt(self, checkout: Checkout) -> None:
        for copy in self._paper.receipts if self._paper else ():
            if receipt_lines(checkout, copy):
                await self._print(checkout, copy)

    async def print_provisional(self, checkout: Checkout) -> None:
        await self._print(checkout, "provisional")

    async def print_copy(self, checkout: Checkout, copy: ReceiptCopy) -> None:
        if self._paper is None:
            raise NotPrinted("no printer is configured: set [printer] connection")
        await self._paper.print(checkout, copy)

    async def send_booked(self, checkout: Checkout) -> None:
        if self._booked is None:
            return
        try:
            await self._booked.send(checkout)
        except DrawerRefused as refused:
            logger.warning("%s: the other side was not told that it is booked: %s", checkout.id, refused)

    async def _print(self, checkout: Checkout, copy: ReceiptCopy) -> None:
        try:
            await self.print_copy(checkout, copy)
        except NotPrinted as why:
            logger.warning("%s: the %s receipt was not printed: %s", checkout.id, copy, why)


def choose_outlets(settings: Settings, devices: ChosenDevices) -> ChosenOutlets:
    """Make the outlets of these devices."""
    paid, wanted = settings.cash.paid_message, settings.printer
    message = paper = None
    if paid is not None and paid.booked_message is not None and devices.paid is not None:
        message = BookedMessage(devices.paid, paid.booked_message)
    if devices.printer is not None:
        paper = Paper(devices.printer, wanted.width, CodePage(wanted.code_page), wanted.cut, wanted.receipts)
    return ChosenOutlets(paper, message)
