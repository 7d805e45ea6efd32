"""The loop whose time is a number."""

import asyncio

import pytest

from tests.faults.virtual_loop import Standstill, VirtualLoop, run


def test_a_day_passes_at_once_and_to_the_second() -> None:
    async def day(loop: VirtualLoop) -> float:
        await asyncio.sleep(86_400.0)
        return loop.time()

    assert run(day) == pytest.approx(86_400.0)


def test_what_is_due_first_happens_first() -> None:
    async def race(_loop: VirtualLoop) -> list[int]:
        order: list[int] = []

        async def arrive(number: int, after_s: float) -> None:
            await asyncio.sleep(after_s)
            order.append(number)

        await asyncio.gather(arrive(2, 2.0), arrive(3, 3.0), arrive(1, 1.0))
        return order

    assert run(race) == [1, 2, 3]


def test_a_time_out_ends_a_wait() -> None:
    async def wait(loop: VirtualLoop) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(15.0):
                await loop.create_future()
        return loop.time()

    assert run(wait) == pytest.approx(15.0)


def test_a_wait_for_what_never_comes_is_told() -> None:
    async def wait(loop: VirtualLoop) -> None:
        await loop.create_future()

    with pytest.raises(Standstill):
        run(wait)
