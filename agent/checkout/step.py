"""One step of a checkout by its table, and when a checkout wants to be woken.

A checkout is a frozen value. `step(checkout, event, situation)` looks for the first row of TABLE
(`agent/checkout/table.py`) whose phase and event fit and whose guard holds, and returns the changed checkout with the
effects to carry out after it is durable. Where no row fits, or the row refuses, NotAllowed is raised and nothing
happens. Nothing here reads a clock, makes an id, or knows another checkout: the situation says what the till knew when
it took the event.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from agent.checkout.effects import Effect
from agent.checkout.events import Event
from agent.checkout.replacing import replace
from agent.checkout.row import ATTENTION, CASH, CONFIRMED, DUE, STARTING, UNSURE, A, D, Done, Row
from agent.checkout.standing_guards import SHOWN_AMOUNT_S
from agent.checkout.state import Checkout, Phase, Situation
from agent.checkout.table import TABLE


class NotAllowed(Exception):
    """The table has no way for this event from this phase; `checkout` is unchanged."""

    def __init__(self, reason: str, checkout: Checkout, event: object) -> None:
        super().__init__(f"{type(event).__name__} in {checkout.phase}: {reason}")
        self.reason = reason
        self.checkout = checkout


CHOOSING = frozenset({D, DUE})
ACTIVE = frozenset({D, A, DUE, CASH})
STARTED = frozenset({STARTING, UNSURE, ATTENTION})

Rows = Mapping[tuple[Phase, type], tuple[Row[Any], ...]]


def by_phase_and_event(table: Iterable[Row[Any]]) -> Rows:
    """Sort rows for `step`, each phase and event with its rows in the table's order."""
    rows: dict[tuple[Phase, type], tuple[Row[Any], ...]] = {}
    for row in table:
        for phase in row.phases:
            rows[phase, row.event] = (*rows.get((phase, row.event), ()), row)
    return rows


ROWS = by_phase_and_event(TABLE)


def step(
    checkout: Checkout, event: Event, situation: Situation, rows: Rows = ROWS
) -> tuple[Checkout, tuple[Effect, ...]]:
    """Apply one event. The same object comes back when the event had its effect already.

    Raises NotAllowed, with the checkout unchanged, where the table has no way or refuses. Only tests give other rows,
    to see that a seeded mistake is found.
    """
    number = getattr(event, "number", None)
    if isinstance(number, int) and (checkout.asking is None or checkout.asking.number != number):
        raise NotAllowed("late", checkout, event)
    for row in rows.get((checkout.phase, type(event)), ()):
        if row.when is None or row.when(checkout, event, situation):
            return _apply(row, checkout, event, situation)
    raise NotAllowed("not_allowed", checkout, event)


def _apply(row: Row[Any], checkout: Checkout, event: Event, situation: Situation) -> Done:
    if row.refuse is not None:
        raise NotAllowed(row.refuse, checkout, event)
    if not row.then:
        return checkout, ()
    changed = checkout
    effects: tuple[Effect, ...] = ()
    for act in row.then:
        changed, more = act(changed, event, situation)
        effects += more
    updated = checkout.updated if checkout.final else situation.wall  # when it came to its end
    changed = replace(changed, phase=row.to or checkout.phase, updated=updated)
    return _with_times(checkout.phase, changed, situation.now_s), effects


def _with_times(before: Phase, checkout: Checkout, now_s: float) -> Checkout:
    """What the new phase means to the customer's time: has it back, waits for the start, need not wait."""
    if checkout.phase in CHOOSING and before not in CHOOSING:
        is_read_anew = before is A and checkout.handed_over is not None  # which nobody asked for
        return replace(checkout, touched_s=checkout.touched_s if is_read_anew else now_s, amount_shown_s=now_s)
    if checkout.phase in STARTED and before in ACTIVE:
        return replace(checkout, started_s=now_s)
    if checkout.phase is CONFIRMED:
        return replace(checkout, started_s=None)
    return checkout


def wake_at(checkout: Checkout) -> float | None:
    """When, in monotonic seconds, this checkout wants a Woke; None: never by itself."""
    match checkout.phase:
        case Phase.DRAFT:
            return checkout.touched_s + checkout.rules.idle_s
        case Phase.DUE:
            return min(checkout.touched_s + checkout.rules.idle_s, checkout.amount_shown_s + SHOWN_AMOUNT_S)
        case Phase.UNSURE:
            return checkout.pursuit.next_read_s if checkout.pursuit is not None else None
        case _:
            return None


BACKGROUND_AFTER_S = 15.0
"""So long the customer in front of the till is kept waiting for a start; then the next checkout may begin."""


def background_at(checkout: Checkout) -> float | None:
    """When a checkout that is being started stops holding the till; None: it holds it, or does not, regardless."""
    if checkout.phase in STARTED and checkout.started_s is not None:
        return checkout.started_s + BACKGROUND_AFTER_S
    return None


def is_active(checkout: Checkout, now_s: float) -> bool:
    """Does a customer stand in front of the till with this checkout."""
    if checkout.phase in ACTIVE:
        return True
    until = background_at(checkout)
    return until is not None and now_s < until
