"""What a person asks for once under a key, and what goes on to its end when the one who asked has gone."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Generic, TypeVar

from agent.journal.records import IdempotencyKey
from agent.till.refusals import KeyReused

MOST_KEYS = 64
"""A person asks for such a thing some times an hour at most, and a program repeats a call within minutes."""

T = TypeVar("T")


class AskedOnce(Generic[T]):
    """Does what it is asked beside the till's jobs, and gives the same answer to whoever asks again with the same key.

    Keys are known until the agent ends, the newest of them: nothing of it moves money. What failed may be asked again.
    """

    def __init__(self, spawn: Callable[[Coroutine[None, None, None]], None]) -> None:
        self._spawn = spawn
        self._answers: dict[str, tuple[IdempotencyKey, asyncio.Future[T]]] = {}

    async def ask(self, work: Callable[[], Awaitable[T]], key: IdempotencyKey | None) -> T:
        """Return what this, or the work of an earlier call with the key, came to. Raises KeyReused, and as the work."""
        answer = self._known(key) if key is not None else None
        if answer is None:
            answer = asyncio.get_running_loop().create_future()
            if key is not None:
                self._keep(key, answer)
            self._spawn(_do(work, answer))
        return await asyncio.shield(answer)

    def _known(self, key: IdempotencyKey) -> asyncio.Future[T] | None:
        known, answer = self._answers.get(key.key, (key, None))
        if known != key:
            raise KeyReused(key.key)
        return None if answer is None or _failed(answer) else answer

    def _keep(self, key: IdempotencyKey, answer: asyncio.Future[T]) -> None:
        self._answers.pop(key.key, None)
        self._answers[key.key] = (key, answer)
        if len(self._answers) > MOST_KEYS:
            del self._answers[next(iter(self._answers))]


async def _do(work: Callable[[], Awaitable[T]], answer: asyncio.Future[T]) -> None:
    try:
        answer.set_result(await work())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is for the one who asked
        answer.set_exception(error)
        answer.exception()  # perhaps nobody waits any more
    finally:
        answer.cancel()  # the agent ends, and there is none


def _failed(answer: asyncio.Future[T]) -> bool:
    return answer.done() and (answer.cancelled() or answer.exception() is not None)
