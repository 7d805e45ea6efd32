"""One day of a till as a sheet: what cash came in and what became of it, and who opened the drawer why. Pure.

`tillwire report --day` and the operator's page show this one sheet, made of the journal's records. Cash counts on the
day on which it was confirmed, whatever became of it later; money given back counts on the day on which it was.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import pairwise

from agent.checkout.state import Checkout, Outcome, Phase
from agent.till.listener import DrawerTold, UnexpectedTold

_WHATEVER_THE_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A day of the box's clock: 23, 24 or 25 hours. `end` belongs to the next one."""

    date: date
    begin: datetime
    end: datetime

    def has(self, at: datetime) -> bool:
        return self.begin <= at < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """How many, and how many cents together."""

    count: int = 0
    cents: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """The cash that was confirmed within an hour."""

    begin: datetime
    confirmed: Sum


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The money of one currency.

    `confirmed` is `booked` (executed by the API), `waiting` (not booked yet) and `resolved` (closed by a person)
    together.
    """

    currency: str
    confirmed: Sum
    booked: Sum
    waiting: Sum
    resolved: Sum
    refunded: Sum
    reversed: Sum
    cashless: Sum
    loyalty: Sum
    hours: tuple[Hour, ...]

    @property
    def drawer(self) -> int:
        """The cents by which the drawer must be fuller than at the beginning of the day."""
        return self.confirmed.cents - self.refunded.cents - self.reversed.cents


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerRecord:
    """What the drawer did or was asked to do, and when."""

    at: datetime
    told: DrawerTold


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """The drawer opened. `asked` is what it was asked for before; None: nobody had asked. `open_s`: seconds."""

    at: datetime
    told: DrawerTold
    asked: DrawerTold | None = None
    open_s: float | None = None

    @property
    def without_sale(self) -> bool:
        """Whether there was no payment to open it for. What a register opens, the register accounts for."""
        for_sale = self.asked is not None and self.asked.checkout_id is not None
        return self.told.by != "register" and not for_sale


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedRecord:
    """What came when nothing waited for it, and when."""

    at: datetime
    told: UnexpectedTold


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySheet:
    """One day. `totals` has an entry for each currency in which something was paid.

    `contradictions`: by what came then, money is elsewhere than the totals say.
    """

    day: Day
    totals: tuple[Totals, ...]
    openings: tuple[Opening, ...]
    contradictions: tuple[UnexpectedRecord, ...]

    @property
    def openings_without_sale(self) -> int:
        return sum(opening.without_sale for opening in self.openings)


def day_sheet(
    day: Day,
    checkouts: Iterable[Checkout],
    drawer: Iterable[DrawerRecord],
    unexpected: Iterable[UnexpectedRecord] = (),
) -> DaySheet:
    """Make the sheet of a day from the journal's records; those of other days may be among them, in any order."""
    known = tuple(checkouts)
    of_day = [each for each in known if _confirmed_on(day)(each) or _ended_on(day)(each)]
    currencies = sorted(
        {each.basket.currency for each in of_day if each.payment is not None or each.reversal is not None}
    )
    told = sorted((record for record in drawer if day.has(record.at)), key=lambda record: record.at)
    return DaySheet(
        day=day,
        totals=tuple(_totals(day, currency, of_day) for currency in currencies),
        openings=tuple(_openings(told)),
        contradictions=tuple(sorted(_contradictions(day, unexpected), key=lambda record: record.at)),
    )


def _contradictions(day: Day, unexpected: Iterable[UnexpectedRecord]) -> Iterator[UnexpectedRecord]:
    return (record for record in unexpected if day.has(record.at) and record.told.contradicts)


