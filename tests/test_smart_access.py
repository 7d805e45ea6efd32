"""One access token, one renewal at a time, and never under a call that moves money."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from agent.smart.access import LONGEST_PAUSE_S, MARGIN_S, Access
from agent.smart.errors import NotAuthorised, NotSent, SmartError
from agent.smart.models import TokenAnswer

WAIT_S = 30.0


class Clock:
    """Time that passes only when somebody sleeps or a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Issuer:
    """Gives out token 1, 2, 3 …; waits before each while `open` is not set, and fails where it is told to."""

    def __init__(self) -> None:
        self.given = 0
        self.expires_in = 1200
        self.failures: list[SmartError] = []
        self.open = asyncio.Event()
        self.open.set()
        self.asked = asyncio.Event()

    async def __call__(self) -> TokenAnswer:
        self.given += 1
        number = self.given
        self.asked.set()
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)
        return TokenAnswer(access_token=f"token{number}", expires_in=self.expires_in)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def access(issuer: Issuer, clock: Clock) -> AsyncIterator[Access]:
    async with aclosing(Access(issuer, clock, WAIT_S)) as access:
        yield access


async def lent(access: Access) -> str:
    async with access.lent() as token:
        return token.value


async def held(access: Access, lasting_s: float = 15) -> str:
    async with access.held(lasting_s) as token:
        return token.value


async def settle() -> None:
    """Let every task come as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_ten_callers_share_one_login(access: Access, issuer: Issuer) -> None:
    issuer.open.clear()
    callers = [asyncio.create_task(lent(access)) for _ in range(5)]
    callers += [asyncio.create_task(held(access)) for _ in range(5)]
    await settle()
    issuer.open.set()
    assert await asyncio.gather(*callers) == ["token1"] * 10
    assert issuer.given == 1


async def test_ten_callers_share_one_failure(access: Access, issuer: Issuer) -> None:
    issuer.failures = [NotSent("no network")]
    outcomes = await asyncio.gather(*(lent(access) for _ in range(10)), return_exceptions=True)
    assert [type(each) for each in outcomes] == [NotSent] * 10
    assert issuer.given == 1


async def test_a_caller_that_gives_up_does_not_take_the_login_from_the_others(access: Access, issuer: Issuer) -> None:
    issuer.open.clear()
    first, second = asyncio.create_task(lent(access)), asyncio.create_task(lent(access))
    await issuer.asked.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    issuer.open.set()
    assert await second == "token1"
    assert issuer.given == 1


async def test_a_failed_login_that_nobody_waits_for_any_more_is_no_complaint(access: Access, issuer: Issuer) -> None:
    """A warning of asyncio would fail this test."""
    issuer.open.clear()
    issuer.failures = [NotSent("no network")]
    caller = asyncio.create_task(lent(access))
    await issuer.asked.wait()
    caller.cancel()
    await settle()
    issuer.open.set()
    await settle()


async def test_a_token_is_used_until_it_is_about_to_expire(access: Access, clock: Clock) -> None:
    assert await lent(access) == "token1"
    clock.now += 1200 - MARGIN_S - 1
    assert await lent(access) == "token1"
    clock.now += 1
    assert await lent(access) == "token2"


async def test_the_time_of_a_login_counts_against_its_token(access: Access, issuer: Issuer, clock: Clock) -> None:
    """The API's clock started somewhere between request and answer."""
    issuer.open.clear()
    caller = asyncio.create_task(lent(access))
    await issuer.asked.wait()
    clock.now += 1200
    issuer.open.set()
    await caller
    assert await lent(access) == "token2"


async def test_a_call_that_moves_money_gets_a_token_that_lasts_longer_than_it_may(access: Access, clock: Clock) -> None:
    await lent(access)
    clock.now += 1200 - MARGIN_S - 150
    assert await held(access, 150) == "token2"


async def test_a_token_that_is_given_a_short_life_is_taken_all_the_same(access: Access, issuer: Issuer) -> None:
    issuer.expires_in = 60
    assert await held(access, 150) == "token1"
    assert await held(access, 150) == "token2"


async def test_no_renewal_while_a_call_that_moves_money_is_in_flight(access: Access, issuer: Issuer) -> None:
    async with access.held(15) as first, access.held(15) as second:
        assert first is second
        renewal = asyncio.create_task(access.renew())
        await settle()
        assert issuer.given == 1
    await renewal
    assert issuer.given == 2


async def test_a_waiting_renewal_keeps_nobody_from_a_token_that_is_good(access: Access, issuer: Issuer) -> None:
    async with access.held(15):
        renewal = asyncio.create_task(access.renew())
        await settle()
        assert await lent(access) == "token1"
        assert await held(access) == "token1"
    await renewal
    assert issuer.given == 2


