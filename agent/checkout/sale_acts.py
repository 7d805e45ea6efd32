"""What a row does to the sale, until its amount is due: basket, card, and what the customer chose.

The acts that the table calls `sale`. Pure.
"""

from collections.abc import Callable

from agent.checkout.call_acts import abandon
from agent.checkout.events import ApplyAsked, BasketSet, CardSet, PayAsked
from agent.checkout.replacing import replace
from agent.checkout.row import Done
from agent.checkout.state import Card, Checkout, Payment, Situation


def touch(checkout: Checkout, _event: object, situation: Situation) -> Done:
    """A person did something: the time of an abandoned draft runs anew."""
    return replace(checkout, touched_s=situation.now_s), ()


def set_basket(checkout: Checkout, event: BasketSet, _situation: Situation) -> Done:
    return replace(checkout, basket=event.basket), ()


def set_card(checkout: Checkout, event: CardSet, _situation: Situation) -> Done:
    return replace(checkout, card=Card(number=event.number)), ()


def drop_card(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, card=None, use_balance=False, asking=None), ()


def clear_amount(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """The amount is not known any more; the transaction is kept for one update."""
    return (
        replace(checkout, amount_due=None, bonus_products=(), payment=None, wanted=None, asking=None, creates=0),
        (),
    )


def give_up(reason: str) -> Callable[[Checkout, object, Situation], Done]:
    """Abandon the transaction and go back to basket and card."""

    def act(checkout: Checkout, event: object, situation: Situation) -> Done:
        checkout, effects = abandon(checkout, event, situation)
        checkout, _ = clear_amount(checkout, event, situation)
        return replace(checkout, reason=reason), effects

    return act


def forget_transaction(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    """It is not payable any more: there is nothing to abort."""
    return replace(checkout, transaction=None), ()


def want_balance(checkout: Checkout, event: ApplyAsked, _situation: Situation) -> Done:
    return replace(checkout, use_balance=event.use_balance, wanted=None, creates=0), ()


def want_payment(checkout: Checkout, event: PayAsked, _situation: Situation) -> Done:
    wanted = Payment(method=event.method, amount=event.amount)
    return replace(checkout, use_balance=False, wanted=wanted, creates=0), ()


def forget_wanted(reason: str | None) -> Callable[[Checkout, object, Situation], Done]:
    """Wait for a new choice."""

    def act(checkout: Checkout, _event: object, _situation: Situation) -> Done:
        return replace(checkout, wanted=None, reason=reason), ()

    return act
