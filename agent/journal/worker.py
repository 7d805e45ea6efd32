"""Runs the journal's jobs one after the other on the executor that was handed in, whatever becomes of who asked.

A commit that is half known is worse than one that failed: so nothing takes a job back. A caller that is cancelled while
it waits leaves its job in its place; the job is carried out, and if it fails then, the failure is logged here, which is
the only place where a failure of the journal can end without a caller.

Plain futures and no tasks: at its end `asyncio.run` cancels every task, and a commit must not be among them.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

from agent.journal.errors import JournalError, NotWritten

T = TypeVar("T")

MOST_WAITING = 1000  # jobs: each belongs to a caller that waits, or follows one; more means that the disk hangs

_logger = logging.getLogger("tillwire.journal")


class Worker:
    """The jobs of one journal, in the order in which they were asked for. Belongs to one event loop."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = False

    async def run(self, job: Callable[[], T]) -> T:
        """Carry the job out after those before it, also when the caller is cancelled meanwhile.

        Raises what the job raises, and NotWritten when too many jobs wait or the executor takes no more.
        """
        return await result_of(self.submit(job))

    def schedule(self, job: Callable[[], object]) -> None:
        """Have the job carried out after those before it. Nobody waits for it: a failure is logged."""
        self._put(job).add_done_callback(_log_failure)

    def submit(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Put the job in its place. To be awaited by `result_of`, which the cancelled caller doesn't take along."""
        if len(self._waiting) >= MOST_WAITING:
            raise NotWritten("the disk does not keep up")
        return self._put(job)

    def _put(self, job: Callable[[], T]) -> asyncio.Future[T]:
        outcome: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(partial(self._begin, job, outcome))
        self._next()
        return outcome

    def _next(self) -> None:
        while self._waiting and not self._running:
            self._running = True
            self._waiting.popleft()()

    def _begin(self, job: Callable[[], T], outcome: asyncio.Future[T]) -> None:
        try:
            running = asyncio.wrap_future(self._executor.submit(job))
        except RuntimeError:  # it was shut down
            self._running = False
            outcome.set_exception(NotWritten("the agent is stopping"))
        else:
            running.add_done_callback(partial(self._ended, outcome))

    def _ended(self, outcome: asyncio.Future[T], ended: asyncio.Future[T]) -> None:
        self._running = False
        _settle(outcome, ended)
        self._next()


async def result_of(outcome: asyncio.Future[T]) -> T:
    """Wait for a job. When the caller is cancelled the job goes on, and its failure is logged."""
    try:
        return await asyncio.shield(outcome)
    except asyncio.CancelledError:
        outcome.add_done_callback(_log_failure)
        raise


def _settle(outcome: asyncio.Future[T], ended: asyncio.Future[T]) -> None:
    if ended.cancelled():
        outcome.set_exception(NotWritten("the agent is stopping"))
    elif (error := ended.exception()) is not None:
        outcome.set_exception(error)
    else:
        outcome.set_result(ended.result())


def _log_failure(outcome: asyncio.Future[T]) -> None:
    error = outcome.exception()
    if error is not None:
        trace = None if isinstance(error, JournalError) else error
        _logger.error("the journal could not finish a job that nobody waits for: %s", error, exc_info=trace)
