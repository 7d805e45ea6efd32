"""The checkouts that are not over, with what belongs to them only in memory: the card, and when they had their turn."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from agent.card import CardNumber
from agent.checkout import MONEY_TAKEN, is_active
from agent.checkout_state import Checkout, Phase
from agent.connection import MOST_DOUBLINGS

FIRST_TURN_PAUSE_S = 2.0
"""Before a confirmed payment that got no answer is tried again; doubled each time."""
LONGEST_TURN_PAUSE_S = 60.0
"""Light enough for days, short enough for the evening's closing."""


@dataclass(slots=True)
class Turns:
    """How often a confirmed payment was tried, and when it may be again (monotonic seconds)."""

    count: int = 0
    not_before_s: float = 0.0

    def take(self, now_s: float) -> None:
        self.not_before_s = now_s + min(
            FIRST_TURN_PAUSE_S * 2.0 ** min(self.count, MOST_DOUBLINGS), LONGEST_TURN_PAUSE_S
        )
        self.count += 1


@dataclass(slots=True, eq=False)
class Kept:
    """One open checkout."""

    checkout: Checkout
    card: CardNumber | None = None
    turns: Turns = field(default_factory=Turns)


class OpenCheckouts:
    """All that are not over, in the order they began."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def __iter__(self) -> Iterator[Kept]:
        return iter(tuple(self._kept.values()))

    def find(self, checkout_id: str) -> Kept | None:
        return self._kept.get(checkout_id)

    def keep(self, kept: Kept) -> None:
        """Remember it as it is now, or forget it when it is over: its card goes with it."""
        if kept.checkout.final:
            kept.card = None
            self._kept.pop(kept.checkout.id, None)
        else:
            self._kept[kept.checkout.id] = kept

    def active(self, now_s: float) -> Kept | None:
        """The checkout that a customer stands in front of."""
        return next((kept for kept in self if is_active(kept.checkout, now_s)), None)

    def in_phase(self, phase: Phase) -> list[Kept]:
        return [kept for kept in self if kept.checkout.phase is phase]

    def card_waits(self, other: Kept) -> bool:
        """Another checkout with this card has taken money and has not come to its end."""
        return other.card is not None and any(
            kept.card == other.card and kept.checkout.phase in MONEY_TAKEN for kept in self if kept is not other
        )

    def next_turn(self) -> Kept | None:
        """The confirmed payment that may be tried first, the oldest where several may.

        They are booked one after the other; one that gets no answer does not keep back the ones behind it.
        """
        confirmed = self.in_phase(Phase.CONFIRMED)
        if self.in_phase(Phase.STARTING) or any(kept.checkout.asking for kept in confirmed):
            return None
        return min(confirmed, key=_turn, default=None)


def _turn(kept: Kept) -> tuple[float, float]:
    since = kept.checkout.waiting_since or kept.checkout.created
    return kept.turns.not_before_s, since.timestamp()
