"""What every test is held to: it leaves no task, no descriptor, no thread of ours and no secret behind."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import aiohttp
import pytest
from hypothesis import HealthCheck, settings

from tests.moved_clock import MovedClock
from tests.secret_search import Needles, found_in_files, kept_log, kept_output, kept_tokens

settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")  # a busy machine makes no test fail: time is the bench's

NEEDLES = pytest.StashKey[Needles]()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovedClock:
    """Time that this test moves."""
    clock = MovedClock()
    monkeypatch.setattr(time, "monotonic", clock)
    monkeypatch.setattr(aiohttp.connector, "monotonic", clock)  # how old a pooled connection is
    return clock


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


@pytest.fixture(autouse=True)
def no_secret_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that passes and leaves a secret, a card or a person in a log or a file fails."""
    needles = Needles()
    request.node.stash[NEEDLES] = needles
    with kept_log() as log, kept_output() as output, kept_tokens(needles):
        yield
    directory = request.node.funcargs.get("tmp_path")
    found = found_in_files(directory, needles) if isinstance(directory, Path) else []
    found += [f"the log: {kind}" for kind in needles.kinds_in("\n".join(log.lines).encode())]
    found += [f"what was printed and looked at: {kind}" for kind in needles.kinds_in("\n".join(output).encode())]
    assert not found, f"what no one may see was left behind: {found}"


def _selected(config: pytest.Config) -> str:
    """The markers that are asked for, without those that are not wanted."""
    return str(config.option.markexpr).replace("not system", "")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that passes and prints a secret, a card or a person fails."""
    report = yield
    if report.skipped and item.get_closest_marker("system_too") and "system" in _selected(item.config):
        report.outcome = "failed"  # there it can run: a skip is a defect
    needles = item.stash.get(NEEDLES, None)
    if needles is not None and report.passed:
        printed = f"{report.capstdout}{report.capstderr}".encode()
        if found := needles.kinds_in(printed):
            report.outcome = "failed"
            report.longrepr = f"what no one may see was printed: {', '.join(found)}"
    return report
