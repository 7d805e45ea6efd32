"""What the card terminal is asked without a payment: closing its day, and checking itself."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Protocol

from agent.checkout.state import TransactionFacts
from agent.journal.records import IdempotencyKey
from agent.smart.errors import SmartError
from agent.till.api_calls import Calls
from agent.till.open_checkouts import OpenCheckouts
from agent.till.refusals import KeyReused, TerminalBusy

MOST_KEYS = 16
"""A terminal is asked some times a day, and a program repeats a call within minutes."""

Answer = asyncio.Future[TransactionFacts]


class TerminalsTill(Protocol):
    """What the desk needs of its till."""

    def spawn(self, work: Coroutine[None, None, None]) -> None: ...


class TerminalDesk:
    """Asks one thing at a time, and nothing while the terminal pays.

    A caller that goes away does not stop the terminal: who asks again with the same key gets the answer. Keys are known
    until the agent ends: nothing of it moves money, so a second report is all that a repeated call could do then.
    """

    def __init__(self, till: TerminalsTill, calls: Calls, open_checkouts: OpenCheckouts) -> None:
        self._till = till
        self._calls = calls
        self._open = open_checkouts
        self._asked = asyncio.Lock()
        self._answers: dict[str, tuple[IdempotencyKey, Answer]] = {}

    async def end_of_day(self, key: IdempotencyKey | None = None) -> TransactionFacts:
        """Have the terminal close its day, and return its report. Raises TerminalBusy, KeyReused, SmartError."""
        return await self._once(self._calls.end_of_day, key)

    async def diagnosis(self, key: IdempotencyKey | None = None) -> TransactionFacts:
        """Have the terminal check itself. Raises TerminalBusy, KeyReused, SmartError."""
        return await self._once(self._calls.diagnosis, key)

    async def _once(
        self, ask: Callable[[], Awaitable[TransactionFacts]], key: IdempotencyKey | None
    ) -> TransactionFacts:
        answer = self._known(key) if key is not None else None
        if answer is None:
            if self._asked.locked() or self._open.terminal_pays:
                raise TerminalBusy
            await self._asked.acquire()
            answer = asyncio.get_running_loop().create_future()
            if key is not None:
                self._keep(key, answer)
            self._till.spawn(self._ask(ask, answer))
        return await asyncio.shield(answer)

    async def _ask(self, ask: Callable[[], Awaitable[TransactionFacts]], answer: Answer) -> None:
        try:
            answer.set_result(await ask())
        except SmartError as error:
            answer.set_exception(error)
            answer.exception()  # perhaps nobody waits any more
        finally:
            answer.cancel()  # the agent ends, and there is none
            self._asked.release()

    def _known(self, key: IdempotencyKey) -> Answer | None:
        """Return what was, or will be, answered under this key; what failed may be asked again. Raises KeyReused."""
        known, answer = self._answers.get(key.key, (key, None))
        if known != key:
            raise KeyReused(key.key)
        return None if answer is None or _failed(answer) else answer

    def _keep(self, key: IdempotencyKey, answer: Answer) -> None:
        self._answers.pop(key.key, None)
        self._answers[key.key] = (key, answer)
        if len(self._answers) > MOST_KEYS:
            del self._answers[next(iter(self._answers))]


def _failed(answer: Answer) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)
