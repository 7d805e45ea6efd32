"""Which commands are let in. Pure: whatever came on the topic of a sender either is a command to carry out, or says
why not.

Who sent it is the last level of its topic, which the broker lets nobody else write to; that it was not carried out
before is known from the journal, where each id is written once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from agent.fleet.payloads import COMMAND, COMMAND_ID, Change, Command, Refusal

MOST_BYTES = 8 * 1024
"""The largest command there can be, 16 new values, has a quarter of it."""
LONGEST_LIFE = timedelta(hours=1)
"""Who stands before the dashboard waits no longer; and what is remembered is remembered for a day at least."""
MOST_SKEW = timedelta(minutes=2)
"""A sender's clock may be ahead of ours by so much. Boxes with NTP are within a second; one without it says so in each
answer's `at`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the till's own file allows."""

    senders: frozenset[str]
    commands: frozenset[str]
    may_change: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A message as it came."""

    sender: str
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why it is not carried out; `id` and `command` where they could be read."""

    reason: Refusal
    id: str | None = None
    command: str = "?"


class _Envelope(BaseModel):
    """What can be read of a command that we do not know."""

    model_config = ConfigDict(extra="ignore")

    id: str = Field(pattern=COMMAND_ID)
    command: str = Field(max_length=32, pattern=r"^[A-Za-z_.-]+$")
    issued: AwareDatetime
    expires: AwareDatetime


def admitted(arrived: Arrived, allowed: Allowed, now: datetime) -> Command | Refused:
    """Return the command, or why it is refused."""
    if reason := _unread(arrived, allowed):
        return Refused(reason=reason)
    try:
        envelope = _Envelope.model_validate_json(arrived.payload)
    except ValidationError:
        return Refused(reason="not_a_command")
    if reason := _out_of_time(envelope.issued, envelope.expires, now) or _not_allowed(envelope.command, allowed):
        return Refused(reason=reason, id=envelope.id, command=envelope.command)
    try:
        command = COMMAND.validate_json(arrived.payload)
    except ValidationError:
        return Refused(reason="not_a_command", id=envelope.id, command=envelope.command)
    if isinstance(command, Change) and not command.values.keys() <= allowed.may_change:
        return Refused(reason="not_changeable", id=command.id, command=command.command)
    return command


def _unread(arrived: Arrived, allowed: Allowed) -> Refusal | None:
    """What is refused before anything of it is read. A retained command would come again with each connection."""
    if arrived.sender not in allowed.senders:
        return "unknown_sender"
    if len(arrived.payload) > MOST_BYTES:
        return "too_large"
    return "retained" if arrived.retained else None


def _out_of_time(issued: datetime, expires: datetime, now: datetime) -> Refusal | None:
    if expires - issued > LONGEST_LIFE:
        return "lives_too_long"
    if now < issued - MOST_SKEW:
        return "not_yet"
    return "expired" if now >= expires else None


def _not_allowed(command: str, allowed: Allowed) -> Refusal | None:
    if command not in _KNOWN:
        return "unknown_command"
    return None if command in allowed.commands else "not_allowed"


_KNOWN = frozenset(("check", "read-state", "list-waiting", "retry", "log-level", "restart", "change"))
