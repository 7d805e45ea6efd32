"""Where what is published. Pure.

Each till has four topics to write and one level of topics to read, so that a broker's access list can tell tills apart
by the name in their certificate: docs/fleet.md.
"""

import re
from dataclasses import dataclass

COMMAND = "command"
NOBODY = "?"
"""Whoever signs with what no configuration takes for a name."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one till."""

    prefix: str
    till: str

    @property
    def presence(self) -> str:
        return self._of("presence")

    @property
    def state(self) -> str:
        return self._of("state")

    @property
    def event(self) -> str:
        return self._of("event")

    @property
    def answer(self) -> str:
        return self._of("answer")

    @property
    def commands(self) -> str:
        """The filter that the till subscribes to: commands from anybody."""
        return self._of(f"{COMMAND}/+")

    def command_of(self, sender: str) -> str:
        return self._of(f"{COMMAND}/{sender}")

    def sender_in(self, topic: str) -> str | None:
        """Return who sent a command, as the broker's access list vouches for it; None: it is no command to us."""
        before, _, sender = topic.rpartition("/")
        if before != self._of(COMMAND):
            return None
        return sender if _NAME.fullmatch(sender) else NOBODY

    def _of(self, last: str) -> str:
        return f"{self.prefix}/{self.till}/{last}"


def till_and_kind(prefix: str, topic: str) -> tuple[str, str] | None:
    """Return which till tells what on this topic; None for any other."""
    before, _, kind = topic.rpartition("/")
    till = before.removeprefix(f"{prefix}/")
    return (till, kind) if before == f"{prefix}/{till}" and _NAME.fullmatch(till) else None
