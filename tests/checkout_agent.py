"""The checkout table as a walk asks it: once for each checkout and event, and only with what can have an effect."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agent.checkout.effects import Effect
from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CancelAsked,
    CardRemoved,
    CardSet,
    ConfirmAsked,
    DrawerOpened,
    Event,
    OtherAmountPaid,
    PayAsked,
    ResolveAsked,
    Restarted,
    RetryAsked,
    Turn,
    Woke,
)
from agent.checkout.row import Row
from agent.checkout.state import Api, Basket, Checkout
from agent.checkout.step import ROWS, NotAllowed, Rows, by_phase_and_event, step
from agent.checkout.table import TABLE
from tests.checkouts import LUNCH, MASKED, RULES, SNACK, as_seen_now, cash_in, situation

Told = tuple[int, tuple[Effect, ...]] | None
"""The number of the checkout as it is then, and what is to be done; None: the table refuses."""


@dataclass(slots=True)
class Agent:
    """The table, asked once for each checkout, event and connection; a checkout is known by its number."""

    rows: Rows = field(default_factory=lambda: ROWS)
    goods: tuple[Basket, Basket] = (SNACK, LUNCH)
    checkouts: list[Checkout] = field(default_factory=list)
    numbers: dict[Checkout, int] = field(default_factory=dict)
    told: dict[tuple[int, Event, Api], Told] = field(default_factory=dict)
    possible: dict[int, list[tuple[Event, Api]]] = field(default_factory=dict)

    def with_mistake(self, row: Row[Any]) -> "Agent":
        """Return an agent that finds this row before all others, and knows already what the row has no part in."""
        told = {
            (number, event, api): told
            for (number, event, api), told in self.told.items()
            if type(event) is not row.event or self.checkouts[number].phase not in row.phases
        }
        return Agent(by_phase_and_event((row, *TABLE)), self.goods, self.checkouts, self.numbers, told)

    def number(self, checkout: Checkout) -> int:
        if checkout not in self.numbers:
            self.numbers[checkout] = len(self.checkouts)
            self.checkouts.append(checkout)
        return self.numbers[checkout]

    def step(self, number: int, event: Event, api: Api) -> Told:
        key = number, event, api
        if key not in self.told:
            self.told[key] = self._ask(number, event, api)
        return self.told[key]

    def _ask(self, number: int, event: Event, api: Api) -> Told:
        try:
            after, effects = step(self.checkouts[number], event, situation(api=api), self.rows)
        except NotAllowed:
            return None
        return self.number(as_seen_now(after)), effects

    def may_happen(self, number: int) -> list[tuple[Event, Api]]:
        """Return what people, devices and the till may bring to this checkout, and what has an effect on it."""
        if number not in self.possible:
            asked = _may_happen(self.checkouts[number], self.goods)
            self.possible[number] = [(event, api) for event, api in asked if self.step(number, event, api)]
        return self.possible[number]


def _may_happen(checkout: Checkout, goods: tuple[Basket, Basket]) -> Iterator[tuple[Event, Api]]:
    """What people, devices and the till itself may bring, whatever the phase: the table refuses what it must."""
    due = checkout.basket.sum if checkout.amount_due is None else checkout.amount_due
    payment = checkout.payment.amount if checkout.payment is not None else due
    offline: tuple[Event, ...] = (
        CardSet(number=MASKED),  # the check of a card moves no money: without it there are fewer worlds
        PayAsked(method="cash", amount=due),
        cash_in(payment),
    )
    online: tuple[Event, ...] = (
        BasketSet(basket=goods[checkout.basket == goods[0]]),
        CardRemoved(),
        ApplyAsked(use_balance=True),
        ApplyAsked(use_balance=False),
        PayAsked(method="cash", amount=due),
        PayAsked(method="cashless", amount=due),
        cash_in(payment),
        ConfirmAsked(amount=payment, by="Ada"),
        CancelAsked(),
        DrawerOpened(),
        OtherAmountPaid(amount=100),
        RetryAsked(by="Ada"),
        RetryAsked(by="Ada", new_transaction=True),
        ResolveAsked(outcome="refunded", note="", by="Ada"),
        Woke(),
        Turn(),
        Restarted(rules=RULES),
    )
    yield from ((event, "offline") for event in offline)
    yield from ((event, "online") for event in online)
