"""Why a till says no, where the table does not: there is no such checkout, or it is not the moment."""

from agent.checkout.state import Checkout


class NoSuchCheckout(Exception):
    """No checkout of this till has that id."""


class AnotherIsActive(Exception):
    """A customer stands in front of the till already."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(f"checkout {checkout.id} is active")
        self.checkout = checkout


class HandedOverAlready(Exception):
    """A checkout has the transaction: one of our own sales, or for another amount."""

    def __init__(self, checkout: Checkout) -> None:
        super().__init__(f"checkout {checkout.id} has this transaction")
        self.checkout = checkout


class TerminalBusy(Exception):
    """The terminal is paying, or does what it was asked before."""


class KeyReused(Exception):
    """The idempotency key was used for another request."""
