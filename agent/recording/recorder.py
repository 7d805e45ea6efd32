"""Writes a recording beside the agent's work, and never in its way.

What happens is put into a bounded queue; a thread takes secrets and people out of it and writes a line. When more
happens than can be written, lines are left out and a `gap` says how many. When the disk is full, or has less room than
the journal may need, the recording stops and the agent goes on.
"""

import errno
import logging
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from agent.recording.records import Ended, Gap, Line, as_line

_log = logging.getLogger("tillwire.recording")

MOST_WAITING: Final = 1000
"""Lines: more than happen at a till in a minute."""
MOST_WAITING_BYTES: Final = 4 * 1024 * 1024
"""Together; an answer of the API has five thousand."""
LEAST_FREE_BYTES: Final = 256 * 1024 * 1024
"""The journal's disk is not the recording's to fill."""
LOOK_AT_ROOM_EVERY: Final = 64
"""Lines between two looks at the free room."""
CLOSE_TIMEOUT_S: Final = 1.0
"""A disk that hangs does not keep the agent from stopping in time."""
FILE_MODE: Final = 0o600

Making = Callable[[], Line]
"""Makes a line without what must not be in it. Called in the recorder's thread."""


class Recorder:
    """One recording, from one start of the agent to its end.

    `clock` counts seconds as the agent's event loop does.
    """

    def __init__(self, file: Path, clock: Callable[[], float], *, least_free_bytes: int = LEAST_FREE_BYTES) -> None:
        self.began = clock()
        self._clock = clock
        self._file = file
        self._least_free_bytes = least_free_bytes
        self._waiting: queue.Queue[tuple[Making, int] | None] = queue.Queue(MOST_WAITING)
        self._waiting_bytes = 0
        self._counting = threading.Lock()
        self._left_out = 0
        self._lines = 0
        self._stopped = False
        self._thread = threading.Thread(target=self._work, name="recording", daemon=True)
        self._thread.start()

    def since(self, at: float) -> float:
        """Seconds since the recording began, to the microsecond."""
        return round(at - self.began, 6)

    def now(self) -> float:
        return self.since(self._clock())

    def put(self, making: Making, size: int = 0) -> None:
        """Take a line that holds about so many bytes. Returns at once, whatever becomes of it."""
        if self._stopped:
            return
        if self._waiting_bytes + size > MOST_WAITING_BYTES or self._waiting.full():
            self._left_out += 1
            return
        if self._left_out:
            self._waiting.put_nowait((self._gap(), 0))
        self._count(size)
        with suppress(queue.Full):  # the gap took the last place: the next one is one line larger
            self._waiting.put_nowait((making, size))
            return
        self._count(-size)
        self._left_out += 1

    def close(self) -> None:
        """Write what waits, and the end. Blocks."""
        ended = Ended(at=self.now())
        last = [(self._gap(), 0)] if self._left_out else []
        with suppress(queue.Full):
            for each in (*last, (lambda: ended, 0), None):
                self._waiting.put(each, timeout=0 if self._stopped else CLOSE_TIMEOUT_S)
        self._thread.join(CLOSE_TIMEOUT_S)
        self._stopped = True

    def _count(self, size: int) -> None:
        with self._counting:
            self._waiting_bytes += size

    def _gap(self) -> Making:
        gap = Gap(at=self.now(), lines=self._left_out)
        self._left_out = 0
        return lambda: gap

    def _work(self) -> None:
        try:
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        except OSError as error:
            self._stop(error.strerror or "it cannot be opened")
            return
        try:
            self._write_until_the_end(descriptor)
        finally:
            os.close(descriptor)

    def _write_until_the_end(self, descriptor: int) -> None:
        while not self._stopped and (next_one := self._waiting.get()) is not None:
            making, size = next_one
            self._count(-size)
            try:
                self._write(as_line(making()), descriptor)
            except OSError as error:
                self._stop(error.strerror or "it cannot be written")
            except Exception as error:  # noqa: BLE001 - a mistake here must not reach the till
                self._stop(f"a line cannot be made: {type(error).__name__}")  # its text may hold a card

    def _write(self, line: bytes, descriptor: int) -> None:
        if self._lines % LOOK_AT_ROOM_EVERY == 0:
            self._see_that_there_is_room(descriptor)
        self._lines += 1
        if os.write(descriptor, line) < len(line):  # the next one would begin in the middle of this
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _see_that_there_is_room(self, descriptor: int) -> None:
        disk = os.fstatvfs(descriptor)
        if disk.f_bavail * disk.f_frsize < self._least_free_bytes:
            raise OSError(errno.ENOSPC, f"less than {self._least_free_bytes // 1024**2} MiB are free")

    def _stop(self, why: str) -> None:
        self._stopped = True
        _log.warning("the recording in %s stops, the agent goes on: %s", self._file, why)
