"""What goes on beside the requests: a set of tasks that ends together."""

import asyncio
from collections.abc import Coroutine


class Tasks:
    """Tasks that are held until they are done."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, coroutine: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def cancel(self) -> None:
        """Asks all of them to end."""
        for task in self._running:
            task.cancel()

    async def end(self) -> None:
        """Ends all of them and waits until they are gone."""
        self.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
