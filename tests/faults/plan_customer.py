"""Who comes to the till, drawn: what they buy, with which card, how they pay, and how patient they are."""

from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from agent.checkout.state import Basket, Json, Method
from agent.simulator.orders import CHARGE_EANS
from agent.simulator.world import BONUS_CARD_NUMBER, CARD_NUMBER, LOCKED_CARD_NUMBER, ONLY_BONUS_CARD_NUMBER

UNKNOWN_CARD_NUMBER = "9276004400000001"
CARDS = (CARD_NUMBER, CARD_NUMBER, CARD_NUMBER, CARD_NUMBER, BONUS_CARD_NUMBER, ONLY_BONUS_CARD_NUMBER)
PHASES = ("draft", "applying", "due", "awaiting_cash", "starting")

PRODUCTS: tuple[Json, ...] = (
    {"id": 1, "articleNumber": 30037, "desc": "Sandwich Romano", "quantity": 1, "priceOne": 349, "tax": 7},
    {"id": 2, "articleNumber": 30200, "desc": "Fruit salad", "quantity": 1, "priceOne": 249, "tax": 7},
    {"id": 3, "articleNumber": 51, "desc": "Water", "quantity": 2, "priceOne": 99, "tax": 19},
    {"id": 4, "articleNumber": 52, "desc": "Gum", "quantity": 1, "priceOne": 60, "tax": 19},
)
CHARGE: Json = {"id": 5, "ean": min(CHARGE_EANS), "desc": "Charge", "quantity": 1, "priceOne": 1000, "tax": 0}
"""Loads its price onto the card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody who buys something, and how patient they are."""

    ref: str
    arrives_s: float
    basket: Basket
    other_basket: Basket
    card: str | None
    other_card: str | None  # shown as well
    uses_balance: bool
    method: Method
    pays_at_once: bool
    cancels_in: str | None  # a phase
    regrets: bool  # cancels in the same moment in which payment was asked for
    changes_in: str | None  # a phase in which the basket is changed, or the card taken back
    leaves_in: str | None  # a phase in which the customer walks away
    repeats: float  # how often each request is made twice
    thinks_s: tuple[float, float]
    closes_s: float
    spends_elsewhere_s: float | None
    spends_elsewhere_in: str | None  # a phase in which somebody else with the card spends half of it
    loses_api_in: str | None  # a phase in which nobody can connect any more, for a while
    handed_over: Literal["rightly", "wrongly"] | None  # a register created the transaction, and says what is due


def draw_customers(dice: Random, *, at_the_terminal: bool) -> tuple[Customer, ...]:
    """Two at least. `at_the_terminal`: most of them pay there."""
    often_cashless = 0.7 if at_the_terminal else 0.2
    return tuple(_customer(dice, number, often_cashless) for number in range(dice.choice((2, 2, 2, 3, 3, 4))))


def _customer(dice: Random, number: int, often_cashless: float) -> Customer:
    return Customer(
        ref=f"A-{number + 1}",
        arrives_s=dice.choice((0.5, 3.0, dice.uniform(0, 30))),
        basket=_basket(dice),
        other_basket=_basket(dice),
        card=dice.choice((*CARDS, *CARDS, None, None, LOCKED_CARD_NUMBER, UNKNOWN_CARD_NUMBER)),
        other_card=dice.choice(CARDS) if dice.random() < 0.1 else None,
        uses_balance=dice.random() < 0.75,
        method="cashless" if dice.random() < often_cashless else "cash",
        pays_at_once=dice.random() < 0.2,
        cancels_in=dice.choice(PHASES) if dice.random() < 0.2 else None,
        regrets=False,
        changes_in=dice.choice(("draft", "due", "due", "due")) if dice.random() < 0.3 else None,
        leaves_in=dice.choice(PHASES) if dice.random() < 0.1 else None,
        repeats=dice.choice((0.0, 0.0, 0.3)),
        thinks_s=dice.choice(((0.01, 0.2), (0.2, 3.0))),
        closes_s=dice.choice(
            (dice.uniform(0.2, 0.9), *(dice.uniform(1.2, 6.0) for _ in range(8)), dice.uniform(16, 40))
        ),
        spends_elsewhere_s=dice.uniform(0, 40) if dice.random() < 0.1 else None,
        spends_elsewhere_in=dice.choice(("due", "awaiting_cash")) if dice.random() < 0.1 else None,
        loses_api_in=dice.choice(("applying", "due", "awaiting_cash")) if dice.random() < 0.06 else None,
        handed_over=dice.choice(("rightly", "rightly", "wrongly")) if dice.random() < 0.12 else None,
    )


def with_charge(basket: Basket) -> Basket:
    """The same, and a card is to be charged."""
    return replace(basket, products=(*(each for each in basket.products if each is not CHARGE), CHARGE))


def _basket(dice: Random) -> Basket:
    basket = Basket(products=tuple(dice.sample(PRODUCTS, dice.choice((1, 1, 2, 3, 4)))))
    return with_charge(basket) if dice.random() < 0.08 else basket
