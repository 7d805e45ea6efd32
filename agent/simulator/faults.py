"""What can go wrong on demand, and when. Pure: `wire.py` carries the faults out.

A fault is planned for a call (`start/cash`, `start/*`, `*`) and strikes the next requests of that call: `count` of
them, from the `first` one on. On the command line: `CALL:KIND[:COUNT][:OPTION=VALUE]…`. Faults of time go together
with one other fault; of the others the one that was planned first strikes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.simulator.routes import CALL_NAMES
from agent.simulator.switches import Seconds, UnknownSetting, nearest

CONNECT: Final = "connect"
"""The name under which faults of the connection itself are planned, instead of a call's."""


class Kind(StrEnum):
    """Every fault there is."""

    LATENCY = "latency"
    SLOW_EXECUTION = "slow-execution"
    SLOW_ANSWER = "slow-answer"
    NO_ANSWER_BEFORE_EXECUTING = "no-answer-before-executing"
    NO_ANSWER_AFTER_EXECUTING = "no-answer-after-executing"
    EXECUTED_LATE = "executed-late"
    CUT_IN_BODY = "cut-in-body"
    TWO_ANSWERS = "two-answers"
    SERVER_ERROR = "server-error"
    BARE_SERVER_ERROR = "bare-server-error"
    NOT_JSON = "not-json"
    EMPTY_BODY = "empty-body"
    ERROR_IN_GOOD_ANSWER = "error-in-good-answer"
    ANOTHER_TRANSACTION = "another-transaction"
    MISSING_FIELD = "missing-field"
    FAILED = "failed"
    EXPIRED_TOKEN = "expired-token"  # noqa: S105 - the name of a fault
    CAPTIVE_PORTAL = "captive-portal"
    REFUSED_CONNECTION = "refused-connection"
    SLOW_TLS = "slow-tls"


TIMES: Final = frozenset({Kind.LATENCY, Kind.SLOW_EXECUTION, Kind.SLOW_ANSWER})
"""Faults that only take time; they strike together with others."""


@dataclass(frozen=True, slots=True)
class _About:
    """What a fault does, and the options it knows with their defaults."""

    note: str
    options: dict[str, object]


_SECONDS: Final[dict[str, object]] = {"seconds": 2}
_NO_ANSWER: Final[dict[str, object]] = {"connection": "closed"}
_EXECUTES: Final[dict[str, object]] = {"executes": False}

ABOUT: Final = {
    Kind.LATENCY: _About("The request waits before it is executed.", _SECONDS),
    Kind.SLOW_EXECUTION: _About(
        "A start takes this long; meanwhile a read shows what `read-while-start-runs` names. Other calls: as latency.",
        _SECONDS,
    ),
    Kind.SLOW_ANSWER: _About("The request is executed at once, its answer waits.", _SECONDS),
    Kind.NO_ANSWER_BEFORE_EXECUTING: _About(
        "Nothing is executed and nothing answered. The connection is `closed`, or stays open and `silent`.", _NO_ANSWER
    ),
    Kind.NO_ANSWER_AFTER_EXECUTING: _About("It is executed and nothing answered.", _NO_ANSWER),
    Kind.EXECUTED_LATE: _About(
        "Nothing is answered, and it is executed after this time.", _NO_ANSWER | {"seconds": 30}
    ),
    Kind.CUT_IN_BODY: _About("It is executed; the connection is closed in the middle of the answer's body.", {}),
    Kind.TWO_ANSWERS: _About("It is executed once and answered twice on the same connection.", {}),
    Kind.SERVER_ERROR: _About("A 5xx with the API's error body.", _EXECUTES | {"status": 500}),
    Kind.BARE_SERVER_ERROR: _About("A 5xx with an empty body.", _EXECUTES | {"status": 502}),
    Kind.NOT_JSON: _About("A web page with status 200, as a proxy answers.", _EXECUTES),
    Kind.EMPTY_BODY: _About("It is executed; the answer is a 200 with an empty body.", {}),
    Kind.ERROR_IN_GOOD_ANSWER: _About("The API's error body in a 200.", _EXECUTES),
    Kind.ANOTHER_TRANSACTION: _About("It is executed; the answer names another transaction.", {}),
    Kind.MISSING_FIELD: _About("It is executed; the answer lacks a field.", {"field": "status"}),
    Kind.FAILED: _About("A start fails: nothing is executed, the answer is a 200 with status `failed`.", {}),
    Kind.EXPIRED_TOKEN: _About("The token of the request has expired just before it.", {}),
    Kind.CAPTIVE_PORTAL: _About(
        "Not executed; a redirect to the simulator's own `/captive-portal`, which answers a web page and is recorded.",
        {"status": 302},
    ),
    Kind.REFUSED_CONNECTION: _About(
        "For this time every connection is refused and open ones are closed: for the call `connect` at once, for "
        "another call after it was answered.",
        _SECONDS,
    ),
    Kind.SLOW_TLS: _About(
        "The TLS handshake of a connection waits; without TLS the connection does. For `connect` only.", _SECONDS
    ),
}

