"""Where the agent now does something else than it did. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.recording.records import Exchanged, Told

State = tuple[str, str | None, int | None]
"""Phase, reason and amount due."""


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """`at`: seconds since the recording began."""

    at: float
    text: str


@dataclass(slots=True)
class Differences:
    """All of them, as they are found."""

    found: list[Difference] = field(default_factory=list)

    def add(self, at: float, text: str) -> None:
        self.found.append(Difference(round(at, 3), text))

    def in_order(self) -> list[Difference]:
        return sorted(self.found)


def of_checkouts(recorded: Sequence[Told], now: Sequence[Told]) -> Iterable[Difference]:
    """The first step of each checkout that is another one now."""
    for checkout in dict.fromkeys(told.checkout for told in (*recorded, *now)):
        before = _steps(told for told in recorded if told.checkout == checkout)
        after = _steps(told for told in now if told.checkout == checkout)
        for place in range(max(len(before), len(after))):
            was, is_now = before[place : place + 1], after[place : place + 1]
            if [_state(told) for told in was] != [_state(told) for told in is_now]:
                at = (was or is_now)[0].at
                yield Difference(at, f"{checkout}: recorded {_shown(was)}, now {_shown(is_now)}")
                break


def in_words(exchange: Exchanged) -> str:
    """`POST …/start/cash`, with what it was about."""
    return f"{exchange.method} {exchange.path.removeprefix('/api/v2')}"


def fields_that_differ(recorded: object, now: object) -> list[str]:
    """The names of the fields of two JSON objects that are not the same."""
    if not isinstance(recorded, dict) or not isinstance(now, dict):
        return ["the body"]
    return sorted(str(name) for name in recorded.keys() | now.keys() if recorded.get(name) != now.get(name))


def _steps(told: Iterable[Told]) -> list[Told]:
    """What was told more than once in a row counts once."""
    steps: list[Told] = []
    for each in told:
        if not steps or _state(steps[-1]) != _state(each):
            steps.append(each)
    return steps


def _state(told: Told) -> State:
    return told.phase, told.reason, told.amount_due


def _shown(told: Sequence[Told]) -> str:
    if not told:
        return "nothing more"
    phase, reason, amount = _state(told[0])
    because = f" ({reason})" if reason else ""
    return f"{phase}{because}" + ("" if amount is None else f", {amount} cents due")
