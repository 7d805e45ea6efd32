"""What goes out of the till at the end of a payment, each at most once: the receipt, and word to the other side."""

from typing import Protocol

from agent.checkout.receipts import ReceiptCopy
from agent.checkout.state import Checkout


class NotPrinted(Exception):
    """It was not printed, or not whole. The text says why, and what to do."""


class NoSuchReceipt(NotPrinted):
    """The checkout has none of this kind now."""


class Outlets(Protocol):
    """The printer and the line that is told. The first three may not fail: what goes wrong is logged."""

    async def print_receipt(self, checkout: Checkout) -> None:
        """Print what the configuration wants printed of a completed checkout."""

    async def print_provisional(self, checkout: Checkout) -> None:
        """Print the receipt of a payment whose booking is not confirmed yet."""

    async def send_booked(self, checkout: Checkout) -> None:
        """Tell the other side that the payment is booked."""

    async def print_copy(self, checkout: Checkout, copy: ReceiptCopy) -> None:
        """Print this one now, because a person asks for it. Raises NotPrinted, NoSuchReceipt."""
