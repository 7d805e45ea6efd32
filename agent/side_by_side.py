"""Works that end together."""

import asyncio
from collections.abc import Awaitable


async def side_by_side(*works: Awaitable[object]) -> None:
    """Do all of these until the first ends, end the others, and raise its error.

    No TaskGroup: one that is cancelled while a task of it fails tells the failure alone, and the agent would not stop.
    """
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
