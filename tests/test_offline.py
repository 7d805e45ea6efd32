"""How much cash may wait for the API: by number, sum and age, and never by a clock that is wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from agent.checkout.offline import OfflineLimits, Waiting, offline_refusal
from agent.checkout.state import Evidence, Payment, Phase
from agent.till.open_checkouts import Kept
from tests.checkouts import new_checkout

WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LIMITS = OfflineLimits(max_payments=3, max_total=1000, stop_when_oldest_h=24.0)
HOUR_S = 3600.0
PAID = Payment(method="cash", amount=300, evidence=Evidence(kind="operator", amount=300, at=WALL))
CONFIRMED = replace(new_checkout(), phase=Phase.CONFIRMED, payment=PAID, waiting_since=WALL)


def payments(*amounts: int, age_s: float = 60.0) -> list[Waiting]:
    return [Waiting(amount=amount, age_s=age_s) for amount in amounts]


@pytest.mark.parametrize(
    ("limits", "waiting", "amount", "newest_entry", "refusal"),
    [
        (LIMITS, [], 1000, None, None),
        (LIMITS, payments(300, 300), 400, WALL, None),
        (LIMITS, payments(300, 300), 401, WALL, "sum"),
        (LIMITS, payments(1, 1, 1), 1, WALL, "3 payments wait"),
        (LIMITS, payments(1, age_s=24 * HOUR_S), 1, WALL, None),
        (LIMITS, payments(1, age_s=24 * HOUR_S + 1), 1, WALL, "too long"),
        (LIMITS, [], 1, WALL + timedelta(seconds=1), "the clock is earlier"),
        (replace(LIMITS, accept_cash=False), [], 1, None, "switched off"),
    ],
)
def test_what_may_wait(
    limits: OfflineLimits, waiting: list[Waiting], amount: int, newest_entry: datetime | None, refusal: str | None
) -> None:
    found = offline_refusal(limits, waiting, amount, WALL, newest_entry)
    assert found is None if refusal is None else refusal in str(found)


def test_a_clock_that_is_set_back_makes_no_payment_younger() -> None:
    kept = Kept(CONFIRMED)
    kept.note_waiting(1000.0, WALL)
    kept.note_waiting(5000.0, WALL - timedelta(days=2))  # later events do not begin it anew
    assert kept.waiting(1000.0 + 25 * HOUR_S, WALL - timedelta(days=1)) == Waiting(amount=300, age_s=25 * HOUR_S)


def test_after_a_restart_the_longer_reading_counts() -> None:
    kept = Kept(CONFIRMED)
    kept.note_waiting(5.0, WALL + timedelta(hours=20))
    assert kept.waiting(5.0 + HOUR_S, WALL).age_s == 21 * HOUR_S
    assert kept.waiting(5.0, WALL + timedelta(hours=30)).age_s == 30 * HOUR_S


def test_a_payment_of_the_future_is_not_younger_than_nothing() -> None:
    kept = Kept(CONFIRMED)
    kept.note_waiting(5.0, WALL - timedelta(hours=3))
    assert kept.waiting(5.0, WALL - timedelta(hours=3)).age_s == 0.0
