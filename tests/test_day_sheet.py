"""The sheet of a day: what counts on which day, and which opening was for what."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checkout.state import Basket, Checkout, Evidence, Method, Outcome, Payment, Phase, Resolution, Reversal
from agent.till.day_sheet import Day, DrawerRecord, Hour, Opening, Sum, UnexpectedRecord, day_sheet
from agent.till.listener import DrawerEvent, DrawerTold, UnexpectedTold
from tests.checkouts import new_checkout, reversal_of, sold

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BEGIN = datetime(2026, 11, 22, tzinfo=UTC)
DAY = Day(date=BEGIN.date(), begin=BEGIN, end=BEGIN + timedelta(days=1))
YESTERDAY = NOON - timedelta(days=1)
TOMORROW = NOON + timedelta(days=1)


def paid(
    phase: Phase, cents: int = 296, *, confirmed: datetime = NOON, ended: datetime | None = None, **known: object
) -> Checkout:
    evidence = Evidence(kind="drawer-closed", amount=cents, at=confirmed)
    payment = Payment(method="cash", amount=cents, evidence=evidence)
    checkout = new_checkout(phase=phase, payment=payment, updated=ended or confirmed)
    return replace(checkout, **known)  # type: ignore[arg-type]  # as replace itself


def without_cash(method: Method) -> Checkout:
    return new_checkout(phase=Phase.COMPLETED, payment=Payment(method=method, amount=0), updated=NOON)


def told(event: DrawerEvent, seconds: float, **known: object) -> DrawerRecord:
    drawer = DrawerTold(drawer="drawer", state="open", event=event)
    return DrawerRecord(at=NOON + timedelta(seconds=seconds), told=replace(drawer, **known))  # type: ignore[arg-type]


def test_a_payment_that_was_reversed_is_given_back_in_cash_or_at_the_terminal() -> None:
    sale, at_terminal = paid(Phase.COMPLETED, 300, confirmed=NOON), replace(sold("cashless"), updated=NOON)
    back = replace(reversal_of(sold()), id="co_3", amount_due=300, phase=Phase.COMPLETED, updated=NOON)
    back_at_terminal = replace(reversal_of(at_terminal), id="co_4", phase=Phase.COMPLETED, updated=NOON)
    [totals] = day_sheet(DAY, (sale, at_terminal, back, back_at_terminal), ()).totals
    assert (totals.reversed, totals.refunded, totals.drawer) == (Sum(count=1, cents=300), Sum(), 0)
    assert totals.cashless == Sum(count=0, cents=0)


@pytest.mark.parametrize(
    ("outcome", "reversed_", "refunded", "cashless"),
    [("executed", 1, 0, 0), ("refunded", 0, 1, 1), ("not_executed", 0, 0, 1)],
)
def test_a_reversal_that_a_person_closed_counts_as_that_person_says(
    outcome: Outcome, reversed_: int, refunded: int, cashless: int
) -> None:
    resolution = Resolution(outcome=outcome, note="counted", by="Ada")
    known: dict[str, object] = {"phase": Phase.RESOLVED, "resolution": resolution, "updated": NOON}
    sale, at_terminal = paid(Phase.COMPLETED, 796), replace(sold("cashless"), id="co_3", updated=NOON)
    back = replace(reversal_of(replace(sold(), id=sale.id)), **known)  # type: ignore[arg-type]  # as replace itself
    [totals] = day_sheet(DAY, (sale, back), ()).totals
    assert (totals.reversed, totals.refunded) == (
        Sum(count=reversed_, cents=796 * reversed_),
        Sum(count=refunded, cents=796 * refunded),
    )
    assert totals.drawer == 796 * (1 - reversed_ - refunded)
    back = replace(reversal_of(at_terminal), id="co_4", **known)  # type: ignore[arg-type]  # as replace itself
    [totals] = day_sheet(DAY, (at_terminal, back), ()).totals
    assert totals.cashless.count == cashless


def test_a_payment_by_card_that_was_taken_back_is_none() -> None:
    sale = without_cash("loyalty")
    reversal = Reversal(reverses=sale.id, reason="wrong", by="Ada", call="cancel")
    back = new_checkout(id="co_2", phase=Phase.COMPLETED, reversal=reversal, amount_due=0, updated=NOON)
    [totals] = day_sheet(DAY, (sale, back), ()).totals
    assert (totals.loyalty, totals.reversed) == (Sum(), Sum())


def test_a_day_on_which_nothing_happened_is_empty() -> None:
    sheet = day_sheet(DAY, [new_checkout()], [])
    assert (sheet.totals, sheet.openings, sheet.openings_without_sale) == ((), (), 0)


def test_confirmed_cash_is_booked_waiting_or_closed_by_a_person() -> None:
    resolved = Resolution(outcome="executed", note="seen", by="Ada")
    [totals] = day_sheet(
        DAY,
        [
            paid(Phase.COMPLETED, 100),
            paid(Phase.CONFIRMED, 20),
            paid(Phase.ATTENTION, 3),
            paid(Phase.RESOLVED, 4000, resolution=resolved),
        ],
        [],
    ).totals
    assert totals.confirmed == Sum(count=4, cents=4123)
    assert (totals.booked.cents, totals.waiting.cents, totals.resolved.cents) == (100, 23, 4000)
    assert totals.drawer == 4123


def test_cash_counts_on_the_day_it_was_confirmed_and_what_is_given_back_on_the_day_it_was() -> None:
    refunded = Resolution(outcome="refunded", note="customer came back", by="Ada")
    booked_next_day = paid(Phase.COMPLETED, 100, ended=TOMORROW)
    given_back_next_day = paid(Phase.RESOLVED, 20, ended=TOMORROW, resolution=refunded)
    of_yesterday = paid(Phase.RESOLVED, 3, confirmed=YESTERDAY, ended=NOON, resolution=refunded)
    [totals] = day_sheet(DAY, [booked_next_day, given_back_next_day, of_yesterday], []).totals
    assert totals.confirmed == Sum(count=2, cents=120)
    assert totals.refunded == Sum(count=1, cents=3)
    assert totals.drawer == 117


def test_each_currency_has_its_own_totals() -> None:
    francs = replace(paid(Phase.COMPLETED, 50), basket=Basket(currency="CHF"))
    totals = day_sheet(DAY, [paid(Phase.COMPLETED), francs], []).totals
    assert [(each.currency, each.drawer) for each in totals] == [("CHF", 50), ("EUR", 296)]


def test_what_was_paid_without_cash_is_not_in_the_drawer() -> None:
    [totals] = day_sheet(DAY, [without_cash("loyalty"), without_cash("cashless")], []).totals
    assert (totals.loyalty, totals.cashless.count, totals.drawer) == (Sum(count=1, cents=796), 1, 0)


def test_the_hours_are_those_of_the_clock_on_the_long_day_too() -> None:
    summer, winter = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
    begin, end = datetime(2026, 10, 25, tzinfo=summer), datetime(2026, 10, 26, tzinfo=winter)
    last = paid(Phase.COMPLETED, confirmed=end - timedelta(minutes=1))
    [totals] = day_sheet(Day(date=begin.date(), begin=begin, end=end), [last], []).totals
    assert len(totals.hours) == 25
    assert totals.hours[-1] == Hour(begin=end - timedelta(hours=1), confirmed=Sum(count=1, cents=296))


def test_an_opening_has_the_reason_for_which_it_was_asked_and_how_long_it_lasted() -> None:
    [sale, change] = day_sheet(
        DAY,
        [],
        [
            told("asked", 0, by="till", reason="sale", checkout_id="co_1"),
            told("opened", 1, by="till"),
            told("closed", 3, open_s=2.0),
            told("asked", 9, by="till", reason="change", asked_by="Ada"),
            told("opened", 10, by="till"),
        ],
    ).openings
    assert (sale.without_sale, sale.open_s) == (False, 2.0)
    assert (change.without_sale, change.open_s) == (True, None)
    assert change.asked is not None
    assert (change.asked.reason, change.asked.asked_by) == ("change", "Ada")


def test_a_key_and_what_nobody_asked_for_are_openings_without_a_sale_and_the_registers_are_not() -> None:
    sheet = day_sheet(
        DAY, [], [told("opened", number, by=by) for number, by in enumerate(("key", "unasked", "register"))]
    )
    assert [opening.without_sale for opening in sheet.openings] == [True, True, False]
    assert sheet.openings_without_sale == 2


def test_what_contradicts_the_sheet_stands_on_the_sheet_of_its_day() -> None:
    paid_unasked = UnexpectedTold(what="paid_message", amount=296, contradicts=True)
    as_known = UnexpectedTold(what="read", checkout_id="co_1", status="created", contradicts=False)
    came = [
        UnexpectedRecord(at=at, told=said)
        for at, said in ((TOMORROW, paid_unasked), (NOON, paid_unasked), (NOON, as_known), (BEGIN, paid_unasked))
    ]
    assert [each.at for each in day_sheet(DAY, [], [], came).contradictions] == [BEGIN, NOON]


def test_a_request_that_opened_nothing_does_not_excuse_the_next_opening() -> None:
    [key] = day_sheet(
        DAY,
        [],
        [
            told("asked", 0, by="till", reason="sale", checkout_id="co_1"),
            told("did_not_open", 3),
            told("opened", 60, by="till"),
        ],
    ).openings
    assert key == Opening(at=NOON + timedelta(seconds=60), told=key.told)


@given(
    st.lists(st.tuples(st.sampled_from(list(Phase)), st.integers(0, 10_000), st.integers(-72, 72))),
)
def test_the_parts_are_the_whole_and_so_are_the_hours(found: list[tuple[Phase, int, int]]) -> None:
    checkouts = [paid(phase, cents, confirmed=NOON + timedelta(hours=hours)) for phase, cents, hours in found]
    for totals in day_sheet(DAY, checkouts, []).totals:
        unbooked = [each for each in checkouts if DAY.has(each.updated) and each.phase in {"cancelled", "failed"}]
        parts = totals.booked.cents + totals.waiting.cents + totals.resolved.cents
        assert parts == totals.confirmed.cents - sum(each.payment.amount for each in unbooked if each.payment)
        assert sum(hour.confirmed.cents for hour in totals.hours) == totals.confirmed.cents
