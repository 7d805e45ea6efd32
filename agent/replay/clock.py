"""Time in a replay: it stands still while anything happens, and goes on to the next timer when nothing does.

So a day takes as long as its events take to be worked on, and each time-out is as long as it was. Everything that a
thread would do is done at once.
"""

import asyncio
import selectors
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

QUIET_S: Final = 0.005
"""Real seconds in which nothing comes over loopback: then nothing is under way, since both ends run in this loop."""


class ReplayLoop(asyncio.SelectorEventLoop):
    """An event loop whose time is only moved by waiting."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_QuietSelector(self._move))

    def time(self) -> float:
        return self._now

    def run_in_executor(  # type: ignore[override]
        self,
        executor: Executor | None,  # noqa: ARG002 - none is used
        func: Callable[..., T],
        *args: Any,  # noqa: ANN401 - as asyncio has it
    ) -> asyncio.Future[T]:
        return asyncio.wrap_future(InlineExecutor().submit(func, *args), loop=self)

    def _move(self, seconds: float) -> None:
        self._now += seconds


class InlineExecutor(Executor):
    """Does each job where it is handed over."""

    def submit(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - the future's to raise
            future.set_exception(error)
        return future


class _QuietSelector(selectors.EpollSelector):
    def __init__(self, move: Callable[[float], None]) -> None:
        super().__init__()
        self._move = move

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0) or super().select(QUIET_S)
        if not ready:
            self._move(timeout)
        return ready
