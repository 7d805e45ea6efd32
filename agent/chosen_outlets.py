"""What goes out at the end of a payment, as the configuration wants it."""

import logging

from agent.checkout_state import Checkout
from agent.chosen_devices import BookedLine
from device.interface import DrawerRefused

logger = logging.getLogger("tillwire.outlets")


class BookedMessage:
    """Tells the other side of the paid message's line that the payment is booked. The receipt is the screen's."""

    def __init__(self, line: BookedLine, template: str) -> None:
        self._line = line
        self._template = template

    async def print_receipt(self, checkout: Checkout) -> None:
        """The screen fetches it: no printer is configured."""

    async def send_booked(self, checkout: Checkout) -> None:
        text = self._template.format(
            merchantRef=checkout.merchantRef or "", transactionRef=checkout.transactionRef or ""
        )
        try:
            await self._line.send_booked(text.encode("ascii", "replace"))
        except DrawerRefused as refused:
            logger.warning("%s: the other side was not told that it is booked: %s", checkout.id, refused)
