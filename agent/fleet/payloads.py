"""The shapes of everything that goes between a till and its fleet; docs/fleet/asyncapi.json is made from them.

Money is integer cents, times are ISO 8601 with an offset, spans are seconds. No shape has room for a whole card number
or a token. A consumer passes over fields that it does not know.
"""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

from agent.checkout.state import Confirmation, Kind, Level, Method, Phase
from agent.kiosk.event_answers import ConnectionAnswer, DeviceAnswer, DrawerLevelAnswer
from agent.till.listener import UnexpectedThing

Outcome = Literal["done", "refused", "failed", "rolled_back"]
Refusal = Literal[
    "too_large",
    "retained",
    "unknown_sender",
    "not_a_command",
    "unknown_command",
    "not_allowed",
    "not_changeable",
    "not_yet",
    "expired",
    "lives_too_long",
    "repeated",
    "too_many",
]
COMMAND_ID = r"^[A-Za-z0-9_-]{20,64}$"
"""Random, as a UUID is; and longer than a card number, so that none stands in the journal as an id."""
LogLevel = Literal["debug", "info", "warning", "error"]


class _Told(BaseModel):
    """What a till tells."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def as_json(self) -> bytes:
        return self.model_dump_json().encode()


class Presence(_Told):
    """Retained. The last will of a till says that it is offline; then `at` is when it had come."""

    online: bool
    at: AwareDatetime = Field(description="by the till's clock")
    version: str


class State(_Told):
    """Retained: how the till stood at `at`, by its own clock. It stays when the till is offline."""

    at: AwareDatetime
    version: str
    busy: bool = Field(description="a customer is being served")
    recording: bool = Field(description="false while a confirmed payment could not be written: call staff")
    connection: ConnectionAnswer
    devices: tuple[DeviceAnswer, ...]
    drawer: DrawerLevelAnswer | None = Field(description="null without a drawer")
    waiting_payments: int = Field(description="confirmed payments that are not booked yet")
    attention: int = Field(description="of these: those that wait for a person's decision")
    oldest_waiting_since: datetime | None
    oldest_waiting_s: float | None = Field(description="its age at `at`")
    newest_event: str = Field(description="the id of the newest event in the till's journal")


class CheckoutStanding(_Told):
    """A checkout after an event."""

    id: str
    kind: Kind
    phase: Phase
    reason: str | None
    merchantRef: str | None
    transactionRef: str | None
    transaction_id: str | None
    sum: int = Field(description="cents; never the amount due")
    currency: str
    amount_due: int | None
    method: Method | None
    card: str | None = Field(description="masked")
    confirmed_by: Confirmation | None
    confirmed_amount: int | None
    waiting_since: datetime | None
    error: str | None = Field(description="the API's code for what went wrong")
    reverses: str | None
    reversed_by: str | None
    created: datetime
    updated: datetime


class DrawerStanding(_Told):
    """What the drawer did, or was asked to do."""

    drawer: str
    state: Level
    event: str
    by: str | None
    reason: str | None
    checkout: str | None
    open_s: float | None


class UnexpectedStanding(_Told):
    """Nothing waited for it: a machine says that cash is in, or the API answers about a checkout that is over."""

    what: UnexpectedThing
    contradicts: bool = Field(description="by it money is elsewhere than the till has it: a person must look")
    amount: int | None
    checkout: str | None
    phase: Phase | None
    status: str | None


class CommandStanding(_Told):
    """What became of a command."""

    id: str | None
    sender: str
    command: str
    outcome: str
    reason: str | None


class Event(_Told):
    """One entry of the till's journal. Sequences have no holes: a next one that is not one more tells a gap, one that
    is not greater a repeat. Another journal's name tells that the till's journal was replaced.
    """

    id: str = Field(description="<journal>-<sequence>", pattern=r"^[0-9a-f]{10}j-[1-9][0-9]*$")
    at: datetime = Field(description="by the till's clock")
    event: str = Field(description="what happened, as the journal names it")
    checkout: CheckoutStanding | None = None
    drawer: DrawerStanding | None = None
    unexpected: UnexpectedStanding | None = None
    command: CommandStanding | None = None


class _Command(BaseModel):
    """What every command has. Its id is good once, within its time."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=COMMAND_ID, description="random: never used before")]
    issued: AwareDatetime
    expires: AwareDatetime = Field(description="at most an hour after `issued`")


class Check(_Command):
    """Is the box ready? What `tillwire check` says."""

    command: Literal["check"] = "check"


class ReadState(_Command):
    """The state as it is at this moment."""

    command: Literal["read-state"] = "read-state"


class ListWaiting(_Command):
    """The payments that are not booked yet."""

    command: Literal["list-waiting"] = "list-waiting"


class Retry(_Command):
    """Go on with a checkout that needs attention; what became of it is read first."""

    command: Literal["retry"] = "retry"
    checkout: Annotated[str, Field(pattern=r"^co_[0-9a-z_]{1,40}$")]


class SetLogLevel(_Command):
    """How much the agent logs, until it is restarted."""

    command: Literal["log-level"] = "log-level"
    level: LogLevel


class Restart(_Command):
    """Restart the agent as soon as no customer is being served; if that is not before `expires`, not at all."""

    command: Literal["restart"] = "restart"


class Change(_Command):
    """New values for keys of `may_change`: checked, applied when no customer is being served, and taken back when
    `tillwire check` says that something is wrong that was right before.
    """

    command: Literal["change"] = "change"
    values: Annotated[dict[str, bool | int | float | str], Field(min_length=1, max_length=16)]


Command = Annotated[
    Check | ReadState | ListWaiting | Retry | SetLogLevel | Restart | Change, Field(discriminator="command")
]
COMMAND: TypeAdapter[Command] = TypeAdapter(Command)


class Answer(_Told):
    """What a till says to a command that it could read."""

    id: str = Field(description="the command's")
    sender: str
    command: str
    at: AwareDatetime = Field(description="by the till's clock; a refusal for its time is explained by it")
    outcome: Outcome
    reason: str | None = None
    ready: bool | None = Field(None, description="of check")
    findings: tuple[str, ...] | None = Field(None, description="of check, and of a change that was taken back")
    state: State | None = Field(None, description="of read-state")
    waiting: tuple[CheckoutStanding, ...] | None = Field(None, description="of list-waiting, the oldest first")
