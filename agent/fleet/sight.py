"""What somebody who watches knows of the tills, as the rows of a table; those that need somebody come first. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from agent.fleet.payloads import Presence, State
from agent.fleet.topics import till_and_kind

HEADER = ("TILL", "IS", "SERVES", "API", "DEVICES", "WAIT", "OLDEST", "ATTENTION", "VERSION")
MOST_TILLS = 100_000
"""What stands on a broker is others' word: more tills than this are passed over."""
_PRESENT = "present"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One till: what it told last."""

    till: str
    presence: Presence | None = None
    state: State | None = None

    @property
    def online(self) -> bool:
        return self.presence is not None and self.presence.online


@dataclass(slots=True)
class Sight:
    """All tills that were heard of. `trouble`: why nothing is heard at this moment."""

    prefix: str
    trouble: str | None = None
    tills: dict[str, Seen] = field(default_factory=dict)

    def hear(self, topic: str, payload: bytes) -> bool:
        """Take a message. False: it is none that is known here."""
        found = till_and_kind(self.prefix, topic)
        if found is None or (found[0] not in self.tills and len(self.tills) >= MOST_TILLS):
            return False
        till, kind = found
        before = self.tills.get(till, Seen(till=till))
        try:
            if kind == "presence":
                self.tills[till] = replace(before, presence=Presence.model_validate_json(payload))
            elif kind == "state":
                self.tills[till] = replace(before, state=State.model_validate_json(payload))
            else:
                return False
        except ValidationError:
            return False
        return True


def rows(tills: Mapping[str, Seen], now: datetime) -> Iterator[tuple[str, ...]]:
    """Yield one row a till, the most urgent first."""
    for seen in sorted(tills.values(), key=_urgency):
        yield tuple(map(_printable, _row(seen, now)))


def summary(tills: Mapping[str, Seen]) -> str:
    """Say in one line how the fleet stands."""
    online = sum(seen.online for seen in tills.values())
    waiting = sum(seen.state.waiting_payments for seen in tills.values() if seen.state)
    attention = sum(seen.state.attention for seen in tills.values() if seen.state)
    return f"{len(tills)} tills, {online} online; {waiting} payments wait, {attention} need a person"


def _urgency(seen: Seen) -> tuple[int, int, bool, bool, bool, str]:
    state = seen.state
    if state is None:
        return 0, 0, not seen.online, True, True, seen.till
    well = (state.connection.api == "online", not _troubles(state))
    return -state.attention, -state.waiting_payments, seen.online and state.recording, *well, seen.till


def _row(seen: Seen, now: datetime) -> tuple[str, ...]:
    state = seen.state
    if state is None:
        return seen.till, _presence(seen), *("",) * (len(HEADER) - 2)
    oldest = state.oldest_waiting_since
    return (
        seen.till,
        _presence(seen) if state.recording else "DOES NOT RECORD",
        "a customer" if state.busy and seen.online else "",
        state.connection.api,
        ", ".join(_troubles(state)) or "well",
        str(state.waiting_payments),
        _span(now - oldest) if oldest else "",
        str(state.attention) if state.attention else "",
        state.version,
    )


def _printable(text: str) -> str:
    """A terminal obeys some of what it is given to show."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _presence(seen: Seen) -> str:
    return "online" if seen.online else "offline"


def _troubles(state: State) -> list[str]:
    return [f"{each.name} {each.state}" for each in state.devices if each.state != _PRESENT]


def _span(span: timedelta) -> str:
    minutes = max(0, round(span.total_seconds() / 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
