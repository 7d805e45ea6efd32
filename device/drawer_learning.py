"""PURE: what a drawer showed closed, what it showed open -> which profiles tell it so, and with which polarity.

Only what differed between the two counts, and only by the rules that the driver itself reads with: a byte that no
profile understands says nothing, and a level that is the same both times says nothing either.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from device.drawer_profile import AsbStatus, DrawerProfile, LineStatus, QueryStatus, StreamStatus
from device.drawer_status import Reading, parser_of, question_of
from device.modem_lines import Line, level_of
from device.tty import ModemLines

LINES: tuple[Line, ...] = ("cts", "dsr", "dcd", "ri")
ANSWERED_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the port showed while the drawer stood still.

    `lines`: None where the port has none. `unasked`: what came by itself. `answers`: what came back to each question.
    """

    lines: ModemLines | None
    unasked: bytes = b""
    answers: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A profile that tells this drawer's level, and what to set for it. `line`: another one than the profile's."""

    profile: str
    open_level: Literal["high", "low"]
    line: Line | None = None
    as_shipped: bool


class NothingTold(StrEnum):
    """Why nothing can be told. Each says what to do."""

    SAME_ANSWER = (
        "it answers, and says the same closed and open: is the drawer plugged in, was it moved, does its cable have "
        "the wire of the switch?"
    )
    OFFLINE = "the printer says that it is offline: close its cover, put paper in, and try again"
    STRANGE = (
        "bytes came that no profile understands: another speed or parity, or a model of your own (docs/hardware.md)"
    )
    NO_LINES = "nothing came, and this port has no modem lines: another port or adapter, or a drawer that tells nothing"
    NOTHING = (
        "neither a line nor a byte told the two apart: is the status wired and switched on (DIP, jumper)? A drawer "
        'that tells nothing needs confirmed_by = ["operator"]'
    )


def candidates(profiles: Mapping[str, DrawerProfile], closed: Shown, opened: Shown) -> list[Candidate]:
    """Return the profiles that can tell these two apart, those that need the fewest lines of configuration first."""
    found = [one for name, profile in profiles.items() for one in _fits(name, profile, closed, opened)]
    own = [one for one in found if one.line is None]
    return sorted(own or found, key=lambda one: (not one.as_shipped, one.profile, one.line or ""))


def _fits(name: str, profile: DrawerProfile, closed: Shown, opened: Shown) -> Iterator[Candidate]:
    own = profile.status.line if isinstance(profile.status, LineStatus) else None
    for line in LINES if own is not None else (None,):
        high = _high(profile, closed, line), _high(profile, opened, line)
        if None in high or high[0] == high[1]:
            continue
        open_level: Literal["high", "low"] = "high" if high[1] else "low"
        other = line if line != own else None
        as_shipped = other is None and profile.open_level == open_level
        yield Candidate(profile=name, open_level=open_level, line=other, as_shipped=as_shipped)


def _high(profile: DrawerProfile, shown: Shown, line: Line | None) -> bool | None:
    """The raw level by this profile; None where it does not say."""
    match profile.status:
        case LineStatus():
            return None if shown.lines is None or line is None else level_of(shown.lines, line)
        case StreamStatus(byte=byte):
            return shown.unasked.count(byte) > 1 or (None if shown.unasked else False)
        case QueryStatus() | AsbStatus():
            reading = _reading(profile, shown)
            return None if reading is None else reading.high
        case _:
            return None


def _reading(profile: DrawerProfile, shown: Shown) -> Reading | None:
    """What the driver would read in the answer."""
    answer, parser = shown.answers.get(question_of(profile.status)), parser_of(profile.status)
    if not answer or parser is None:
        return None
    readings = [*parser.asked(0.0), *parser.feed(answer, ANSWERED_S), *parser.asked(2 * ANSWERED_S)]
    return readings[-1] if readings else None


def why_nothing(profiles: Mapping[str, DrawerProfile], closed: Shown, opened: Shown) -> NothingTold:
    """Say why no profile fits."""
    readings = [reading for one in (closed, opened) for reading in _readings(profiles.values(), one)]
    if any(reading.offline for reading in readings):
        return NothingTold.OFFLINE
    if readings:
        return NothingTold.SAME_ANSWER
    if any(one.unasked or any(one.answers.values()) for one in (closed, opened)):
        return NothingTold.STRANGE
    return NothingTold.NO_LINES if closed.lines is None else NothingTold.NOTHING


def _readings(profiles: Iterable[DrawerProfile], shown: Shown) -> Iterator[Reading]:
    return (reading for profile in profiles if (reading := _reading(profile, shown)) is not None)


def is_answered(profile: DrawerProfile, shown: Shown) -> bool:
    """Whether this profile's question got an answer that it understands."""
    return _reading(profile, shown) is not None
