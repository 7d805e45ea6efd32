"""What the scenarios share: packages built from this clone, and a machine on which one of them was installed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.debian import built_package
from tests.kiosk_vm.image import Image
from tests.kiosk_vm.kiosk import Kiosk, installed, kiosk
from tests.kiosk_vm.machine import Saved

MOST_S = 1200
"""Of one scenario with what it needs made first; pytest's own 60 s are for tests without a machine."""


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
def ready(package: Path) -> tuple[Image, Saved]:
    """A Debian 12 with the package, saved at the moment after its installation."""
    return asyncio.run(installed("bookworm", package))


@pytest.fixture
async def box(tmp_path_factory: pytest.TempPathFactory, ready: tuple[Image, Saved]) -> AsyncIterator[Kiosk]:
    """A kiosk of the test's own. Its disk has the secret that it was set up with, so it lies in no searched folder."""
    async with kiosk(tmp_path_factory.mktemp("kiosk"), *ready) as running:
        yield running
