"""How far the fleet has the journal: one line in a file beside it, the id of the last event that the broker took.

It is written after the broker answered and not forced to the disk: after a power cut it may be older than the truth,
and then a few events are sent twice, which their ids tell.
"""

from pathlib import Path

from agent.journal.event_id import EventId, parse_event_id

FILE_NAME = "fleet-cursor"
LONGEST = 64  # bytes


class Cursor:
    """The file of one till. Blocks: for a thread."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE_NAME

    def read(self, journal: str, newest: int, oldest: int) -> int:
        """Return the sequence to go on after.

        Without a file the till has just joined: what was before is not told. A file that names another journal, or
        nothing that can be read, or what was deleted meanwhile: everything that the journal has is told.
        """
        try:
            known = parse_event_id(self._file.read_bytes()[:LONGEST].decode("ascii", "replace").strip())
        except FileNotFoundError:
            return newest
        if known is None or known.journal != journal or not oldest - 1 <= known.sequence <= newest:
            return oldest - 1
        return known.sequence

    def write(self, reached: EventId) -> None:
        """Keep the place, whole or not at all. Raises OSError."""
        new = self._file.with_name(f".{FILE_NAME}.new")
        new.write_text(f"{reached}\n", encoding="ascii")
        new.replace(self._file)
