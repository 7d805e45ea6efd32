"""Checkouts for tests: values that occur in them, the answers of the API, and a way to tell what happens to one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from agent.checkout import step
from agent.checkout_events import (
    Answer,
    Applied,
    CallNotAuthorised,
    CallNotSent,
    CallRefused,
    CallUnknown,
    CardChecked,
    CashConfirmed,
    Effect,
    Event,
    ReadAnswered,
    StartAnswered,
    TransactionSaved,
)
from agent.checkout_state import (
    ApiProblem,
    Basket,
    Card,
    Checkout,
    Evidence,
    Json,
    ReceiptLines,
    Rules,
    Situation,
    TransactionFacts,
)

WALL = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOW_S = 1000.0
MASKED = "9276********2845"
VALID = Card(number=MASKED, valid=True, locked=False, balance=500)
INVALID = Card(number=MASKED, valid=False)
LOCKED = Card(number=MASKED, valid=True, locked=True)
CHARGE_EAN = "4260447149502"


class Line(Json):
    """A product line that can stand in a set."""

    def __hash__(self) -> int:  # type: ignore[override]  # a dict has none; these are never changed
        return hash(frozenset(self.items()))


def basket_of(cents: int, ean: str = "4999012345678") -> Basket:
    return Basket(products=(Line(ean=ean, priceOne=cents, quantity=1),))


LUNCH = basket_of(796)
SNACK = basket_of(349)
CHARGE = basket_of(796, CHARGE_EAN)
NOTHING = Basket()


def new_checkout(basket: Basket = LUNCH, **known: object) -> Checkout:
    blank = Checkout(id="co_1", created=WALL, updated=WALL, rules=Rules(), touched_s=NOW_S, basket=basket)
    return replace(blank, **known)  # type: ignore[arg-type]  # as replace itself


def situation(now_s: float = NOW_S, **known: object) -> Situation:
    return replace(Situation(now_s=now_s, wall=WALL, drawer="closed"), **known)  # type: ignore[arg-type]


# Answers come with the number that was asked for: these wait for it

Numbered = Callable[[int], Answer]
"""An answer that is given its number when it is told."""


def facts(status: str = "created", sum: int | None = 796, **known: object) -> TransactionFacts:  # noqa: A002 - the API's name
    told = TransactionFacts(id="STX_1", status=status, sum=sum)
    return replace(told, **known)  # type: ignore[arg-type]


def saved(status: str = "created", sum: int | None = 796, **known: object) -> Numbered:  # noqa: A002 - the API's name
    return lambda number: TransactionSaved(number=number, facts=facts(status, sum, **known))


def applied(missing_sum: int = 296, *bonus: Json) -> Numbered:
    return lambda number: Applied(number=number, missing_sum=missing_sum, bonus_products=bonus)


def read(status: str = "created", sum: int | None = 796, *, begun_s: float = NOW_S, **known: object) -> Numbered:  # noqa: A002 - the API's name
    return lambda number: ReadAnswered(number=number, begun_s=begun_s, facts=facts(status, sum, **known))


def executed(status: str = "ok", sum: int | None = None, **known: object) -> Numbered:  # noqa: A002 - the API's name
    receipt = ReceiptLines(customer=({"type": "space"},))
    told = facts(status, sum, receipt=receipt, trans_id="29187332", receipt_number="3")
    return lambda number: StartAnswered(number=number, facts=replace(told, **known))  # type: ignore[arg-type]


def checked(card: Card = VALID) -> Numbered:
    return lambda number: CardChecked(number=number, card=card)


def refused(error: str = "ProductInternalException", code: str | None = None) -> Numbered:
    return lambda number: CallRefused(number=number, problem=ApiProblem(error=error, code=code))


def not_sent(number: int) -> Answer:
    return CallNotSent(number=number)


def unknown(number: int) -> Answer:
    return CallUnknown(number=number)


def not_authorised(number: int) -> Answer:
    return CallNotAuthorised(number=number)


def cash_in(amount: int = 796) -> CashConfirmed:
    return CashConfirmed(evidence=Evidence(kind="drawer-closed", amount=amount, at=WALL, open_s=4.0))


def tell(
    checkout: Checkout, *happened: Event | Numbered, now_s: float = NOW_S, **known: object
) -> tuple[Checkout, tuple[Effect, ...]]:
    """Let these things happen one after the other; returns the checkout and the effects of the last."""
    effects: tuple[Effect, ...] = ()
    for thing in happened:
        checkout, effects = step(checkout, as_event(checkout, thing), situation(now_s, **known))
    return checkout, effects


def after(checkout: Checkout, *happened: Event | Numbered, now_s: float = NOW_S, **known: object) -> Checkout:
    """As `tell`, where what follows does not matter."""
    return tell(checkout, *happened, now_s=now_s, **known)[0]


def as_event(checkout: Checkout, thing: Event | Numbered) -> Event:
    if not callable(thing):
        return thing
    assert checkout.asking is not None, "an answer to nothing"
    return thing(checkout.asking.number)
