"""How many requests a caller may make, on a clock that is set by hand."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kiosk.rate_limit import MOST_CALLERS, Rate, RateLimit

RATE = Rate(per_s=10.0, burst=5)


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_is_let_through_and_then_so_many_a_second(clock: Clock) -> None:
    limit = RateLimit(RATE, clock)
    assert [limit.wait_s("screen") for _ in range(RATE.burst)] == [0.0] * RATE.burst
    assert limit.wait_s("screen") == pytest.approx(0.1, rel=1e-3)
    clock.now += 0.1001
    assert limit.wait_s("screen") == 0.0
    assert limit.wait_s("screen") > 0.0


def test_what_is_refused_costs_nothing(clock: Clock) -> None:
    limit = RateLimit(RATE, clock)
    for _ in range(100):
        last = limit.wait_s("screen")
    assert last == pytest.approx(0.1, rel=1e-3)


def test_one_caller_uses_up_nothing_of_another(clock: Clock) -> None:
    limit = RateLimit(RATE, clock)
    while limit.wait_s("stranger") == 0.0:
        pass
    assert limit.wait_s("screen") == 0.0


def test_of_very_many_callers_the_one_heard_longest_ago_is_forgotten(clock: Clock) -> None:
    limit = RateLimit(RATE, clock)
    for caller in ("first", "second"):
        while limit.wait_s(caller) == 0.0:
            pass
    for stranger in range(MOST_CALLERS - 1):
        limit.wait_s(stranger)
    assert limit.wait_s("second") > 0.0
    assert limit.wait_s("first") == 0.0


@given(st.lists(st.floats(min_value=0, max_value=2), max_size=200))
def test_never_more_than_the_burst_and_the_rate(pauses: list[float]) -> None:
    clock = Clock()
    limit = RateLimit(RATE, clock)
    began, let_through = clock.now, 0
    for pause in pauses:
        clock.now += pause
        let_through += limit.wait_s("screen") == 0.0
        assert let_through <= RATE.burst + (clock.now - began) * RATE.per_s + 0.001
