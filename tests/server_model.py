"""What the server does with a transaction, as small as it can be and still go wrong: held, changed, executed.

One transaction at a time, a card with 500 cents on it, and each request as something that is carried out once, now or
late. Where the documentation is silent (smart-api 11) the model takes every way, or is told which: see SecondStart.
It knows nothing of the agent.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

BALANCE = 500
PAYABLE = frozenset({"created", "processing"})

Method = Literal["cash", "loyalty", "cashless"]


class SecondStart(StrEnum):
    """What a start does with a transaction that was executed already: not documented (smart-api 11.9)."""

    REFUSES = "refuses"
    REPEATS = "repeats the answer"
    EXECUTES = "executes again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A transaction as the server holds it. `applied`: cents of balance set aside by preTransaction."""

    sum: int
    card: bool
    status: str = "created"
    applied: int | None = None

    @property
    def missing_sum(self) -> int | None:
        return None if self.applied is None else self.sum - self.applied


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What was booked: these goods, so much of it otherwise paid, so much taken from the card."""

    sum: int
    paid: int
    redeemed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    sum: int
    card: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PreTransaction:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    method: Method
    fails: bool = False  # carried out, and answered with `status: failed`


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Takes an executed transaction back. A second one may be refused, answered again, or carried out again, too."""


Change = Update | PreTransaction | Start | Cancel
Carried = tuple[Held, Execution | None, bool]
"""The transaction afterwards, what was booked by it, and whether the server answers with more than an error."""


def carry_out(change: Change, held: Held, second: SecondStart) -> Carried:
    """Carry out one request that changes something."""
    match change:
        case Update():
            return _update(change, held)
        case PreTransaction():
            return _apply(held)
        case Start():
            return _start(change, held, second)
        case Cancel():
            return _cancel(held, second)


def _update(change: Update, held: Held) -> Carried:
    """A PUT takes the applied balance away (smart-api 3.1)."""
    if held.status not in PAYABLE:
        return held, None, False
    return Held(sum=change.sum, card=change.card), None, True


def _apply(held: Held) -> Carried:
    if held.status not in PAYABLE or not held.card:
        return held, None, False
    applied = min(BALANCE, held.sum)
    return replace(held, status="processing", applied=applied), None, True


def _start(change: Start, held: Held, second: SecondStart) -> Carried:
    if held.status == "ok" and second is SecondStart.REPEATS:
        return held, None, True
    if held.status not in PAYABLE and second is not SecondStart.EXECUTES:
        return held, None, False
    if change.method == "loyalty" and held.sum != (held.applied or 0):
        return held, None, False
    if change.fails and held.status != "ok":
        return replace(held, status="failed"), None, True
    redeemed = held.applied or 0
    booked = Execution(sum=held.sum, paid=held.sum - redeemed, redeemed=redeemed)
    return replace(held, status="ok"), booked, True


def _cancel(held: Held, second: SecondStart) -> Carried:
    if held.status == "cancelled" and second is SecondStart.REPEATS:
        return held, None, True
    if held.status != "ok" and not (held.status == "cancelled" and second is SecondStart.EXECUTES):
        return held, None, False
    return replace(held, status="cancelled"), Execution(sum=held.sum, paid=held.sum, redeemed=0), True
