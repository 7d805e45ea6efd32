"""What goes out of the till at the end of a payment, each at most once: the receipt, and word to the other side."""

from typing import Protocol

from agent.checkout_state import Checkout


class Outlets(Protocol):
    """The printer and the line that is told. Neither may fail: what goes wrong is logged and shown as a state."""

    async def print_receipt(self, checkout: Checkout) -> None: ...

    async def send_booked(self, checkout: Checkout) -> None: ...


class NoOutlets:
    """Neither printer nor line: the receipt is fetched by the screen."""

    async def print_receipt(self, checkout: Checkout) -> None:
        pass

    async def send_booked(self, checkout: Checkout) -> None:
        pass
