"""Room on the disk that is held back for the entry that must be written.

A file of zeros beside the journal, really allocated. When the disk is full it is given up, and what was taken in cash
can still be recorded. It is made again when there is room.
"""

import logging
import os
from contextlib import suppress
from pathlib import Path

SIZE_BYTES = 1 << 20
"""An entry takes 4 to 8 pages of 4 KiB: room for dozens, so also for the end of every checkout that was under way."""

_logger = logging.getLogger("tillwire.journal")


class Reserve:
    """The reserve of one journal. Blocking: used on the journal's executor; `held` may be read anywhere."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.held = _is_whole(path)

    def restore(self) -> None:
        """Allocate the reserve, if it is not held and there is room. Without room this says so in the log."""
        if self.held:
            return
        try:
            _allocate(self._path)
        except OSError as error:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
            _logger.warning("no room for the reserve of the journal: %s", error)
        else:
            self.held = True

    def give_up(self) -> bool:
        """Leave the room to the journal; say whether there was any."""
        if not self.held:
            return False
        self.held = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError:  # the file system has become read-only: nothing can be gained here
            return False
        _logger.error("the disk is full: the reserve of the journal was given up for an entry that must be written")
        return True


def _is_whole(path: Path) -> bool:
    with suppress(FileNotFoundError):
        return path.stat().st_blocks * 512 >= SIZE_BYTES
    return False


def _allocate(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, SIZE_BYTES)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
