"""What a checkout looks like from outside."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checkout.events import PayAsked, ReadAnswered
from agent.checkout.state import (
    Basket,
    Card,
    Checkout,
    Confirmation,
    Evidence,
    Json,
    Method,
    Payment,
    Phase,
    ReceiptLines,
    Resolution,
    Rules,
    Transaction,
)
from agent.fleet.view import checkout_standing
from agent.kiosk.roles import Role
from agent.kiosk.view import allowed, checkout_answer, drawer_answer, split
from agent.smart.facts import known_facts
from agent.smart.models import SmartTransaction
from agent.till.listener import DrawerTold
from tests.checkouts import CHARGE, LUNCH, MASKED, NOW_S, VALID, WALL, after, cash_in, handed_over
from tests.till_bench import CARD

DRAFT = Checkout(id="co_1", created=WALL, updated=WALL, rules=Rules(), touched_s=0.0, basket=LUNCH)
DUE = replace(
    DRAFT,
    phase=Phase.DUE,
    card=VALID,
    use_balance=True,
    amount_due=296,
    transaction=Transaction(id="STX_1", status="processing"),
)
AWAITING = replace(DUE, phase=Phase.AWAITING_CASH, payment=Payment(method="cash", amount=296))


def may(checkout: Checkout, role: Role = Role.SCREEN) -> set[str]:
    return set(allowed(checkout, role))


def paying(method: Method) -> Checkout:
    return replace(DUE, phase=Phase.STARTING, payment=Payment(method=method, amount=296))


def test_the_one_object_has_the_names_and_values_of_the_design() -> None:
    shown = checkout_answer(DUE, Role.SCREEN).model_dump(mode="json")
    assert shown["card"] == {"number": MASKED, "valid": True, "locked": False, "balance": 500}
    assert shown["basket_info"] == {"sum": 796, "currency": "EUR"}
    assert shown["basket"] == {"products": [dict(line) for line in LUNCH.products]}
    assert shown["split"] == {"cash": 296, "card": 500, "bonus": 0, "terminal": 0}
    assert (shown["kind"], shown["phase"], shown["transaction_id"], shown["amount_due"]) == (
        "sale",
        "due",
        "STX_1",
        296,
    )
    assert (shown["method"], shown["evidence"], shown["waiting_since"], shown["error"]) == (None, None, None, None)
    assert shown["created"] == "2026-11-22T12:00:00Z"


_SUMS = st.sampled_from([None, 296])
_VALUES = st.none() | st.integers() | st.floats() | st.booleans() | st.text(max_size=5) | st.just([1])
_LINES = st.lists(
    st.dictionaries(st.sampled_from(["priceOne", "quantity", "ean", "desc", "articleNumber"]), _VALUES), max_size=3
)


@given(status=st.sampled_from(["created", "processing"]), told=_SUMS, missing_sum=_SUMS, lines=_LINES)
def test_whatever_transaction_a_register_hands_over_can_be_shown(
    status: str, told: int | None, missing_sum: int | None, lines: list[Json]
) -> None:
    """With its receipt for the time until it is booked, and to the fleet."""
    answer = {
        "id": "STX_1",
        "status": status,
        "basket": {"products": lines},
        "basket_info": {"sum": told, "missing_sum": missing_sum, "currency": "EUR"},
    }
    facts = known_facts(SmartTransaction.model_validate(answer))
    checkout = after(
        handed_over(296),
        PayAsked(method="cash", amount=296),
        lambda n: ReadAnswered(number=n, begun_s=NOW_S, facts=facts),
    )
    if checkout.phase is Phase.AWAITING_CASH:
        checkout = after(checkout, cash_in(296), api="offline")
    for role in Role:
        assert checkout_answer(checkout, role).phase in {Phase.CONFIRMED, Phase.FAILED}
    assert checkout_standing(checkout).amount_due in {296, None}


def test_no_split_before_the_amount_due_is_known() -> None:
    assert split(DRAFT) is None


@pytest.mark.parametrize(("method", "cash", "terminal"), [("cash", 296, 0), ("cashless", 0, 296), ("loyalty", 296, 0)])
def test_the_split_says_where_the_amount_due_is_paid(method: Method, cash: int, terminal: int) -> None:
    shown = split(paying(method))
    assert shown is not None
    assert (shown.cash, shown.terminal) == (cash, terminal)


def test_the_split_adds_up_with_bonus_lines() -> None:
    bonus: tuple[Json, ...] = ({"quantity": 1, "priceOne": -15}, {"quantity": 1, "priceOne": -5})
    shown = split(replace(DUE, amount_due=276, bonus_products=bonus))
    assert shown is not None
    assert (shown.cash, shown.card, shown.bonus) == (276, 500, 20)
    assert shown.cash + shown.card + shown.bonus == LUNCH.sum


def test_without_the_balance_nothing_is_paid_by_the_card() -> None:
    shown = split(replace(DUE, use_balance=False, amount_due=796))
    assert shown is not None
    assert shown.card == 0


def test_the_screen_may_change_and_pay_what_is_due() -> None:
    assert may(DUE) == {"basket", "card", "apply", "pay", "cancel"}


def test_an_empty_basket_cannot_be_paid() -> None:
    assert may(replace(DRAFT, basket=Basket())) == {"basket", "card", "cancel"}


def test_the_operator_confirms_only_where_the_drawer_cannot() -> None:
    lost = replace(AWAITING, payment=Payment(method="cash", amount=296, drawer_trouble="lost"))
    interrupted = replace(AWAITING, payment=Payment(method="cash", amount=296, interrupted=True))
    by_policy = replace(AWAITING, rules=Rules(confirmed_by=("drawer-closed", "operator")))
    assert "confirm" not in may(AWAITING, Role.OPERATOR)
    for checkout in (lost, interrupted, by_policy):
        assert "confirm" in may(checkout, Role.OPERATOR)
        assert "confirm" not in may(checkout)


def test_attention_is_retried_when_the_cash_was_confirmed_and_confirmed_when_not() -> None:
    evidence = Evidence(kind="drawer-closed", amount=296, at=WALL)
    unconfirmed = replace(AWAITING, phase=Phase.ATTENTION)
    confirmed = replace(unconfirmed, payment=Payment(method="cash", amount=296, evidence=evidence))
    assert may(unconfirmed, Role.OPERATOR) == {"confirm", "resolve"}
    assert may(confirmed, Role.OPERATOR) == {"retry", "resolve"}
    assert may(confirmed) == set()


def test_the_names_and_notes_of_the_staff_are_shown_to_the_operator_only() -> None:
    evidence = Evidence(kind="operator", amount=296, at=WALL, by="Ada")
    payment = Payment(method="cash", amount=296, evidence=evidence)
    resolution = Resolution(outcome="refunded", note="seen", by="Ada")
    resolved = replace(AWAITING, phase=Phase.RESOLVED, payment=payment, resolution=resolution)
    screen, operator = (checkout_answer(resolved, role).model_dump() for role in (Role.SCREEN, Role.OPERATOR))
    assert (screen["evidence"]["kind"], screen["evidence"]["by"]) == ("operator", None)
    assert screen["resolution"] == {"outcome": "refunded", "note": None, "by": None}
    assert operator["evidence"]["by"] == "Ada"
    assert operator["resolution"] == {"outcome": "refunded", "note": "seen", "by": "Ada"}


def test_what_was_executed_is_not_offered_to_be_sent_again() -> None:
    evidence = Evidence(kind="drawer-closed", amount=296, at=WALL)
    executed = replace(
        AWAITING,
        phase=Phase.ATTENTION,
        payment=Payment(method="cash", amount=296, evidence=evidence),
        transaction=Transaction(id="STX_1", status="processing", read_status="ok", start_sent=True),
    )
    assert may(executed, Role.OPERATOR) == {"resolve"}


def test_a_balance_can_be_asked_for_only_with_a_card() -> None:
    assert "apply" not in may(replace(DUE, card=None, use_balance=False))


@pytest.mark.parametrize("phase", Phase)
def test_the_screen_is_never_offered_what_only_the_operator_may(phase: Phase) -> None:
    trouble = Payment(method="cash", amount=296, drawer_trouble="lost", interrupted=True)
    assert may(replace(AWAITING, phase=phase, payment=trouble)).isdisjoint({"confirm", "retry", "resolve"})


@pytest.mark.parametrize(("phase", "waits"), [(Phase.CONFIRMED, True), (Phase.COMPLETED, False)])
def test_waiting_since_is_shown_only_while_it_waits(phase: Phase, waits: bool) -> None:
    shown = checkout_answer(replace(AWAITING, phase=phase, waiting_since=WALL), Role.SCREEN)
    assert (shown.waiting_since == WALL) == waits


def test_the_receipts_that_are_there_are_named() -> None:
    receipt = ReceiptLines(customer=({"type": "space"},), merchant=())
    assert checkout_answer(replace(DUE, receipt=receipt), Role.SCREEN).receipts == ("customer",)


def test_no_phase_and_no_role_shows_a_whole_card_number() -> None:
    card = Card(number=str(CARD), valid=True, balance=1)
    kinds: tuple[Confirmation, ...] = ("drawer-closed", "operator")
    for phase, role, kind in product(Phase, Role, kinds):
        evidence = Evidence(kind=kind, amount=296, at=WALL)
        payment = Payment(method="cash", amount=296, evidence=evidence)
        shown = checkout_answer(replace(AWAITING, phase=phase, card=card, payment=payment), role)
        assert CARD.value not in shown.as_json().decode()


def test_a_charge_line_passes_through_unchanged() -> None:
    assert checkout_answer(replace(DRAFT, basket=CHARGE), Role.SCREEN).basket.products == CHARGE.products


def test_staff_names_are_not_for_the_customers_screen() -> None:
    told = DrawerTold(drawer="drawer", state="closed", event="asked", by="till", reason="change", asked_by="Ada")
    assert drawer_answer(told, Role.OPERATOR).asked_by == "Ada"
    assert "Ada" not in drawer_answer(told, Role.SCREEN).as_json().decode()
