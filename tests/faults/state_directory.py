"""The state directory of a run: in memory where there is such a file system, with a journal that is made once."""

import tempfile
from collections.abc import Iterator, Mapping
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
        for file, content in _template().items():
            (directory / file).write_bytes(content)
        yield directory


@cache
def _template() -> Mapping[str, bytes]:
    """The files of an empty journal that is brought up to date already; each run makes its own reserve."""
    with tempfile.TemporaryDirectory(dir=_place()) as name:
        directory = Path(name)

        async def make() -> None:
            journal = await open_journal(directory / FILE_NAME, AtOnce())
            await journal.close()

        run(lambda _loop: make())
        return {file.name: file.read_bytes() for file in directory.iterdir() if file.suffix != ".reserve"}


def _place() -> Path | None:
    return _MEMORY if _MEMORY.is_dir() else None
