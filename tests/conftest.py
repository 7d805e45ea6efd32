"""What every test is held to: it leaves no task, no descriptor and no thread of ours behind."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest


def _descriptors() -> set[tuple[int, str]]:
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - a Path would open the folder once more
        try:
            found.add((int(name), os.readlink(f"/proc/self/fd/{name}")))  # noqa: PTH115 - not a file
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return found


@pytest.fixture(autouse=True)
def no_descriptor_left() -> Iterator[None]:
    """A test that passes and leaves a descriptor open fails."""
    before = _descriptors()
    yield
    left = {(number, target) for number, target in _descriptors() - before if not _of_the_runner(target)}
    assert not left, f"descriptors left open: {sorted(left)}"


def _of_the_runner(target: str) -> bool:
    """Hypothesis' example database and pytest's capture open files of their own."""
    return ".hypothesis" in target or ("/tmp/" in target and "(deleted)" in target)  # noqa: S108


@pytest.fixture(autouse=True)
async def no_task_left() -> AsyncIterator[None]:
    """A test that passes and leaves a task running fails."""
    before = asyncio.all_tasks()
    yield
    left = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task()]
    assert not left, f"tasks left running: {left}"
