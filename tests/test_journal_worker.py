"""One job after the other, whatever becomes of the callers."""

import asyncio
import logging

import pytest

from agent.journal.errors import NotWritten
from agent.journal.worker import MOST_WAITING, Worker
from tests.journal_entries import HeldExecutor


@pytest.fixture
def executor() -> HeldExecutor:
    return HeldExecutor()


@pytest.fixture
async def worker(executor: HeldExecutor) -> Worker:
    return Worker(executor)


async def settle() -> None:
    """Let what is ready run: a few turns of the loop."""
    for _ in range(10):
        await asyncio.sleep(0)


async def release(executor: HeldExecutor) -> None:
    executor.release()
    await settle()


def fail() -> None:
    raise NotWritten("disk full")


async def test_the_result_of_a_job_comes_back(worker: Worker, executor: HeldExecutor) -> None:
    waiting = asyncio.ensure_future(worker.run(lambda: 7))
    await settle()
    executor.release()

    assert await waiting == 7


async def test_a_job_is_handed_over_when_the_one_before_has_ended(worker: Worker, executor: HeldExecutor) -> None:
    done: list[int] = []
    waiting = [asyncio.ensure_future(worker.run(lambda number=number: done.append(number))) for number in range(3)]  # type: ignore[misc]  # number is bound at once
    await settle()

    for number in range(3):
        assert len(executor.held) == 1
        await release(executor)
        assert done == list(range(number + 1))

    await asyncio.gather(*waiting)


async def test_a_job_whose_caller_was_cancelled_is_finished_in_its_place(
    worker: Worker, executor: HeldExecutor
) -> None:
    done: list[str] = []
    first = asyncio.ensure_future(worker.run(lambda: done.append("first")))
    second = asyncio.ensure_future(worker.run(lambda: done.append("second")))
    await settle()
    first.cancel()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    await release(executor)
    await release(executor)

    assert done == ["first", "second"]
    assert second.cancelled()


async def test_a_failure_is_raised_to_the_caller_and_not_logged(
    worker: Worker, executor: HeldExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = asyncio.ensure_future(worker.run(fail))
    await settle()
    executor.release()

    with pytest.raises(NotWritten):
        await waiting
    assert caplog.records == []


async def test_a_failure_after_the_caller_was_cancelled_is_logged_once(
    worker: Worker, executor: HeldExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = asyncio.ensure_future(worker.run(fail))
    await settle()
    waiting.cancel()
    await settle()

    await release(executor)

    assert [(record.name, record.levelno) for record in caplog.records] == [("tillwire.journal", logging.ERROR)]
    assert "disk full" in caplog.text


async def test_a_failure_that_nobody_waits_for_is_logged_and_the_next_job_runs(
    worker: Worker, executor: HeldExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    worker.schedule(fail)
    waiting = asyncio.ensure_future(worker.run(lambda: "next"))
    await settle()
    await release(executor)
    executor.release()

    assert await waiting == "next"
    assert len(caplog.records) == 1


async def test_an_executor_that_was_shut_down_writes_nothing_and_says_so(
    worker: Worker, executor: HeldExecutor
) -> None:
    executor.closed = True

    for _ in range(2):
        with pytest.raises(NotWritten):
            await worker.run(lambda: 7)


async def test_jobs_that_wait_when_the_executor_is_shut_down_fail_one_and_all(
    worker: Worker, executor: HeldExecutor
) -> None:
    waiting = [asyncio.ensure_future(worker.run(lambda: 7)) for _ in range(3)]
    await settle()
    executor.closed = True
    executor.release()

    outcomes = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(outcome) for outcome in outcomes] == [int, NotWritten, NotWritten]


async def test_on_a_disk_that_hangs_the_queue_ends_somewhere(worker: Worker, executor: HeldExecutor) -> None:
    running = worker.submit(lambda: None)
    waiting = [worker.submit(lambda: None) for _ in range(MOST_WAITING)]

    with pytest.raises(NotWritten):
        await worker.run(lambda: None)

    for _ in range(MOST_WAITING + 1):
        await release(executor)
    await asyncio.gather(running, *waiting)
