"""How an event of the journal is named in a stream: `<journal>-<sequence>`.

The journal's part is random and made with the file, so an id of a journal that was replaced is never taken for one of
the present; the sequence is never used again, whatever is deleted.
"""

import re
from dataclasses import dataclass

_EVENT_ID = re.compile(r"([0-9a-f]{10}j)-(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class EventId:
    """A place in the stream: this event, and everything before it, is known to the reader."""

    journal: str
    sequence: int

    def __str__(self) -> str:
        return f"{self.journal}-{self.sequence}"


def parse_event_id(text: str) -> EventId | None:
    """Return the place that a `Last-Event-ID` names; None for anything else."""
    match = _EVENT_ID.fullmatch(text)
    return EventId(match[1], int(match[2])) if match else None