def _totals(day: Day, currency: str, checkouts: Iterable[Checkout]) -> Totals:
    paid = [each for each in checkouts if each.basket.currency == currency]
    confirmed = [each for each in paid if _confirmed_on(day)(each)]
    ended = [each for each in paid if _ended_on(day)(each)]
    taken_back = {each.reversal.reverses for each in ended if each.reversal is not None and _is_booked(each)}
    return Totals(
        currency=currency,
        confirmed=_sum(confirmed),
        booked=_sum(each for each in confirmed if each.phase is Phase.COMPLETED),
        waiting=_sum(each for each in confirmed if not each.final),
        resolved=_sum(each for each in confirmed if each.phase is Phase.RESOLVED),
        refunded=_sum((each for each in ended if _closed_as(each, "refunded")), _given_back),
        reversed=_sum((each for each in ended if _reversed_cash(each)), _due),
        cashless=_sum(each for each in ended if _completed_by(each, "cashless") and each.id not in taken_back),
        loyalty=_sum(
            (each for each in ended if _completed_by(each, "loyalty") and each.id not in taken_back),
            lambda each: each.basket.sum,
        ),
        hours=tuple(_hours(day, confirmed)),
    )


def _amount(checkout: Checkout) -> int:
    return checkout.payment.amount if checkout.payment is not None else 0


def _sum(checkouts: Iterable[Checkout], cents: Callable[[Checkout], int] = _amount) -> Sum:
    amounts = [cents(each) for each in checkouts]
    return Sum(count=len(amounts), cents=sum(amounts))


def _reversed_cash(checkout: Checkout) -> bool:
    """Whether this is the reversal of a payment that was made in cash, in part or whole."""
    reversal = checkout.reversal
    return reversal is not None and reversal.call == "cancel" and _is_booked(checkout) and _due(checkout) > 0


def _given_back(checkout: Checkout) -> int:
    """What the customer got back of a payment; a reversal has none, and gives back what was due."""
    return _amount(checkout) if checkout.reversal is None else _due(checkout)


def _due(checkout: Checkout) -> int:
    return checkout.amount_due or 0


def _is_completed(checkout: Checkout) -> bool:
    return checkout.phase is Phase.COMPLETED


def _is_booked(checkout: Checkout) -> bool:
    """By the API's word, or by that of the person who closed it."""
    return _is_completed(checkout) or _closed_as(checkout, "executed")


def _closed_as(checkout: Checkout, outcome: Outcome) -> bool:
    return checkout.resolution is not None and checkout.resolution.outcome == outcome


def _completed_by(checkout: Checkout, method: str) -> bool:
    return _is_completed(checkout) and checkout.payment is not None and checkout.payment.method == method


def _confirmed_at(checkout: Checkout) -> datetime | None:
    evidence = checkout.payment.evidence if checkout.payment is not None else None
    return evidence.at if evidence is not None else None


def _confirmed_on(day: Day) -> Callable[[Checkout], bool]:
    return lambda checkout: (at := _confirmed_at(checkout)) is not None and day.has(at)


def _ended_on(day: Day) -> Callable[[Checkout], bool]:
    return lambda checkout: checkout.final and day.has(checkout.updated)


def _hours(day: Day, confirmed: Iterable[Checkout]) -> Iterator[Hour]:
    moments = [(at, each) for each in confirmed if (at := _confirmed_at(each)) is not None]
    count = int((day.end - day.begin) / _WHATEVER_THE_HOUR)
    begins = [day.begin + number * _WHATEVER_THE_HOUR for number in range(count + 1)]
    for begin, end in pairwise(begins):
        yield Hour(begin=begin, confirmed=_sum(each for at, each in moments if begin <= at < end))


def _openings(told: Iterable[DrawerRecord]) -> Iterator[Opening]:
    """Bring together what belongs to one opening: it was asked for, it opened, and was closed."""
    asked: DrawerTold | None = None
    opening: Opening | None = None
    for record in told:
        match record.told.event:
            case "asked":
                asked = record.told
            case "opened":
                if opening is not None:
                    yield opening
                opening = Opening(at=record.at, told=record.told, asked=asked if record.told.by == "till" else None)
                asked = None
            case "closed" if opening is not None:
                yield replace(opening, open_s=record.told.open_s)
                opening = None
            case "did_not_open":
                asked = None
            case _:
                pass
    if opening is not None:
        yield opening
