"""One job at a time, in the order they came: the queue that makes a till's decisions a sequence."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Never, TypeVar

T = TypeVar("T")
Job = Callable[[], Awaitable[None]]

MOST_JOBS = 256
"""A reader at full speed while a slow disk writes for seconds; more is refused, not piled up."""


class Overloaded(Exception):
    """More is waiting than will be kept; nothing of this was begun."""


class Inbox:
    """A bounded queue of jobs and the one worker that does them. `refusals`: the errors that are answers."""

    def __init__(self, *refusals: type[Exception]) -> None:
        self._refusals = refusals
        self._jobs: asyncio.Queue[Job] = asyncio.Queue(MOST_JOBS)
        self._done = asyncio.Event()

    async def work(self, after_each: Callable[[], Awaitable[None]]) -> Never:
        """Do jobs until cancelled. A job that raises is a mistake of ours and ends the work."""
        while True:
            job = await self._jobs.get()
            await job()
            await after_each()
            self._done.set()  # wakes whoever waits now
            self._done.clear()

    async def job_done(self) -> None:
        """Return when the next job is done."""
        await self._done.wait()

    def offer(self, job: Job) -> None:
        """Queue a job that can be lost. Raises Overloaded."""
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            raise Overloaded from None

    async def put(self, job: Job) -> None:
        """Queue a job that must not be lost, waiting for room."""
        await self._jobs.put(job)

    async def do(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do this in its turn and return its result, or raise its refusal; a caller that goes away changes nothing.

        Any other error is a mistake of ours, perhaps between commit and effect: the caller gets it, and it ends the
        work, so that a restart goes on from the journal. Raises Overloaded when there is no room.
        """
        result: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def job() -> None:
            try:
                done = await work()
            except Exception as error:
                if not result.done():
                    result.set_exception(error)
                if not isinstance(error, self._refusals):
                    raise
            else:
                if not result.done():
                    result.set_result(done)

        self.offer(job)
        return await result
