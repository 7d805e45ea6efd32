"""The lines of a recording: one JSON object each, told apart by `kind`. The format is described in docs/recording.md.

`at` counts seconds since the line `begun` before it. Money is in cents.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from agent.checkout.state import Level
from device.interface import DeviceKind, Presence, Torn

VERSION: Final = 1
"""Of the format. A reader refuses a line `begun` of another one."""

JsonObject = dict[str, object]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Begun(_Line):
    """The agent was started with the recording on. A restart in the same file begins anew, with other stand-ins."""

    kind: Literal["begun"] = "begun"
    version: Literal[1] = VERSION
    program: str  # the release that recorded
    started: datetime
    seed: int  # of the jitter in the pauses between two tries
    settling_s: float  # so long after its opening the drawer's port proved nothing
    settings: JsonObject  # the configuration, without secrets


class Scanned(_Line):
    """A reader delivered a scan. `text` stands in for it; what may be part of a card, or a bank card, has none."""

    kind: Literal["scan"] = "scan"
    at: float
    scanner: str
    read: Literal["card", "code", "payment_card", "not_a_card"]
    text: str | None = None
    symbology: str | None = None


class TornRead(_Line):
    """A reader delivered something that was not whole."""

    kind: Literal["torn"] = "torn"
    at: float
    scanner: str
    reason: Torn


class DeviceSeen(_Line):
    """A device came, went, or cannot be used."""

    kind: Literal["device"] = "device"
    at: float
    name: str
    device: DeviceKind
    state: Presence
    reason: str | None = None


class LevelSeen(_Line):
    """The drawer's port delivered another level."""

    kind: Literal["level"] = "level"
    at: float
    drawer: str
    level: Level
    connection: int


class Paid(_Line):
    """The line of a till or cash machine said that the money is in."""

    kind: Literal["paid"] = "paid"
    at: float
    drawer: str
    amount: int | None
    connection: int


class TornPaid(_Line):
    """A line of a till or cash machine could not be read whole."""

    kind: Literal["torn_message"] = "torn_message"
    at: float
    drawer: str


class Pulsed(_Line):
    """The agent asked the drawer to open. `refused`: nothing was sent, and why."""

    kind: Literal["pulse"] = "pulse"
    at: float
    refused: str | None = None


class Exchanged(_Line):
    """A request to the API and what came back: an answer, or how it failed.

    A body that is no JSON is not kept, only how long it was.
    """

    kind: Literal["exchange"] = "exchange"
    at: float
    took_s: float
    method: str
    path: str
    query: str = ""
    body: object = None
    status: int | None = None
    answer: object = None
    answer_bytes: int | None = None
    failed: Literal["not_sent", "unknown", "cancelled"] | None = None
    reason: str | None = None


class Asked(_Line):
    """A screen, register or operator made a call of the local interface, and what it was answered."""

    kind: Literal["asked"] = "asked"
    at: float
    took_s: float
    role: Literal["screen", "operator"]
    method: str
    path: str
    body: object = None
    key: str | None = None  # the Idempotency-Key
    status: int
    problem: str | None = None  # the type of the problem document


class Told(_Line):
    """A checkout is in another phase, or shows another amount."""

    kind: Literal["told"] = "told"
    at: float
    checkout: str
    phase: str
    reason: str | None = None
    amount_due: int | None = None


class Gap(_Line):
    """So many lines are missing here: more happened than could be written."""

    kind: Literal["gap"] = "gap"
    at: float
    lines: int


class Ended(_Line):
    """The agent was stopped. Without this line it was killed, or the recording stopped."""

    kind: Literal["ended"] = "ended"
    at: float


Delivered = Scanned | TornRead | DeviceSeen | LevelSeen | Paid | TornPaid
"""What readers and ports delivered."""
Happened = Delivered | Pulsed | Exchanged | Asked | Told | Gap | Ended
Line = Begun | Happened


class NotARecording(Exception):
    """The file cannot be read as a recording. The text says which line, and why."""


def as_line(record: Line) -> bytes:
    """The line with its end; what is not said is left out."""
    return record.model_dump_json(exclude_none=True).encode() + b"\n"


def read_recording(file: Path) -> list[tuple[Begun, list[Happened]]]:
    """Every start of the agent that the file holds, with what happened then. Raises NotARecording, OSError.

    The last line of an agent that was killed may be cut off; it is left out.
    """
    with file.open("rb") as lines:
        return _days(_lines(lines))


@cache
def _line_adapter() -> TypeAdapter[Line]:
    return TypeAdapter(Annotated[Line, Field(discriminator="kind")])


def _lines(lines: Iterable[bytes]) -> Iterator[tuple[int, Line]]:
    for number, line in enumerate(lines, 1):
        if line.endswith(b"\n") and line.strip():
            try:
                yield number, _line_adapter().validate_json(line)
            except ValidationError as error:
                raise NotARecording(f"line {number}: {error.errors(include_input=False)[0]['msg']}") from None


def _days(lines: Iterable[tuple[int, Line]]) -> list[tuple[Begun, list[Happened]]]:
    days: list[tuple[Begun, list[Happened]]] = []
    for number, line in lines:
        if isinstance(line, Begun):
            days.append((line, []))
        elif days:
            days[-1][1].append(line)
        else:
            raise NotARecording(f"line {number}: a recording begins with the line `begun`")
    if not days:
        raise NotARecording("there is no line `begun` in it")
    return days
