"""The sheet of a day, as the local interface answers it."""

from datetime import date, datetime

from pydantic import Field

from agent.checkout.state import Phase
from agent.kiosk.answer import Answer
from agent.till.listener import UnexpectedThing


class SumAnswer(Answer):
    """How many, and how many cents together."""

    count: int
    cents: int


class HourAnswer(Answer):
    """The cash that was confirmed within an hour."""

    begin: datetime
    confirmed: SumAnswer


class TotalsAnswer(Answer):
    """The money of one currency: what was `confirmed` is `booked`, `waiting` or `resolved`."""

    currency: str
    confirmed: SumAnswer = Field(description="cash that was confirmed on this day")
    booked: SumAnswer = Field(description="of it: executed by the API")
    waiting: SumAnswer = Field(description="of it: not booked yet")
    resolved: SumAnswer = Field(description="of it: closed by a person")
    refunded: SumAnswer = Field(description="given back by a person who closed a checkout on this day")
    reversed: SumAnswer = Field(description="given back by a reversal that was executed on this day")
    drawer: int = Field(description="cents by which the drawer must be fuller than at the beginning of the day")
    cashless: SumAnswer
    loyalty: SumAnswer = Field(description="paid without anything due")
    hours: tuple[HourAnswer, ...]


class OpeningAnswer(Answer):
    """The drawer opened."""

    at: datetime
    by: str | None
    reason: str | None
    asked_by: str | None
    checkout: str | None
    open_s: float | None
    without_sale: bool


class ContradictionAnswer(Answer):
    """By this, money is elsewhere than the totals say: a machine counted cash, or the API executed, what nothing
    waited for.
    """

    at: datetime
    what: UnexpectedThing
    amount: int | None = Field(description="cents, as the machine says")
    checkout: str | None
    phase: Phase | None = Field(description="in which the checkout came to its end")
    status: str | None = Field(description="of the transaction, as the API says")


class ReportAnswer(Answer):
    """One day of the till."""

    day: date
    begin: datetime
    end: datetime
    totals: tuple[TotalsAnswer, ...] = Field(description="one for each currency; empty: nothing was paid")
    openings: tuple[OpeningAnswer, ...]
    openings_without_sale: int
    contradictions: tuple[ContradictionAnswer, ...] = Field(description="for a person to look at")
