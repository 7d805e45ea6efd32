"""What the card terminal is asked without a payment: closing its day, and checking itself."""

import asyncio
from collections.abc import Awaitable, Callable

from agent.calls import Calls
from agent.checkout_state import TransactionFacts
from agent.open_checkouts import OpenCheckouts
from agent.till_refusals import TerminalBusy


class TerminalDesk:
    """Asks one thing at a time, and nothing while the terminal pays."""

    def __init__(self, calls: Calls, open_checkouts: OpenCheckouts) -> None:
        self._calls = calls
        self._open = open_checkouts
        self._asked = asyncio.Lock()

    async def end_of_day(self) -> TransactionFacts:
        """Have the terminal close its day, and return its report. Raises TerminalBusy, SmartError."""
        return await self._alone(self._calls.end_of_day)

    async def diagnosis(self) -> TransactionFacts:
        """Have the terminal check itself. Raises TerminalBusy, SmartError."""
        return await self._alone(self._calls.diagnosis)

    async def _alone(self, ask: Callable[[], Awaitable[TransactionFacts]]) -> TransactionFacts:
        if self._asked.locked() or self._open.terminal_pays:
            raise TerminalBusy
        async with self._asked:
            return await ask()
