"""What the tests of the installed package share: the package of this clone, and a fresh box for each."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.simulator.server import SimulatorServer
from tests.debian import bare_system, built_package, run, with_higher_version
from tests.installed.box import Box, running_box

MOST_S = 600
"""Of one test with the package and the system that it needs made first; pytest's own limit is for tests without."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs root and Debian packages."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kiosk)
            item.add_marker(pytest.mark.timeout(MOST_S))


@pytest.fixture(scope="session")
def package() -> Path:
    return built_package("bookworm")


@pytest.fixture(scope="session")
def next_package(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_higher_version(package, tmp_path_factory.mktemp("next"))


@contextmanager
def written_over(system: Path, folder: Path) -> Iterator[Path]:
    """Yield this system to be changed at will: what is written lies in `folder`, and is gone at the end."""
    layers = {name: folder / name for name in ("upper", "work", "root")}
    for layer in layers.values():
        layer.mkdir()
    options = f"lowerdir={system},upperdir={layers['upper']},workdir={layers['work']}"
    run("mount", "-t", "overlay", "overlay", "-o", options, str(layers["root"]))
    try:
        yield layers["root"]
    finally:
        run("umount", "--recursive", "--lazy", str(layers["root"]))
        shutil.rmtree(folder)


@pytest.fixture
async def bare_box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Box]:
    """A Debian 12 as an installer finds it."""
    system = await asyncio.to_thread(bare_system, "bookworm")
    with written_over(system, tmp_path_factory.mktemp("box")) as root:
        async with SimulatorServer() as simulator, running_box(root, simulator) as box:
            yield box


@pytest.fixture
async def box(bare_box: Box, package: Path) -> Box:
    """A box that runs the agent, installed from an answer file."""
    installed = await bare_box.install(package)
    assert installed.code == 0, installed.out
    ready = await bare_box.set_up()
    assert ready.code == 0, ready.out
    return bare_box
