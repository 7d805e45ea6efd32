"""The sheet of a day as text that fits on receipt paper."""

import textwrap
from collections.abc import Iterator
from datetime import datetime

from agent.commands.plain_text import money, plain
from agent.kiosk.report_answers import ContradictionAnswer, OpeningAnswer, ReportAnswer, SumAnswer, TotalsAnswer

COLUMNS = 42
"""80 mm paper, as the receipts of `tillwire checkouts show`."""
_BY = {"unasked": "nobody had asked", "register": "by the register"}


def report_lines(report: ReportAnswer) -> Iterator[str]:
    """Yield the sheet, line by line."""
    yield f"Day {report.day.isoformat()}".center(COLUMNS).rstrip()
    if report.contradictions:
        yield from _headed("To be looked at", len(report.contradictions))
        for each in report.contradictions:
            yield from _wrapped(each.at, _contradiction(each))
        yield ""
    if not report.totals:
        yield "Nothing was paid."
    for totals in report.totals:
        yield from _totals(totals)
    yield from _headed("Drawer openings", len(report.openings))
    yield _row("without sale", str(report.openings_without_sale))
    for opening in report.openings:
        if opening.without_sale:
            yield from _opening(opening)


def _totals(totals: TotalsAnswer) -> Iterator[str]:
    currency = totals.currency
    yield from _headed("Cash confirmed", totals.confirmed.count)
    yield _row("", money(totals.confirmed.cents, currency))
    yield _sum("of it booked", totals.booked, currency)
    yield _sum("of it waiting", totals.waiting, currency)
    yield _sum("of it closed by a person", totals.resolved, currency)
    yield _sum("Given back", totals.refunded, currency)
    yield _sum("Reversed", totals.reversed, currency)
    yield _row("In the drawer from this day", money(totals.drawer, currency))
    yield ""
    yield _sum("Paid by card terminal", totals.cashless, currency)
    yield _sum("Paid by card balance alone", totals.loyalty, currency)
    yield from _headed("Cash by the hour")
    for hour in totals.hours:
        if hour.confirmed.count:
            yield _sum(_time(hour.begin), hour.confirmed, currency)


def _headed(title: str, count: int | None = None) -> Iterator[str]:
    yield ""
    yield title if count is None else _row(title, str(count))
    yield "-" * COLUMNS


def _sum(name: str, amount: SumAnswer, currency: str) -> str:
    return _row(f"{name} ({amount.count})", money(amount.cents, currency))


def _row(name: str, value: str) -> str:
    return f"{name:<{COLUMNS - len(value) - 1}} {value}"


def _opening(opening: OpeningAnswer) -> Iterator[str]:
    who = opening.asked_by or _BY.get(opening.by or "", "by the till")
    reason = f": {opening.reason}" if opening.reason else ""
    yield from _wrapped(opening.at, f"{who}{reason}")


def _contradiction(said: ContradictionAnswer) -> str:
    if said.what == "paid_message":
        amount = "cash" if said.amount is None else money(said.amount, "").strip()
        return f"a machine says that {amount} was paid, and no payment waited for that"
    return f"{said.checkout} was {said.phase}, and the API says {said.status}"


def _wrapped(at: datetime, text: str) -> Iterator[str]:
    yield from textwrap.wrap(plain(f"{_time(at)} {text}"), COLUMNS, subsequent_indent=" " * 6)


def _time(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M")
