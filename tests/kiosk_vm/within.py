"""Waiting for something that a slow machine does, and saying what it was when it did not."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


@asynccontextmanager
async def within(limit_s: float, awaited: Callable[[], str]) -> AsyncIterator[None]:
    """End the block after so many seconds, and fail with what it waited for. Raises AssertionError."""
    limit = asyncio.timeout(limit_s)
    try:
        async with limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise AssertionError(f"waited {limit_s:.0f} s for {awaited()}") from None
