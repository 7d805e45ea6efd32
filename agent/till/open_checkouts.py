"""The checkouts that are not over, with what belongs to them only in memory: the card, and when they had their turn."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from agent.card import CardNumber
from agent.checkout.call_acts import is_at_terminal
from agent.checkout.offline import Waiting
from agent.checkout.row import CASH, DUE, MONEY_TAKEN, A
from agent.checkout.state import Card, Checkout, Phase
from agent.checkout.step import is_active
from agent.till.connection import MOST_DOUBLINGS

FIRST_TURN_PAUSE_S = 2.0
"""Before a confirmed payment that got no answer is tried again; doubled each time."""
LONGEST_TURN_PAUSE_S = 60.0
"""Light enough for days, short enough for the evening's closing."""
_ASKED = frozenset({Phase.STARTING, Phase.UNSURE})
_WAITS = _ASKED | {Phase.CONFIRMED}
_SHOWS_AMOUNT = frozenset({A, DUE, CASH, *MONEY_TAKEN})
"""From when the amount is asked for until it is executed; in `draft` it is asked for anew."""


@dataclass(slots=True)
class Turns:
    """How often a confirmed payment was tried, and when it may be again (monotonic seconds)."""

    count: int = 0
    not_before_s: float = 0.0

    def take(self, now_s: float, jitter: float) -> None:
        """`jitter` (0 to 1) keeps many tills from booking at the same time what an outage made them keep."""
        pause_s = min(FIRST_TURN_PAUSE_S * 2.0 ** min(self.count, MOST_DOUBLINGS), LONGEST_TURN_PAUSE_S)
        self.not_before_s = now_s + pause_s * (0.5 + jitter / 2)
        self.count += 1


@dataclass(slots=True, eq=False)
class Kept:
    """One open checkout."""

    checkout: Checkout
    card: CardNumber | None = None
    turns: Turns = field(default_factory=Turns)
    waits_from_s: float | None = None  # monotonic seconds; before the process began where the payment is older
    provisional: bool = False  # the time to print a provisional receipt by itself is over

    def note_waiting(self, now_s: float, wall: datetime) -> None:
        """Begin to count how long the payment waits: after a restart by the clock, from then on without it."""
        since = self.checkout.waiting_since
        if since is not None and self.waits_from_s is None:
            self.waits_from_s = now_s - max(0.0, (wall - since).total_seconds())

    @property
    def cash_waits(self) -> bool:
        """The cash is in, and nobody knows the booking as done: nothing was sent, or no answer came."""
        payment = self.checkout.payment
        return self.checkout.phase in _WAITS and payment is not None and payment.evidence is not None

    def waiting(self, now_s: float, wall: datetime) -> Waiting:
        """How much waits, and for how long: the longer of both readings, since a clock may have been set back."""
        checkout = self.checkout
        since_s = now_s if self.waits_from_s is None else self.waits_from_s
        by_clock_s = (wall - (checkout.waiting_since or wall)).total_seconds()
        amount = checkout.payment.amount if checkout.payment else 0
        return Waiting(amount=amount, age_s=max(now_s - since_s, by_clock_s))


class OpenCheckouts:
    """All that are not over, in the order they began."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._newest_came_s = -math.inf

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

    def forget(self, checkout_id: str) -> None:
        self._kept.pop(checkout_id, None)

    def active(self, now_s: float) -> Kept | None:
        """The checkout that a customer stands in front of."""
        return next((kept for kept in self if is_active(kept.checkout, now_s)), None)

    def customer_came(self, now_s: float) -> None:
        """A checkout was begun for the next customer."""
        self._newest_came_s = now_s

    def front_taken(self, kept: Kept, now_s: float) -> bool:
        """Another customer is served than the one of this checkout, or was since this one waits for its start."""
        since = kept.checkout.started_s
        came_since = since is not None and self._newest_came_s > since
        return came_since or self.active(now_s) not in {None, kept}

    def in_phase(self, phase: Phase) -> list[Kept]:
        return [kept for kept in self if kept.checkout.phase is phase]

    def with_transaction(self, transaction_id: str) -> Kept | None:
        """The sale that has this transaction."""
        return next((kept for kept in self if _has(kept.checkout, transaction_id)), None)

    def card_waits(self, card: CardNumber | None, beside: Kept | None = None) -> bool:
        """A checkout with this card, another one than `beside`, has taken money and has not come to its end."""
        return card is not None and any(
            _may_have(kept, card) and kept.checkout.phase in MONEY_TAKEN for kept in self if kept is not beside
        )

    def balance_in_use(self, reversed_: Checkout) -> bool:
        """The balance of the card that this checkout has is applied to one that is not over, or is asked for.

        A card is wiped when its checkout is over: masked numbers that look the same count as the same.
        """
        return reversed_.card is not None and any(
            _uses_balance(kept.checkout) and _may_be_of(kept.checkout.card, reversed_.card) for kept in self
        )

    @property
    def terminal_pays(self) -> bool:
        """The terminal is, or may still be, busy with a payment."""
        return any(kept.checkout.phase in _ASKED and is_at_terminal(kept.checkout) for kept in self)

    def next_turn(self, now_s: float) -> Kept | None:
        """The confirmed payment that may be tried first: of those whose time has come the oldest; where none has, the
        one whose time comes first. By the order in which they began: a clock may have been set back in between.

        They are booked one after the other; one that gets no answer does not keep back the ones behind it.
        """
        confirmed = self.in_phase(Phase.CONFIRMED)
        if self.in_phase(Phase.STARTING) or any(kept.checkout.asking for kept in confirmed):
            return None
        return min(confirmed, key=partial(_turn, now_s), default=None)


def _may_have(kept: Kept, card: CardNumber) -> bool:
    """A card that a register put into its transaction, or whose payment is taken back, is known masked only: what looks
    the same counts as the same.
    """
    checkout = kept.checkout
    shown = checkout.card if checkout.handed_over or checkout.reversal else None
    return kept.card == card or (shown is not None and shown.number == str(card))


def _uses_balance(checkout: Checkout) -> bool:
    """Of what a register handed over it is not known before it was read."""
    unread = checkout.handed_over is not None and checkout.transaction is None
    return checkout.phase in _SHOWS_AMOUNT and checkout.reversal is None and (checkout.use_balance or unread)


def _may_be_of(shown: Card | None, card: Card) -> bool:
    return shown is None or shown.number == card.number


def _has(checkout: Checkout, transaction_id: str) -> bool:
    said, transaction = checkout.handed_over, checkout.transaction
    return (said is not None and said.transaction_id == transaction_id) or (
        transaction is not None and transaction.id == transaction_id
    )


def _turn(now_s: float, kept: Kept) -> float:
    return max(kept.turns.not_before_s, now_s)