_CALLS: Final = {
    Kind.SLOW_TLS: (CONNECT,),
    Kind.REFUSED_CONNECTION: (CONNECT, *CALL_NAMES),
    Kind.FAILED: tuple(name for name in CALL_NAMES if name.startswith("start/")),
}
"""The calls that a kind can strike, where those are not simply all."""


class Fault(BaseModel):
    """One planned fault. Options that its kind does not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    kind: Kind
    call: str = "*"
    count: Annotated[int, Field(ge=1)] | Literal["always"] = 1
    first: Annotated[int, Field(ge=1)] = 1
    seconds: Seconds = 0
    status: Annotated[int, Field(ge=300, le=599)] = 500
    executes: bool = False
    connection: Literal["closed", "silent"] = "closed"
    field: str = "status"

    @model_validator(mode="before")
    @classmethod
    def _only_known_options(cls, values: object) -> object:
        if not isinstance(values, dict) or values.get("kind") not in [*Kind]:
            return values
        options = ABOUT[Kind(values["kind"])].options
        foreign = set(values) - {"kind", "call", "count", "first", *options}
        if foreign:
            known = _there_are(options) if options else "; it has none"
            raise ValueError(f"it has no option {', '.join(sorted(map(str, foreign)))}{known}")
        return options | values

    @model_validator(mode="after")
    def _known_call(self) -> "Fault":
        names = _CALLS.get(self.kind, CALL_NAMES)
        if not any(fnmatchcase(name, self.call) for name in names):
            raise ValueError(f"it strikes no call named {self.call}{nearest(self.call, names) or _there_are(names)}")
        return self

    def strikes(self, call: str) -> bool:
        """Whether the fault was planned for this call; `*` does not mean `connect`."""
        return fnmatchcase(call, self.call) and (call == CONNECT) == (self.call == CONNECT)

    def settings(self) -> dict[str, object]:
        """The fault as JSON, with the options of its kind."""
        return self.model_dump(mode="json", include={"kind", "call", "count", "first", *ABOUT[self.kind].options})


def fault_from(values: object) -> Fault:
    """A fault from JSON or TOML values. Raises UnknownSetting."""
    kind = values.get("kind") if isinstance(values, dict) else None
    if isinstance(kind, str) and kind not in [*Kind]:
        raise UnknownSetting(f"fault {kind}: there is none of this name{nearest(kind, Kind) or _there_are(Kind)}")
    try:
        return Fault.model_validate(values)
    except ValidationError as error:
        raise UnknownSetting(
            "\n".join(_problem(kind, tuple(item["loc"]), item["msg"]) for item in error.errors())
        ) from None


def fault_from_text(text: str) -> Fault:
    """A fault as the command line has it: `start/cash:no-answer-after-executing:1`. Raises UnknownSetting."""
    call, *rest = text.split(":")
    if not rest:
        raise UnknownSetting(f"fault {text}: write it as CALL:KIND[:COUNT][:OPTION=VALUE]")
    values: dict[str, object] = {"call": call, "kind": rest[0]}
    for part in rest[1:]:
        name, equals, value = part.partition("=")
        values |= {name: value} if equals else {"count": part}
    return fault_from(values)


def fault_table() -> str:
    """The table of docs/simulator.md: kind, options with their defaults, what it does."""
    rows = ["| fault | options | what happens |", "|---|---|---|"]
    for kind, about in ABOUT.items():
        options = ", ".join(f"`{name}={_shown(value)}`" for name, value in about.options.items())
        rows.append(f"| `{kind}` | {options} | {about.note} |")
    return "\n".join(rows)


def _shown(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _problem(kind: object, location: tuple[int | str, ...], message: str) -> str:
    fault = f"fault {kind}" if isinstance(kind, str) else "fault"
    option = f"{location[0]}: " if location else ""
    text = message.removeprefix("Value error, ")
    return f"{fault}: {option}{text[0].lower()}{text[1:]}"


def _there_are(names: Iterable[str]) -> str:
    return f"; there are {', '.join(names)}"


@dataclass(slots=True)
class _Planned:
    """A fault and how many requests of its call it has seen."""

    fault: Fault
    seen: int = 0

    def strikes(self) -> bool:
        """Whether the fault strikes the request that was just seen."""
        since = self.seen - self.fault.first
        return since >= 0 and (self.fault.count == "always" or since < self.fault.count)

    def is_over(self) -> bool:
        return self.fault.count != "always" and self.seen >= self.fault.first + self.fault.count - 1


class FaultPlan:
    """The faults that are still to strike, in the order they were planned."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def add(self, fault: Fault) -> None:
        self._planned.append(_Planned(fault))

    def clear(self) -> None:
        self._planned.clear()

    @property
    def left(self) -> list[Fault]:
        return [planned.fault for planned in self._planned]

    def take(self, call: str) -> list[Fault]:
        """The faults that strike this request: any of time, and at most one other."""
        struck: list[Fault] = []
        for planned in self._planned:
            if not planned.fault.strikes(call):
                continue
            if planned.fault.kind in TIMES or all(fault.kind in TIMES for fault in struck):
                planned.seen += 1
                struck += [planned.fault] if planned.strikes() else []
        self._planned = [planned for planned in self._planned if not planned.is_over()]
        return struck
