"""The state directory of a run: in memory where there is such a file system, with a journal that is made once."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from agent.journal.journal import FILE_NAME, open_journal
from tests.faults.executor import AtOnce
from tests.faults.virtual_loop import run

_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory


@contextmanager
def state_directory() -> Iterator[Path]:
    """Give a directory with an empty journal in it."""
    with tempfile.TemporaryDirectory(dir=_place()) as name:
        directory = Path(name)
        for file in _template().iterdir():
            shutil.copyfile(file, directory / file.name)
        yield directory


@cache
def _template() -> Path:
    """An empty journal that is brought up to date already."""
    directory = Path(tempfile.mkdtemp(dir=_place()))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)

    async def make() -> None:
        journal = await open_journal(directory / FILE_NAME, AtOnce())
        await journal.close()

    run(lambda _loop: make())
    (directory / f"{FILE_NAME}.reserve").unlink(missing_ok=True)  # each run makes its own
    return directory


def _place() -> Path | None:
    return _MEMORY if _MEMORY.is_dir() else None
