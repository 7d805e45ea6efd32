"""The access token: who has it, how long it lasts, and when it may be replaced.

A device session has only one access token; a new one invalidates the former (smart-api.md 2.1). So

- there is one renewal at a time, and everybody who needs it waits for the same one;
- no renewal while a call that moves money is in flight: it would take the token away under it;
- such a call begins only with a token that lasts longer than the call may;
- the token is renewed ahead of time (`keep_fresh`), so that no checkout waits for a login.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Never

from agent.smart.errors import NotAuthorised, NotSent, SmartError
from agent.smart.models import TokenAnswer

_log = logging.getLogger("tillwire.smart.access")

MARGIN_S = 10.0  # seconds: a token about to expire counts as expired, as in the vendor's SDK
LONGEST_PAUSE_S = 60.0  # seconds between two failed renewals: soon enough after an outage, and no load during one

LogIn = Callable[[], Awaitable[TokenAnswer]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AccessToken:
    """A token and when it was asked for and expires, in seconds of the clock."""

    value: str = field(repr=False)
    asked_at: float
    expires_at: float

    def lasts(self, seconds: float, now: float) -> bool:
        return self.expires_at - now > seconds + MARGIN_S

    def due_at(self, ahead_s: float) -> float:
        """When to renew it: this long before it is too short, but not before half of its life is over."""
        half = (self.asked_at + self.expires_at) / 2
        return max(half, self.expires_at - MARGIN_S - ahead_s)


class Access:
    """The till's one access token. `aclose` ends a renewal that is under way."""

    def __init__(self, log_in: LogIn, clock: Callable[[], float], longest_wait_s: float) -> None:
        """`longest_wait_s`: so long a call waits for its token.

        Whoever waits longer than a login takes waits for somebody at a terminal, and a payment that left after them
        would meet the next customer there.
        """
        self._log_in = log_in
        self._clock = clock
        self._longest_wait_s = longest_wait_s
        self._token: AccessToken | None = None  # None too while a login is under way: it takes the former one's life
        self._former: AccessToken | None = None  # while a login is under way: good again if that login fails
        self._held = 0
        self._quiet = asyncio.Event()
        self._renewal: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[AccessToken]:
        """Give a token that is valid now, to a call that does no harm when it is replaced meanwhile."""
        yield await self._valid_in_time(0)

    @asynccontextmanager
    async def held(self, lasting_s: float) -> AsyncIterator[AccessToken]:
        """Give a token that lasts at least so long (seconds), and leave it alone until the call is over."""
        token = await self._valid_in_time(lasting_s)
        self._held += 1
        self._quiet.clear()
        try:
            yield token
        finally:
            self._held -= 1
            if not self._held:
                self._quiet.set()

    def discard(self, token: AccessToken) -> None:
        """Forget a token that the API rejected, unless it has been replaced already."""
        if self._token is token:
            self._token = None
        if self._former is token:
            self._former = None

    async def renew(self) -> None:
        """Log in, or wait for the login that is under way. Raises NotSent or NotAuthorised."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(), name="access-token")
            self._renewal.add_done_callback(_mark_retrieved)
        await asyncio.shield(self._renewal)

    async def keep_fresh(
        self,
        ahead_s: float,
        report: Callable[[SmartError | None], None],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> Never:
        """Log in at once, then renew so long (seconds) before the token is too short, until cancelled.

        `report` is told what came of each login: None when it worked.
        """
        failures = 0
        while True:
            if (seconds := self._seconds_until_due(ahead_s)) > 0:
                await sleep(seconds)
                continue
            failure = await self._try_to_renew()
            report(failure)
            failures = _count(failures, failure)
            if failure:
                await sleep(_pause(failures))

    async def aclose(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])

    async def _valid_in_time(self, lasting_s: float) -> AccessToken:
        try:
            async with asyncio.timeout(self._longest_wait_s):
                return await self._valid(lasting_s)
        except TimeoutError:
            raise NotSent("there was no access token in time") from None

    async def _valid(self, lasting_s: float) -> AccessToken:
        renewed = False
        while (token := self._token) is None or not (renewed or token.lasts(lasting_s, self._clock())):
            await self.renew()
            renewed = True  # a new token is taken even if the API gives it a shorter life than the call may have
        return token

    async def _renew(self) -> None:
        await self._until_quiet()
        self._former, self._token = self._token, None
        asked_at = self._clock()
        try:
            answer = await self._log_in()
            self._token = AccessToken(
                value=answer.access_token, asked_at=asked_at, expires_at=asked_at + answer.expires_in
            )
        finally:
            self._token, self._former = self._token or self._former, None

    async def _until_quiet(self) -> None:
        while self._held:
            await self._quiet.wait()

    def _seconds_until_due(self, ahead_s: float) -> float:
        return self._token.due_at(ahead_s) - self._clock() if self._token else 0

    async def _try_to_renew(self) -> SmartError | None:
        try:
            await self.renew()
        except SmartError as failure:
            _log.warning("no new access token: %s", failure)
            return failure
        return None


def _count(failures: int, failure: SmartError | None) -> int:
    """Return the number of failures in a row; one that only a person can end counts as many."""
    if failure is None:
        return 0
    return failures + (10 if isinstance(failure, NotAuthorised) else 1)


def _pause(failures: int) -> float:
    """Return the seconds to wait: longer each time, and not the same for all tills of an outage."""
    return min(LONGEST_PAUSE_S, 2.0 ** min(failures, 10)) * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _mark_retrieved(renewal: asyncio.Task[None]) -> None:
    """Look at the outcome: whoever asked for it may have been cancelled, and asyncio would complain."""
    if not renewal.cancelled():
        renewal.exception()
