"""The journal's executor: what a thread would do at some moment is done at a drawn one, on the loop itself.

A job that ends with a sync is done in two steps. What it writes is written at one moment, and it is on the platter and
told at a later one: in between the power may go, a line be cut, or somebody's patience end.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from agent.journal.errors import NotWritten
from tests.faults.plan import Passed
from tests.faults.plan_machine import SlowSync
from tests.faults.world import World

if TYPE_CHECKING:
    import asyncio

P = ParamSpec("P")
T = TypeVar("T")

QUICK_S = (0.0002, 0.004)
SLOW_S = (0.1, 3.0)
WRITES_FOR = 0.2
"""Of the time that a job takes: then it has done everything, and waits for its last sync."""


class AtOnce(Executor):
    """Does each job where it is handed in."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        outcome: Future[T] = Future()
        try:
            outcome.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the caller's, as from a thread
            outcome.set_exception(error)
        return outcome


class DrawnExecutor(Executor):
    """Belongs to one process. After its end a job is never done, but for the last: closing what is open."""

    def __init__(self, world: World, passed: Passed, slow_syncs: deque[SlowSync]) -> None:
        """`slow_syncs`: those that are still to come; each is taken out when it comes."""
        self._world = world
        self._passed = passed
        self._slow_syncs = slow_syncs
        self._is_dead = False
        self._waiting: tuple[asyncio.TimerHandle, Callable[[], None]] | None = None

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        outcome: Future[T] = Future()

        def job() -> T:
            return fn(*args, **kwargs)

        closes = isinstance(getattr(fn, "__self__", None), ExitStack)
        if self._is_dead:
            self._bury(job, outcome, closes)
        else:
            seconds = self._takes()
            self._world.loop.call_later(WRITES_FOR * seconds, self._do, job, outcome, closes, seconds)
        return outcome

    def dies(self) -> None:
        """Nobody waits for a sync any more."""
        self._is_dead = True
        if self._waiting is not None:
            timer, deliver = self._waiting
            timer.cancel()
            self._ends(deliver)

    def _takes(self) -> float:
        dice = self._world.dice
        return dice.uniform(*(SLOW_S if dice.random() < self._world.plan.slow_disk else QUICK_S))

    def _do(self, job: Callable[[], T], outcome: Future[T], closes: bool, seconds: float) -> None:
        self._passed("before a job")
        if self._is_dead:
            self._bury(job, outcome, closes)
            return
        try:
            deliver = partial(outcome.set_result, job())
        except Exception as error:  # noqa: BLE001 - the caller's, as from a thread
            deliver = partial(outcome.set_exception, error)
        self._waits((1 - WRITES_FOR) * seconds, deliver)

    def _waits(self, seconds: float, deliver: Callable[[], None]) -> None:
        """For the disk. A machine that stopped in the middle of a job ends here."""
        disk = self._world.disk
        if disk.is_syncing:
            seconds += self._slower_s()
        self._waiting = self._world.loop.call_later(seconds, self._ends, deliver), deliver
        if disk.is_syncing or disk.stopped:
            self._passed("syncing")

    def _slower_s(self) -> float:
        """So much longer than others this sync takes."""
        if not self._slow_syncs or self._slow_syncs[0].at > self._world.now:
            return 0.0
        seconds = self._slow_syncs.popleft().seconds
        self._world.say(f"the disk takes {seconds:.1f} s for a sync")
        return seconds

    def _ends(self, deliver: Callable[[], None]) -> None:
        self._waiting = None
        if not self._is_dead:
            self._world.disk.settle()
            self._passed("after a job")
        self._world.loop.call_soon(deliver)

    def _bury(self, job: Callable[[], T], outcome: Future[T], closes: bool) -> None:
        """Nobody is there any more who would hear of it; but what the process held open is closed, as by a kernel."""
        if not closes:
            outcome.set_exception(NotWritten("the process is gone"))
            return
        try:
            outcome.set_result(job())
        except Exception as error:  # noqa: BLE001 - the caller's, as from a thread
            outcome.set_exception(error)
