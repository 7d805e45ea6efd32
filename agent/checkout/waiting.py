"""What was paid and is not booked yet: since when it waits, and what of it needs a person. Pure."""

from collections.abc import Iterable
from datetime import datetime

from agent.checkout.row import MONEY_TAKEN
from agent.checkout.standing_guards import is_overdue
from agent.checkout.state import Checkout, Phase


def waiting_in(checkouts: Iterable[Checkout]) -> list[Checkout]:
    """Return those whose money was taken and is not booked, the oldest first."""
    return sorted((each for each in checkouts if each.phase in MONEY_TAKEN), key=waits_since)


def waits_since(checkout: Checkout) -> datetime:
    return checkout.waiting_since or checkout.updated


def needs_person(waiting: Checkout, wall: datetime) -> bool:
    """Say whether it is shown under attention."""
    return waiting.phase is Phase.ATTENTION or is_overdue(waiting, wall)
