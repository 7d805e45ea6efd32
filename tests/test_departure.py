"""Requests are made ready while their decision is written, and leave when it is durable, or never."""

import asyncio
from collections.abc import Coroutine

import pytest

from agent.till.departure import Departure


class Sending:
    """Calls that only note how far they have come."""

    def __init__(self) -> None:
        self.ready: list[str] = []
        self.left: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    def call(self, name: str) -> "Departure":
        async def send(durable: asyncio.Future[float]) -> None:
            self.ready.append(name)
            await durable
            self.left.append(name)

        return Departure(self.spawn, [send])


@pytest.fixture
async def sending() -> Sending:
    return Sending()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_made_ready_leaves_when_it_may_and_once(sending: Sending) -> None:
    departure = sending.call("start")
    departure.make_ready()
    departure.make_ready()
    await settle()
    assert (sending.ready, sending.left) == (["start"], [])

    await departure.leave()
    assert sending.left == ["start"]


async def test_what_the_disk_was_too_quick_for_leaves_all_the_same(sending: Sending) -> None:
    await sending.call("start").leave()
    await settle()
    assert sending.left == ["start"]


async def test_what_is_withdrawn_never_leaves(sending: Sending) -> None:
    departure = sending.call("start")
    departure.make_ready()
    await settle()
    departure.withdraw()
    await settle()
    assert [task.cancelled() for task in sending.tasks] == [True]
    assert sending.left == []


async def test_what_was_withdrawn_is_not_made_ready_any_more(sending: Sending) -> None:
    departure = sending.call("start")
    departure.withdraw()
    departure.make_ready()
    await settle()
    assert sending.tasks == []


async def test_a_request_that_was_cancelled_meanwhile_hinders_nobody(sending: Sending) -> None:
    departure = sending.call("start")
    departure.make_ready()
    await settle()
    sending.tasks[0].cancel()
    await settle()
    await departure.leave()
    assert sending.left == []
