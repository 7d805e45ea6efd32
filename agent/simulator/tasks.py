"""What goes on beside the requests: a set of tasks that ends together."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager


class Tasks:
    """Tasks that are known until they are done."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[object]] = set()

    def spawn(self, coroutine: Coroutine[object, object, object]) -> None:
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """The running task is one of them inside this block."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("there is no task to join")
        self._running.add(task)
        try:
            yield
        finally:
            self._running.discard(task)

    def cancel(self) -> None:
        """Asks all of them to end."""
        for task in self._running:
            task.cancel()

    async def end(self) -> None:
        """Ends all of them and waits until they are gone."""
        self.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
