"""What the agent writes into its journal's files without SQLite goes to the simulated disk, too.

These are the pads, the log that another process left, and the room that is held back. A directory is synced at once:
whether a name survives is drawn with the file's own bytes (`disk.c`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.journal.opening import beside
from tests.faults.disk import Disk


@contextmanager
def through(disk: Disk) -> Iterator[None]:
    """Lead the system calls for the journal's files to this disk."""
    known = {str(beside(disk.journal, suffix)) for suffix in ("-wal", ".pads")}
    reserve = str(beside(disk.journal, ".reserve"))
    pwrite, fdatasync, allocate, unlink = os.pwrite, os.fdatasync, os.posix_fallocate, os.unlink

    def write(descriptor: int, data: bytes, offset: int) -> int:
        if (path := _path(descriptor)) in known:
            disk.write(path, data, offset, os.fstat(descriptor).st_size)
        return pwrite(descriptor, data, offset)

    def sync(descriptor: int) -> None:
        if (path := _path(descriptor)) in known:
            disk.sync(path)

    def fallocate(descriptor: int, offset: int, size: int) -> None:
        disk.allocate(size)
        allocate(descriptor, offset, size)

    def remove(path: str | Path) -> None:
        if str(path) == reserve:
            disk.remove()
        unlink(path)

    os.pwrite, os.fdatasync, os.posix_fallocate, os.unlink = write, sync, fallocate, remove  # type: ignore[assignment]
    try:
        yield
    finally:
        os.pwrite, os.fdatasync, os.posix_fallocate, os.unlink = pwrite, fdatasync, allocate, unlink


def _path(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - asked a hundred times in a run
