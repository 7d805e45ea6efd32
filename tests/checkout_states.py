"""Every state that a checkout can come to, with every event that had an effect on the way."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Literal, NamedTuple

from agent.checkout.effects import CancelTerminalPayment, CancelTransaction, Effect, StartTransaction
from agent.checkout.events import CallNotAuthorised, CallNotSent, CancelAnswered, Event, ReadAnswered, StartAnswered
from agent.checkout.state import Checkout, Phase, Situation
from agent.checkout.step import NotAllowed, step
from agent.checkout.transaction_status import EXECUTED, REFUSED
from tests.checkout_events_domain import ANSWERS, UNASKED
from tests.checkouts import (
    CHARGE,
    FREE,
    LUNCH,
    NOTHING,
    NOW_S,
    as_seen_now,
    handed_over,
    new_checkout,
    refused_charge,
    reversal_of,
    sold,
)

CHOOSING = frozenset({Phase.DRAFT, Phase.APPLYING, Phase.DUE})

MOVES_MONEY = StartTransaction | CancelTransaction | CancelTerminalPayment

LastStart = Literal["none", "under way", "late", "over", "executed"]
"""What may still become of the last start: nothing was sent; it may be carried out; its time is over; it was."""


class State(NamedTuple):
    """A checkout, and what the walk remembers beside it."""

    checkout: Checkout
    last_start: LastStart = "none"
    started: bool = False  # a start was or may have been sent for the present transaction


class Outcome(NamedTuple):
    """What an event does with a checkout. `kept`: as much of it as the walk goes on with."""

    event: Event
    situation: Situation
    after: Checkout
    effects: tuple[Effect, ...]
    kept: Checkout


@dataclass(frozen=True)
class Taken:
    """One event that was taken in one state, with all that is known about it."""

    before: State
    outcome: Outcome

    @property
    def event(self) -> Event:
        return self.outcome.event

    @property
    def situation(self) -> Situation:
        return self.outcome.situation

    @property
    def after(self) -> Checkout:
        return self.outcome.after

    @property
    def effects(self) -> tuple[Effect, ...]:
        return self.outcome.effects

    @cached_property
    def reached(self) -> State:
        return State(self.outcome.kept, _last_start(self), _started(self))


def _plain(checkout: Checkout) -> Checkout:
    """From `awaiting_cash` on one rule looks at the basket: of a charge for which a person has a new one created.

    The walk begins with such a charge, too, so that it need not carry every charge along from there. That a
    basket costs nothing matters in a draft only: from there on it is the API's answer that counts.
    """
    if checkout.basket == FREE and checkout.phase is not Phase.DRAFT:
        return replace(checkout, basket=LUNCH)
    kept = checkout.phase in CHOOSING or (checkout.basket == CHARGE and checkout.phase is not Phase.AWAITING_CASH)
    return checkout if kept else replace(checkout, basket=LUNCH)


def _last_start(taken: Taken) -> LastStart:
    before = taken.before.last_start
    if any(isinstance(effect, MOVES_MONEY) for effect in taken.effects):
        return "under way"
    if isinstance(taken.event, StartAnswered | CancelAnswered | ReadAnswered):
        status, sale = taken.event.facts.status, taken.after.kind == "sale"
        if before in {"under way", "late"} and status in (EXECUTED if sale else {"cancelled"}):
            return "executed"
        if before in {"late", "executed"} and sale and status in REFUSED:
            return "over"
    if before == "under way":
        return "over" if isinstance(taken.event, CallNotSent | CallNotAuthorised) else "late"
    return before


def _started(taken: Taken) -> bool:
    if any(isinstance(effect, MOVES_MONEY) for effect in taken.effects):
        return True
    return taken.before.started and taken.after.transaction is not None


class Walked(NamedTuple):
    """All states, all events that had an effect, and all bare passings of time."""

    states: set[State]
    taken: list[Taken]
    time: list[tuple[State, State]]


def walk() -> Walked:
    """Go on from all that a checkout can begin with, until nothing new is reached."""
    first = list(_beginnings())
    found = Walked(set(first), [], [])
    waiting = deque(first)
    while waiting:
        state = waiting.popleft()
        taken = [Taken(state, outcome) for outcome in _outcomes(state.checkout)]
        passed = list(_time_passed(state))
        found.taken.extend(taken)
        found.time.extend((state, later) for later in passed)
        for reached in (*(one.reached for one in taken), *passed):
            if reached not in found.states:
                found.states.add(reached)
                waiting.append(reached)
    return found


def _beginnings() -> Iterator[State]:
    yield State(_plain(as_seen_now(new_checkout(NOTHING))))
    yield from (State(as_seen_now(handed_over(amount_due))) for amount_due in (0, 796))
    yield State(as_seen_now(refused_charge()), "over", started=True)
    for reversed_, open_drawer in ((sold("cash"), True), (sold("cashless"), False)):
        reversal = as_seen_now(reversal_of(reversed_, open_drawer=open_drawer))
        yield State(_plain(reversal), "under way", started=True)


@cache
def _outcomes(checkout: Checkout) -> list[Outcome]:
    """Return what changes something. NotAllowed is the only way in which the table may refuse."""
    outcomes = []
    for event, now in may_happen(checkout):
        try:
            after, effects = step(checkout, event, now)
        except NotAllowed:
            continue
        if after is not checkout or effects:
            outcomes.append(Outcome(event, now, after, effects, _kept(after)))
    return outcomes


@cache  # one checkout is come to by many ways
def _kept(after: Checkout) -> Checkout:
    return _plain(as_seen_now(after))


def may_happen(checkout: Checkout) -> Iterator[tuple[Event, Situation]]:
    yield from UNASKED
    yield from ANSWERS[checkout.asking.call if checkout.asking else None]


def _time_passed(state: State) -> Iterator[State]:
    """The late window is over."""
    pursuit = state.checkout.pursuit
    if pursuit is not None and pursuit.ends_s > NOW_S:
        over = replace(state.checkout, pursuit=replace(pursuit, ends_s=NOW_S))
        yield state._replace(checkout=over, last_start="over" if state.last_start == "late" else state.last_start)
