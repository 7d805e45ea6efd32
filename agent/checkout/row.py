"""One row of the checkout table, and the short names by which the rows are written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from agent.checkout.effects import Effect
from agent.checkout.replacing import replace
from agent.checkout.state import Checkout, Phase, Situation

E = TypeVar("E")
Guard = Callable[[Checkout, E, Situation], bool]
Done = tuple[Checkout, tuple[Effect, ...]]
Act = Callable[[Checkout, E, Situation], Done]

D, A, DUE, CASH = Phase.DRAFT, Phase.APPLYING, Phase.DUE, Phase.AWAITING_CASH
CONFIRMED, STARTING, UNSURE, ATTENTION = Phase.CONFIRMED, Phase.STARTING, Phase.UNSURE, Phase.ATTENTION
COMPLETED, CANCELLED, FAILED, RESOLVED = Phase.COMPLETED, Phase.CANCELLED, Phase.FAILED, Phase.RESOLVED
MONEY_TAKEN = (CONFIRMED, STARTING, UNSURE, ATTENTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Generic[E]):
    """From these phases, on this event, if the guard holds: do the acts and go to the phase, or refuse."""

    phases: tuple[Phase, ...]
    event: type[E]
    to: Phase | None
    when: Guard[E] | None = None
    then: tuple[Act[E], ...] = ()
    refuse: str | None = None


def go(
    phase: Phase | tuple[Phase, ...],
    event: type[E],
    to: Phase | Literal["same"],
    *then: Act[E],
    when: Guard[E] | None = None,
) -> Row[E]:
    phases = phase if isinstance(phase, tuple) else (phase,)
    return Row(phases=phases, event=event, to=None if to == "same" else to, when=when, then=then)


def no(phase: Phase | tuple[Phase, ...], event: type[E], reason: str, *, when: Guard[E] | None = None) -> Row[E]:
    phases = phase if isinstance(phase, tuple) else (phase,)
    return Row(phases=phases, event=event, to=None, when=when, refuse=reason)


def because(reason: str) -> Act[object]:
    """Say why the checkout stands where it goes to."""

    def act(checkout: Checkout, _event: object, _situation: Situation) -> Done:
        return replace(checkout, reason=reason), ()

    return act
