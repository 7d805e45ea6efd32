"""The journal's executor: what a thread would do at some moment is done at a drawn one, on the loop itself."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from functools import partial
from typing import ParamSpec, TypeVar

from agent.journal.errors import NotWritten
from tests.faults.plan import Passed
from tests.faults.world import World

P = ParamSpec("P")
T = TypeVar("T")

QUICK_S = (0.0002, 0.004)
SLOW_S = (0.1, 3.0)


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

    def __init__(self, world: World, passed: Passed) -> None:
        self._world = world
        self._passed = passed
        self._is_dead = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        outcome: Future[T] = Future()

        def job() -> T:
            return fn(*args, **kwargs)

        closes = isinstance(getattr(fn, "__self__", None), ExitStack)
        if self._is_dead:
            self._bury(job, outcome, closes)
        else:
            self._world.loop.call_later(self._takes(), self._do, job, outcome, closes)
        return outcome

    def dies(self) -> None:
        self._is_dead = True

    def _takes(self) -> float:
        dice = self._world.dice
        return dice.uniform(*(SLOW_S if dice.random() < self._world.plan.slow_disk else QUICK_S))

    def _do(self, job: Callable[[], T], outcome: Future[T], closes: bool) -> None:
        self._passed("before a job")
        if self._is_dead:
            self._bury(job, outcome, closes)
            return
        try:
            result = job()
        except Exception as error:  # noqa: BLE001 - the caller's, as from a thread
            self._deliver(partial(outcome.set_exception, error))
        else:
            self._deliver(partial(outcome.set_result, result))

    def _deliver(self, deliver: Callable[[], None]) -> None:
        """A machine that stopped in the middle of a job never tells what came of it."""
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
