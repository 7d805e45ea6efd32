"""Waits of the virtual kiosk: one that takes too long says what it waited for."""

import asyncio

import pytest

from tests.kiosk_vm.within import within


async def test_a_wait_that_takes_too_long_says_what_for() -> None:
    seen = ["nothing"]

    async def wait() -> None:
        async with within(0, lambda: f"a drawer, and saw {seen}"):
            seen.append("a printer")
            await asyncio.Event().wait()

    with pytest.raises(AssertionError, match=r"^waited 0 s for a drawer, and saw \['nothing', 'a printer'\]$"):
        await wait()


async def test_a_time_out_of_what_is_waited_for_stays_one() -> None:
    async def fail() -> None:
        async with within(3600, lambda: "nothing"):
            raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await fail()
