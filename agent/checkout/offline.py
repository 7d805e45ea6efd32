"""May cash be taken now, while the API is away? Pure; the limits are the configuration's `[offline]`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineLimits:
    """How much may wait for the API together. Cents; `stop_when_oldest_h` in hours."""

    accept_cash: bool = True
    max_payments: int = 50
    max_total: int = 50_000
    stop_when_oldest_h: float = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A confirmed payment whose booking is not done: cents, and for how long it has waited."""

    amount: int
    age_s: float


def offline_refusal(
    limits: OfflineLimits, waiting: Sequence[Waiting], amount: int, wall: datetime, newest_entry: datetime | None
) -> str | None:
    """Why no further cash payment of `amount` cents may be taken offline; None: it may.

    A clock before the newest entry of the journal is wrong, or was: what is recorded by it could not be put in order.
    """
    if not limits.accept_cash:
        return "offline cash is switched off"
    if newest_entry is not None and wall < newest_entry:
        return "the clock is earlier than the newest entry of the journal"
    if len(waiting) >= limits.max_payments:
        return f"{len(waiting)} payments wait for the API already"
    if sum(payment.amount for payment in waiting) + amount > limits.max_total:
        return "the sum of the payments that wait would be too large"
    if any(payment.age_s > limits.stop_when_oldest_h * SECONDS_PER_HOUR for payment in waiting):
        return "the oldest payment waits for too long"
    return None
