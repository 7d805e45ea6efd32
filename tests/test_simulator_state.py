"""The server's model under any sequence of calls and any setting of the switches: money is conserved."""

import json
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from agent.simulator import BONUS_CARD_NUMBER, CARD_NUMBER, LOCKED_CARD_NUMBER, Answer, SimulatedApi, Switches
from agent.simulator.api import Begun
from agent.simulator.cards import Card, Movement, can_bear, moved
from agent.simulator.identifiers import Identifiers
from agent.simulator.lifecycle import create
from agent.simulator.orders import Order, bonus_products, order_from, total
from agent.simulator.receipts import euros
from agent.simulator.state import State
from agent.simulator.times import from_iso, iso, on_receipt
from agent.simulator.world import default_world
from tests.test_simulator_api import CHARGE, DISCHARGE, NOON, PRODUCTS, Json, Till, field_of, order

NUMBERS = [CARD_NUMBER, BONUS_CARD_NUMBER, LOCKED_CARD_NUMBER, "9276000000000000", None]
BASKETS: list[list[Json]] = [
    PRODUCTS,
    PRODUCTS[:1],
    [CHARGE],
    [DISCHARGE],
    [*PRODUCTS[:2], CHARGE | {"id": 9}],
    [],
]


def _setting(name: str) -> st.SearchStrategy[object]:
    values = get_args(Switches.model_fields[name].annotation)
    if all(isinstance(value, str) for value in values) and values:
        return st.sampled_from(values)
    return st.sampled_from([0.0, 5.0])


ANY_SWITCHES = st.fixed_dictionaries({name: _setting(name) for name in Switches.model_fields}).map(
    Switches.model_validate
)


class Server(RuleBasedStateMachine):
    """Tills call in any order; starts are begun and finished apart; time passes."""

    transactions = Bundle("transactions")
    running = Bundle("running")

    @initialize(switches=ANY_SWITCHES)
    def begin(self, switches: Switches) -> None:
        self.till = Till(SimulatedApi(switches=switches))
        self.initial = dict(self.till.api.state.cards)
        self.seen: list[Answer] = []

    @rule(target=transactions, number=st.sampled_from(NUMBERS), products=st.sampled_from(BASKETS))
    def create(self, number: str | None, products: list[Json]) -> str:
        answer = self._answered(self.till.answer("POST", "Smart/Transactions", order(number, products)))
        return str(field_of(answer, "id")) if answer.is_good else "STX_NONE"

    @rule(transaction=transactions, number=st.sampled_from(NUMBERS), products=st.sampled_from(BASKETS))
    def update(self, transaction: str, number: str | None, products: list[Json]) -> None:
        self._answered(self.till.answer("PUT", f"Smart/Transactions/{transaction}", order(number, products)))

    @rule(
        transaction=transactions,
        action=st.sampled_from(["preTransaction", "start/cash", "start/loyalty", "start/cashless", "abort", "cancel"]),
        action_id=st.sampled_from(["", "a1", "a2"]),
    )
    def act(self, transaction: str, action: str, action_id: str) -> None:
        headers = {"x_action": action_id} if action_id else {}
        self._answered(self.till.on(transaction, action, **headers))

    @rule(target=running, transaction=transactions, method=st.sampled_from(["cash", "loyalty"]))
    def begin_start(self, transaction: str, method: str) -> Begun | None:
        request = self.till.request("POST", f"Smart/Transactions/{transaction}/start/{method}")
        begun = self.till.api.begin(request, self.till.now)
        return begun if isinstance(begun, Begun) else None

    @rule(begun=consumes(running), fails=st.booleans())
    def end_start(self, begun: Begun | None, *, fails: bool) -> None:
        if begun:
            end = self.till.api.fail if fails else self.till.api.finish
            self._answered(end(begun, self.till.now))

    @rule(transaction=transactions)
    def read(self, transaction: str) -> None:
        self._answered(self.till.answer("GET", f"Smart/Transactions/{transaction}"))

    @rule(number=st.integers(0, 6))
    def cancel_at_terminal(self, number: int) -> None:
        self._answered(self.till.on(str(number), "cancelTrx"))

    @rule()
    def end_of_day(self) -> None:
        self._answered(self.till.on("me", "EndOfDay"))

    @rule(seconds=st.sampled_from([0.0, 1.0, 400.0]))
    def wait(self, seconds: float) -> None:
        self.till.now += seconds
        self.till.token = self.till.login()

    def _answered(self, answer: Answer) -> Answer:
        json.dumps(answer.body)
        assert answer.status in {200, 400, 403, 404, 500}
        return answer

    @invariant()
    def every_card_holds_what_it_held_plus_what_was_booked(self) -> None:
        for number, before in self.initial.items():
            movements = [booking.movement for booking in self.till.api.ledger if booking.card == number]
            cash = sum(each.charged - each.redeemed - each.discharged for each in movements)
            bonus = sum(each.bonus_redeemed for each in movements)
            card = self.till.api.state.cards[number]
            assert card.cash_balance == before.cash_balance + cash
            assert card.bonus_balance == before.bonus_balance - bonus

    @invariant()
    def no_balance_is_below_zero(self) -> None:
        assert all(card.cash_balance >= 0 <= card.bonus_balance for card in self.till.api.state.cards.values())

    @invariant()
    def what_was_paid_is_the_basket_less_what_the_card_gave(self) -> None:
        for booking in self.till.api.ledger:
            given = booking.movement.redeemed + booking.movement.bonus_redeemed + booking.movement.discharged
            if booking.kind == "start":
                assert booking.amount == booking.sum - given

    @invariant()
    def a_transaction_is_executed_once_unless_the_switch_says_otherwise(self) -> None:
        starts = [booking.transaction for booking in self.till.api.ledger if booking.kind == "start"]
        if self.till.api.switches.second_start != "executes-again":
            assert len(starts) == len(set(starts))

    @invariant()
    def only_what_is_in_the_ledger_is_executed(self) -> None:
        booked = {booking.transaction for booking in self.till.api.ledger}
        reports = {each.id for each in self.till.api.state.transactions.values() if not each.order.products}
        executed = {each.id for each in self.till.api.state.transactions.values() if each.status == "ok"}
        assert executed <= booked | reports


