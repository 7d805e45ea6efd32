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
from concurrent.futures import Executor, Future
from contextlib import suppress
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
        return await self.submit(job)

    def schedule(self, job: Callable[[], object]) -> None:
        """Have the job carried out after those before it. Nobody waits for it: a failure is logged."""
        self._put(job).add_done_callback(_log_failure_of)

    def on_loop(self, call: Callable[[], None]) -> Callable[[], None]:
        """Return what a job calls to have this called on the event loop, before what comes of the job is known."""
        return partial(_call_on, asyncio.get_running_loop(), call)

    def submit(self, job: Callable[[], T]) -> asyncio.Future[T]:
        """Put the job in its place, and return what comes of it. Cancelling that takes nothing back."""
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
            running = self._executor.submit(job)
        except RuntimeError:  # it was shut down
            self._running = False
            _fail(outcome, NotWritten("the agent is stopping"))
        else:
            running.add_done_callback(partial(self._hand_over, outcome))

    def _hand_over(self, outcome: asyncio.Future[T], ended: Future[T]) -> None:
        """In the executor's thread. One step brings the outcome: it is on the way to `start/cash`."""
        _call_on(outcome.get_loop(), partial(self._ended, outcome, ended))

    def _ended(self, outcome: asyncio.Future[T], ended: Future[T]) -> None:
        self._running = False
        _settle(outcome, ended)
        self._next()


def _call_on(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """A loop that was closed meanwhile has nobody who waits."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call)


def _settle(outcome: asyncio.Future[T], ended: Future[T]) -> None:
    error = NotWritten("the agent is stopping") if ended.cancelled() else ended.exception()
    if error is not None:
        _fail(outcome, error)
    elif not outcome.done():
        outcome.set_result(ended.result())


def _fail(outcome: asyncio.Future[T], error: BaseException) -> None:
    if outcome.done():  # its caller was cancelled
        _log_failure(error)
    else:
        outcome.set_exception(error)


def _log_failure_of(outcome: asyncio.Future[T]) -> None:
    if (error := outcome.exception()) is not None:
        _log_failure(error)


def _log_failure(error: BaseException) -> None:
    trace = None if isinstance(error, JournalError) else error
    _logger.error("the journal could not finish a job that nobody waits for: %s", error, exc_info=trace)