async def test_a_call_that_waits_too_long_for_another_at_the_terminal_is_not_sent(
    access: Access, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would meet the next customer there."""
    async with access.held(15) as token:
        access.discard(token)
        monkeypatch.setattr(access, "_longest_wait_s", 0.0)  # no time at all: no machine is too slow for it
        with pytest.raises(NotSent):
            await held(access, 150)
    assert issuer.given == 1
    monkeypatch.undo()
    assert await held(access) == "token2"


async def test_nobody_begins_with_a_token_that_a_login_is_about_to_invalidate(access: Access, issuer: Issuer) -> None:
    await lent(access)
    issuer.open.clear()
    issuer.asked.clear()
    renewal = asyncio.create_task(access.renew())
    await issuer.asked.wait()
    callers = [asyncio.create_task(lent(access)), asyncio.create_task(held(access))]
    await settle()
    assert not any(caller.done() for caller in callers)
    issuer.open.set()
    assert await asyncio.gather(*callers) == ["token2", "token2"]
    await renewal


async def test_a_renewal_that_fails_leaves_the_token_that_is_still_good(access: Access, issuer: Issuer) -> None:
    await lent(access)
    issuer.failures = [NotSent("no network")]
    with pytest.raises(NotSent):
        await access.renew()
    assert await held(access) == "token1"


async def test_a_rejected_token_is_not_used_again(access: Access, issuer: Issuer) -> None:
    async with access.lent() as token:
        pass
    access.discard(token)
    issuer.failures = [NotSent("no network")]
    with pytest.raises(NotSent):
        await lent(access)
    assert await lent(access) == "token3"


async def test_a_token_that_is_rejected_during_a_login_is_not_used_again_if_that_login_fails(
    access: Access, issuer: Issuer
) -> None:
    async with access.lent() as token:
        issuer.open.clear()
        issuer.asked.clear()
        renewal = asyncio.create_task(access.renew())
        await issuer.asked.wait()
    access.discard(token)
    issuer.failures = [NotSent("its answer was lost")]
    issuer.open.set()
    with pytest.raises(NotSent):
        await renewal
    assert await held(access) == "token3"


async def test_a_late_rejection_of_a_former_token_does_not_touch_the_present_one(access: Access) -> None:
    async with access.lent() as former:
        pass
    await access.renew()
    access.discard(former)
    assert await lent(access) == "token2"


async def test_a_call_that_breaks_lets_go_of_its_token(access: Access) -> None:
    async def broken() -> None:
        async with access.held(15):
            raise NotSent("no network")

    with pytest.raises(NotSent):
        await broken()
    await access.renew()
    assert await lent(access) == "token2"


async def test_closing_ends_a_login_that_is_under_way(issuer: Issuer, clock: Clock) -> None:
    issuer.open.clear()
    async with aclosing(Access(issuer, clock, WAIT_S)) as access:
        caller = asyncio.create_task(lent(access))
        await issuer.asked.wait()
    with pytest.raises(asyncio.CancelledError):
        await caller


async def keep_fresh(access: Access, clock: Clock, logins: int, ahead_s: float = 150) -> list[SmartError | None]:
    """Let the token be kept fresh until so many logins have been tried; return what was reported."""
    reported: list[SmartError | None] = []
    enough = asyncio.Event()

    def report(outcome: SmartError | None) -> None:
        reported.append(outcome)
        if len(reported) == logins:
            enough.set()

    task = asyncio.create_task(access.keep_fresh(ahead_s, report, clock.sleep))
    await enough.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return reported


async def test_a_token_is_kept_fresh_ahead_of_every_call(access: Access, clock: Clock) -> None:
    """At once, and then so early that even the longest call never finds a token that is too short."""
    assert await keep_fresh(access, clock, logins=3) == [None] * 3
    assert clock.slept[:2] == [1200 - MARGIN_S - 150] * 2


async def test_a_token_of_short_life_is_renewed_at_half_of_it(access: Access, issuer: Issuer, clock: Clock) -> None:
    issuer.expires_in = 60
    await keep_fresh(access, clock, logins=3)
    assert clock.slept[:2] == [30, 30]


async def test_keeping_fresh_tries_again_with_longer_and_longer_pauses(
    access: Access, issuer: Issuer, clock: Clock
) -> None:
    issuer.failures = [NotSent(str(number)) for number in range(9)]
    reported = await keep_fresh(access, clock, logins=10)
    assert [type(each) for each in reported] == [NotSent] * 9 + [type(None)]
    for number, pause in enumerate(clock.slept[:9], start=1):
        longest = min(LONGEST_PAUSE_S, 2**number)
        assert longest / 2 <= pause <= longest


async def test_keeping_fresh_asks_seldom_where_only_a_person_can_help(
    access: Access, issuer: Issuer, clock: Clock
) -> None:
    issuer.failures = [NotAuthorised("not paired")]
    await keep_fresh(access, clock, logins=2)
    assert LONGEST_PAUSE_S / 2 <= clock.slept[0] <= LONGEST_PAUSE_S


async def test_keeping_fresh_waits_for_a_call_that_moves_money(access: Access, issuer: Issuer, clock: Clock) -> None:
    async with access.held(15):
        clock.now += 1150
        keeping = asyncio.create_task(keep_fresh(access, clock, logins=1))
        await settle()
        assert issuer.given == 1
    assert await keeping == [None]
    assert issuer.given == 2


async def test_a_token_does_not_print_itself(access: Access) -> None:
    async with access.lent() as token:
        assert "token1" not in f"{token!r} {token!s} {access!r}"
