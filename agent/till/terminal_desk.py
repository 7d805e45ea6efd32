"""What the card terminal is asked without a payment: closing its day, and checking itself."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from agent.checkout.state import TransactionFacts
from agent.journal.journal import Journal
from agent.journal.records import IdempotencyKey
from agent.till.api_calls import Calls
from agent.till.asked_once import AskedOnce
from agent.till.day_records import newest_of_day
from agent.till.open_checkouts import OpenCheckouts
from agent.till.refusals import TerminalBusy

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True, kw_only=True)
class EndOfDayAsked:
    """The terminal will be asked to close its day: what it was paid before is not reversed any more."""

    by: str  # the operator's name


class TerminalsTill(Protocol):
    """What the desk needs of its till."""

    def spawn(self, work: Coroutine[None, None, None]) -> None: ...
    def wall(self) -> datetime: ...
    async def do(self, work: Callable[[], Awaitable[None]]) -> None: ...
    async def write(self, event: "DataclassInstance") -> int: ...


class TerminalDesk:
    """Asks one thing at a time, and nothing while the terminal pays.

    A caller that goes away does not stop the terminal: who asks again with the same key gets the answer. A second
    report is all that a call could do that is repeated after the agent was restarted. `end_of_day_at`: when the
    terminal was last to be asked to close its day, whatever came of that; None: not today.
    """

    def __init__(self, till: TerminalsTill, *, journal: Journal, calls: Calls, open_checkouts: OpenCheckouts) -> None:
        self._till = till
        self._journal = journal
        self._calls = calls
        self._open = open_checkouts
        self._asked = asyncio.Lock()
        self._answers: AskedOnce[TransactionFacts] = AskedOnce(till.spawn)
        self.end_of_day_at: datetime | None = None

    async def take_up(self) -> None:
        """Read whether the day was closed before the agent was started again."""
        self.end_of_day_at = await newest_of_day(
            self._journal, EndOfDayAsked.__name__, self._till.wall().astimezone().date()
        )

    async def end_of_day(self, by: str, key: IdempotencyKey | None = None) -> TransactionFacts:
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
        await self._till.do(partial(self._end_day, by))
        return await self._calls.end_of_day()

    async def _end_day(self, by: str) -> None:
        """A job of the till: a reversal begins before it, and then goes first, or finds the day over."""
        if self._open.terminal_pays:
            raise TerminalBusy
        await self._till.write(EndOfDayAsked(by=by))
        self.end_of_day_at = self._till.wall()
