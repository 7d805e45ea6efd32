"""What the scenarios share: packages built from this clone, and a machine on which one of them was installed."""

from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest

from tests.debian import built_package
from tests.kiosk_vm.image import Image, image
from tests.kiosk_vm.kiosk import Kiosk, kiosk
from tests.kiosk_vm.machine import Saved, last_words
from tests.kiosk_vm.saved import at_work, installed

MOST_S = 900
"""Of one scenario. Each of its waits ends sooner, and says what it waited for; pytest's own limit is for tests without
a machine."""
FOLDER = pytest.StashKey[Path]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs root, QEMU and minutes."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kiosk)
            item.add_marker(pytest.mark.timeout(MOST_S, func_only=True))  # what is kept is made before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A scenario that fails shows what its machine said last."""
    report = yield
    folder = item.stash.get(FOLDER, None)
    if report.failed and folder is not None:
        report.sections.append(("what the kiosk said last", last_words(folder)))
    return report


@pytest.fixture(scope="session")
def package() -> Path:
    return built_package("bookworm")


@pytest.fixture(scope="session")
def bookworm() -> Image:
    return image("bookworm")


@pytest.fixture(scope="session")
def saved_installed(bookworm: Image, package: Path) -> Iterator[Saved]:
    """A Debian 12 with the package, saved at the moment after its installation."""
    with installed(bookworm, package) as saved:
        yield saved


@pytest.fixture(scope="session")
def saved_at_work(bookworm: Image, package: Path) -> Iterator[Saved]:
    """The same, saved while its till waits for a customer."""
    with at_work(bookworm, package) as saved:
        yield saved


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Of a kiosk of the test's own. Its disk has its secret, so it lies in no folder that is searched for any."""
    folder = tmp_path_factory.mktemp("kiosk")
    request.node.stash[FOLDER] = folder
    return folder


@pytest.fixture
async def installed_box(folder: Path, bookworm: Image, saved_installed: Saved) -> AsyncIterator[Kiosk]:
    """A kiosk without a configuration."""
    async with kiosk(folder, bookworm, saved_installed) as running:
        yield running


@pytest.fixture
async def box(folder: Path, bookworm: Image, saved_at_work: Saved) -> AsyncIterator[Kiosk]:
    """A till at work."""
    async with kiosk(folder, bookworm, saved_at_work) as running:
        yield running
