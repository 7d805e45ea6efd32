"""May cash be taken now, while the API is away? Pure; the limits are the configuration's `[offline]`."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.checkout_state import Checkout, Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineLimits:
    """How much may wait for the API together. Cents; `stop_when_oldest_h` in hours."""

    accept_cash: bool = True
    max_payments: int = 50
    max_total: int = 50_000
    stop_when_oldest_h: float = 24.0


def offline_refusal(
    limits: OfflineLimits, waiting: Iterable[Checkout], amount: int, wall: datetime, newest_entry: datetime | None
) -> str | None:
    """Why no further cash payment of `amount` cents may be taken offline; None: it may.

    `waiting` are the confirmed payments whose booking is not done. A clock before the newest journal entry makes the
    age of everything unknown.
    """
    if not limits.accept_cash:
        return "offline cash is switched off"
    if newest_entry is not None and wall < newest_entry:
        return "the clock is earlier than the newest entry of the journal"
    payments = [checkout for checkout in waiting if checkout.phase is Phase.CONFIRMED]
    if len(payments) >= limits.max_payments:
        return f"{len(payments)} payments wait for the API already"
    if sum(_amount(checkout) for checkout in payments) + amount > limits.max_total:
        return "the sum of the payments that wait would be too large"
    oldest = min((since for checkout in payments if (since := checkout.waiting_since)), default=wall)
    if wall - oldest > timedelta(hours=limits.stop_when_oldest_h):
        return "the oldest payment waits for too long"
    return None


def _amount(checkout: Checkout) -> int:
    return checkout.payment.amount if checkout.payment else 0
