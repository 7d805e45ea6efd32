"""What the scenarios share: packages built from this clone, and a machine on which one of them was installed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.debian import built_package
from tests.kiosk_vm.image import Image, image
from tests.kiosk_vm.kiosk import Kiosk, kiosk
from tests.kiosk_vm.machine import Saved
from tests.kiosk_vm.saved import at_work, installed

MOST_S = 1800
"""Of one scenario with what it needs made first; pytest's own limit is for tests without a machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs root, QEMU and minutes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kiosk)
            item.add_marker(pytest.mark.timeout(MOST_S))


@pytest.fixture(scope="session")
def package() -> Path:
    return built_package("bookworm")


@pytest.fixture(scope="session")
def bookworm() -> Image:
    return image("bookworm")


@pytest.fixture(scope="session")
def saved_installed(bookworm: Image, package: Path) -> Saved:
    """A Debian 12 with the package, saved at the moment after its installation."""
    return asyncio.run(installed(bookworm, package))


@pytest.fixture(scope="session")
def saved_at_work(bookworm: Image, saved_installed: Saved) -> Saved:
    """The same, saved while its till waits for a customer."""
    return asyncio.run(at_work(bookworm, saved_installed))


@pytest.fixture
async def installed_box(
    tmp_path_factory: pytest.TempPathFactory, bookworm: Image, saved_installed: Saved
) -> AsyncIterator[Kiosk]:
    """A kiosk of the test's own, without a configuration."""
    async with kiosk(tmp_path_factory.mktemp("kiosk"), bookworm, saved_installed) as running:
        yield running


@pytest.fixture
async def box(tmp_path_factory: pytest.TempPathFactory, bookworm: Image, saved_at_work: Saved) -> AsyncIterator[Kiosk]:
    """A till at work, of the test's own. Its disk has its secret, so it lies in no folder that is searched for any."""
    async with kiosk(tmp_path_factory.mktemp("kiosk"), bookworm, saved_at_work) as running:
        yield running
