"""What the card terminal is asked without a payment: closing its day, and checking itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from agent.checkout.state import Rules, TransactionFacts
from agent.checkout.transaction_status import EXECUTED
from agent.journal.codec import decode_time
from agent.journal.errors import JournalError, NotWritten
from agent.journal.journal import Journal
from agent.journal.records import IdempotencyKey
from agent.smart.errors import NotAuthorised, NotSent
from agent.till.api_calls import Calls
from agent.till.asked_once import AskedOnce
from agent.till.day_records import newest_since_day
from agent.till.inbox import Overloaded
from agent.till.open_checkouts import OpenCheckouts
from agent.till.refusals import TerminalBusy

logger = logging.getLogger("tillwire.till")

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOfDayAsked:
    """The terminal will be asked to close its day: what it was paid before is not reversed any more.

    The request may be carried out late, and the clock may have been ahead when something was paid.
    """

    by: str  # the operator's name
    over: datetime  # what is sent to the terminal up to then may belong to the day that is closed


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOfDayAnswered:
    """The terminal has closed its day."""

    over: datetime  # what is sent to the terminal from now on is of another day


class TerminalsTill(Protocol):
    """What the desk needs of its till."""

    def spawn(self, work: Coroutine[None, None, None]) -> None: ...
    def wall(self) -> datetime: ...
    async def do(self, work: Callable[[], Awaitable[None]]) -> None: ...
    async def write(self, event: "DataclassInstance") -> int: ...


LEAVES_AFTER = timedelta(minutes=5)
"""The request leaves when it is on the disk and there is a token: longer than one may be waited for."""
_END_OF_DAY = frozenset({EndOfDayAsked.__name__, EndOfDayAnswered.__name__})


class TerminalDesk:
    """Asks one thing at a time, and nothing while the terminal pays.

    A caller that goes away does not stop the terminal: who asks again with the same key gets the answer. A second
    report is all that a call could do that is repeated after the agent was restarted. `end_of_day`: what the terminal
    was sent up to then may belong to a day that it has closed; None: it was not asked to close one since yesterday.
    """

    def __init__(
        self, till: TerminalsTill, rules: Rules, *, journal: Journal, calls: Calls, open_checkouts: OpenCheckouts
    ) -> None:
        self._till = till
        self._takes_at_most = timedelta(seconds=rules.at_terminal_s + rules.late_window_s) + LEAVES_AFTER
        self._journal = journal
        self._calls = calls
        self._open = open_checkouts
        self._asked = asyncio.Lock()
        self._answers: AskedOnce[TransactionFacts] = AskedOnce(till.spawn)
        self.end_of_day: datetime | None = None

    async def take_up(self) -> None:
        """Read whether a day was closed before the agent was started again, also one that may end after midnight."""
        yesterday = self._till.wall().astimezone().date() - timedelta(days=1)
        newest = await newest_since_day(self._journal, _END_OF_DAY, yesterday)
        self.end_of_day = decode_time(str(newest.data["over"])) if newest is not None else None

    async def close_day(self, by: str, key: IdempotencyKey | None = None) -> TransactionFacts:
        """Have the terminal close its day, and return its report.

        Raises TerminalBusy, KeyReused, SmartError, and NotWritten and Overloaded, with nothing asked.
        """
        return await self._answers.ask(partial(self._alone, partial(self._close_day, by)), key)

    async def diagnosis(self, key: IdempotencyKey | None = None) -> TransactionFacts:
        """Have the terminal check itself. Raises TerminalBusy, KeyReused, SmartError."""
        return await self._answers.ask(partial(self._alone, self._calls.diagnosis), key)

    async def _alone(self, ask: Callable[[], Awaitable[TransactionFacts]]) -> TransactionFacts:
        if self._asked.locked() or self._open.terminal_pays:
            raise TerminalBusy
        async with self._asked:
            return await ask()

    async def _close_day(self, by: str) -> TransactionFacts:
        """Ask once it is on the disk."""
        before, newest = self.end_of_day, await self._journal.newest_entry()
        await self._till.do(partial(self._end_day, by, newest))
        try:
            report = await self._calls.end_of_day()
        except (NotSent, NotAuthorised):
            self.end_of_day = before
            raise
        if report.status in EXECUTED:
            await self._shorten(before)
        return report

    async def _end_day(self, by: str, newest: datetime | None) -> None:
        """A job of the till: a reversal begins before it, and then goes first, or finds the day over."""
        if self._open.terminal_pays:
            raise TerminalBusy
        over = _later(newest, self._till.wall()) + self._takes_at_most
        await self._till.write(EndOfDayAsked(by=by, over=over))
        self.end_of_day = over

    async def _shorten(self, before: datetime | None) -> None:
        """What is sent from now on is of the new day, but for what an earlier report without an answer may close late.

        A doubt that reaches further than this report's is from a clock that was ahead.
        """
        try:
            newest = await self._journal.newest_entry()
        except JournalError as error:
            logger.warning("the end of the terminal's day is not known: %s", error)
            return
        doubt = before if before is None or self.end_of_day is None else min(before, self.end_of_day)
        self.end_of_day = _later(doubt, _later(newest, self._till.wall()))
        self._till.spawn(self._keep(self.end_of_day))

    async def _keep(self, over: datetime) -> None:
        """Where it can't be written the longer time counts after a restart: less is then reversed at the terminal."""
        try:
            await self._till.do(partial(self._write_end, over))
        except (NotWritten, Overloaded) as error:
            logger.warning("the end of the terminal's day could not be recorded: %s", error)

    async def _write_end(self, over: datetime) -> None:
        await self._till.write(EndOfDayAnswered(over=over))


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)