Server.TestCase.settings = settings(
    max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestServer = Server.TestCase


def a_card(**fields: int) -> Card:
    return replace(default_world().cards[0], **fields)  # type: ignore[arg-type]  # only balances are given


def test_a_card_cannot_bear_more_than_it_holds_now() -> None:
    card = a_card(cash_balance=500, bonus_balance=20)
    assert can_bear(card, Movement(redeemed=500, bonus_redeemed=20))
    assert not can_bear(card, Movement(redeemed=501))
    assert not can_bear(card, Movement(bonus_redeemed=21))
    assert not can_bear(card, Movement(redeemed=300, discharged=300, charged=1000))


def test_charging_a_card_of_the_stock_brings_it_into_use() -> None:
    stored = replace(a_card(), stock_status="stored")
    assert moved(stored, Movement(charged=1), NOON).stock_status == "active"
    assert moved(stored, Movement(), NOON).stock_status == "stored"


@pytest.mark.parametrize("bonus", [0, 1, 2, 20, 71, 795, 796])
def test_bonus_lines_add_up_to_the_bonus(bonus: int) -> None:
    lines = bonus_products(order_from(order()), bonus)
    assert -total(lines) == bonus
    assert all(line.quantity == 1 and line.priceOne < 0 for line in lines)


@pytest.mark.parametrize(("cents", "text"), [(796, "7,96 EUR"), (5, "0,05 EUR"), (-50, "-0,50 EUR"), (0, "0,00 EUR")])
def test_amounts_on_receipts_are_written_in_german(cents: int, text: str) -> None:
    assert euros(cents) == text


def test_times_are_printed_as_the_documentation_prints_them() -> None:
    at = from_iso("2020-09-17T09:18:14+02:00")
    assert iso(at) == "2020-09-17T09:18:14+02:00"
    assert on_receipt(at) == "17.09.2020 09:18:14"
    assert from_iso("2020-09-17T07:18:14") == at


def test_a_state_does_not_grow_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.simulator.state._MAX_TRANSACTIONS", 3)
    state = State(world=default_world(), switches=Switches(stale_read_seconds=5), identifiers=Identifiers(1))
    created = [create(state, Order(), None, NOON + at).id for at in range(5)]
    assert list(state.transactions) == created[2:]


def test_card_numbers_are_not_in_what_a_state_prints_of_itself() -> None:
    till = Till()
    till.on(till.create(), "start/cash")
    assert CARD_NUMBER not in repr(till.api.state)
    assert CARD_NUMBER not in repr(till.api.ledger)
    assert CARD_NUMBER not in repr(till.api.world)
