"""What happened to a checkout, one line an event of the journal."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime

from agent.checkout.state import Json
from agent.commands.plain_text import money, plain
from agent.commands.table import table
from agent.kiosk.checkout_answers import HappenedAnswer

_AMOUNTS = frozenset({"amount", "amount_due", "sum", "missing_sum", "balance", "priceOne"})

FACTS_COLUMNS = 28  # what is left of 80 beside time, event and phase


def history_lines(history: Sequence[HappenedAnswer], currency: str) -> Iterator[str]:
    """Yield a line for each day, and for each event of it one, or more where its facts are many."""
    days: list[str | None] = []
    rows: list[tuple[str, ...]] = []
    for each in history:
        first, *more = textwrap.wrap(_facts(each, currency), FACTS_COLUMNS, break_long_words=False) or [""]
        rows += [(_time(each.at), _words(each.event), each.phase or "", first), *(("", "", "", rest) for rest in more)]
        days += [each.at.astimezone().date().isoformat(), *(None for _ in more)]
    said = None
    for day, line in zip(days, table(rows), strict=True):
        if day not in (said, None):
            said = day
            yield day
        yield line


def _time(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S.%f")[:-3]


def _words(event: str) -> str:
    """Write the event's name as people do: CashConfirmed as cash confirmed."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event).lower()


def _facts(each: HappenedAnswer, currency: str) -> str:
    facts = [f"{name}={money(value, currency) if name in _AMOUNTS else value}" for name, value in _leaves(each.data)]
    return plain(" ".join([*facts, *([f"({each.reason})"] if each.reason else [])]))


def _leaves(data: Json) -> Iterator[tuple[str, object]]:
    """Yield what a person can read at a glance: no lists, nothing that is not said, no numbers of requests."""
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _leaves(value)
        elif isinstance(value, str | int | float) and value not in (False, "") and not _of_the_process(name, value):
            yield name, value


def _of_the_process(name: str, value: object) -> bool:
    """A number that means something to the running program only (`number` is also what a masked card is called), or
    the event's own time once more.
    """
    return name in ("begun_s", "at") or (name == "number" and isinstance(value, int))
