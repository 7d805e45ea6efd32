"""What the card terminal is asked without a payment: closing its day, and checking itself."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Protocol

from agent.checkout.state import TransactionFacts
from agent.journal.records import IdempotencyKey
from agent.till.api_calls import Calls
from agent.till.asked_once import AskedOnce
from agent.till.open_checkouts import OpenCheckouts
from agent.till.refusals import TerminalBusy


class TerminalsTill(Protocol):
    """What the desk needs of its till."""

    def spawn(self, work: Coroutine[None, None, None]) -> None: ...


class TerminalDesk:
    """Asks one thing at a time, and nothing while the terminal pays.

    A caller that goes away does not stop the terminal: who asks again with the same key gets the answer. A second
    report is all that a call could do that is repeated after the agent was restarted.
    """

    def __init__(self, till: TerminalsTill, calls: Calls, open_checkouts: OpenCheckouts) -> None:
        self._calls = calls
        self._open = open_checkouts
        self._asked = asyncio.Lock()
        self._answers: AskedOnce[TransactionFacts] = AskedOnce(till.spawn)

    async def end_of_day(self, key: IdempotencyKey | None = None) -> TransactionFacts:
        """Have the terminal close its day, and return its report. Raises TerminalBusy, KeyReused, SmartError."""
        return await self._answers.ask(partial(self._alone, self._calls.end_of_day), key)

    async def diagnosis(self, key: IdempotencyKey | None = None) -> TransactionFacts:
        """Have the terminal check itself. Raises TerminalBusy, KeyReused, SmartError."""
        return await self._answers.ask(partial(self._alone, self._calls.diagnosis), key)

    async def _alone(self, ask: Callable[[], Awaitable[TransactionFacts]]) -> TransactionFacts:
        if self._asked.locked() or self._open.terminal_pays:
            raise TerminalBusy
        async with self._asked:
            return await ask()
