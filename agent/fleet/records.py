"""What the journal keeps of each command: that it came, from whom, and what became of it."""

from dataclasses import dataclass, field

from agent.checkout.state import Json
from agent.fleet.payloads import Outcome, Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetCommandTaken:
    """A command came. With `refused` it was not carried out, and what it asked for is not kept."""

    id: str | None
    sender: str
    command: str
    asked: Json = field(default_factory=dict)
    refused: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetCommandEnded:
    """What became of a command that was carried out."""

    id: str
    sender: str
    command: str
    outcome: Outcome
    reason: str | None
