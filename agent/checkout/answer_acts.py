"""What a row keeps of an answer of the API: the acts that the table calls `note`. Pure."""

from collections.abc import Callable

from agent.checkout.answer_guards import same_refusal
from agent.checkout.call_acts import transaction_of
from agent.checkout.events import (
    Applied,
    CallNotAuthorised,
    CallRefused,
    CancelAnswered,
    CardChecked,
    ReadAnswered,
    StartAnswered,
    TransactionSaved,
)
from agent.checkout.replacing import replace
from agent.checkout.row import Done
from agent.checkout.state import Card, Checkout, Json, Situation, Transaction, TransactionFacts


def keep_card_facts(checkout: Checkout, event: CardChecked, situation: Situation) -> Done:
    card = checkout.card and _as_offered(event.card, checkout.card.number, situation)
    return replace(checkout, card=card, asking=None), ()


def _as_offered(told: Card, number: str, situation: Situation) -> Card:
    """While an earlier payment with the card is not booked, what the API tells of its balance is no offer."""
    return replace(told, number=number, balance=None if situation.card_waiting else told.balance)


def keep_transaction(checkout: Checkout, event: TransactionSaved, situation: Situation) -> Done:
    facts = event.facts
    card = checkout.card
    if card is not None and facts.card is not None:
        card = _as_offered(facts.card, card.number, situation)
    return replace(checkout, transaction=as_shown(checkout.transaction, facts), card=card, asking=None), ()


def as_shown(before: Transaction | None, facts: TransactionFacts) -> Transaction:
    return Transaction(
        id=facts.id,
        status=facts.status,
        sum=facts.sum,
        missing_sum=facts.missing_sum,
        updated=facts.updated,
        card_number=facts.card.number if facts.card else None,
        start_sent=before is not None and before.id == facts.id and before.start_sent,
    )


def show_sum(checkout: Checkout, event: TransactionSaved, situation: Situation) -> Done:
    """No balance is applied: the whole sum, as the API answered it, is due."""
    checkout, effects = keep_transaction(checkout, event, situation)
    return replace(checkout, amount_due=event.facts.sum, bonus_products=(), creates=0), effects


def stop_at_sum(reason: str) -> Callable[[Checkout, TransactionSaved, Situation], Done]:
    """Show what is due, and wait for a new choice: the payment that was asked for cannot go on by itself."""

    def act(checkout: Checkout, event: TransactionSaved, situation: Situation) -> Done:
        checkout, effects = show_sum(checkout, event, situation)
        return replace(checkout, wanted=None, reason=reason), effects

    return act


def keep_refused(reason: str) -> Callable[[Checkout, TransactionSaved, Situation], Done]:
    """Cash was taken and the transaction is not what it was taken for."""

    def act(checkout: Checkout, event: TransactionSaved, situation: Situation) -> Done:
        checkout, effects = keep_transaction(checkout, event, situation)
        return replace(checkout, reason=reason), effects

    return act


def show_missing_sum(checkout: Checkout, event: Applied, _situation: Situation) -> Done:
    """The answer of preTransaction is not the whole object: what it does not tell is not known any more."""
    transaction = replace(
        transaction_of(checkout), status="processing", missing_sum=event.missing_sum, sum=None, updated=None
    )
    return (
        replace(
            checkout,
            transaction=transaction,
            amount_due=event.missing_sum,
            bonus_products=event.bonus_products,
            asking=None,
            creates=0,
        ),
        (),
    )


def show_applied(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> Done:
    """A preTransaction without an answer was carried out: this is what it left to pay."""
    facts = event.facts
    return (
        replace(
            checkout,
            transaction=as_shown(checkout.transaction, facts),
            amount_due=facts.missing_sum,
            bonus_products=bonus_lines(facts.products, checkout.basket.products),
            asking=None,
            creates=0,
        ),
        (),
    )


def bonus_lines(products: tuple[Json, ...], own: tuple[Json, ...] = ()) -> tuple[Json, ...]:
    """What the card gave: quantity 1 and a negative priceOne (smart-api 3.1). Discounts of the basket are none of it.

    `own`: the basket as it was sent; its lines stand before those that the API added.
    """
    sent, bonus = [_worth(line) for line in own], []
    for line in products:
        if _worth(line) in sent:
            sent.remove(_worth(line))
        elif isinstance(price := line.get("priceOne"), int) and price < 0:
            bonus.append(line)
    return tuple(bonus)


def _worth(line: Json) -> tuple[object, object]:
    return line.get("priceOne"), line.get("quantity")


def keep_problem(checkout: Checkout, event: CallRefused | CallNotAuthorised, _situation: Situation) -> Done:
    return replace(checkout, error=event.problem, asking=None), ()


def forget_asking(checkout: Checkout, _event: object, _situation: Situation) -> Done:
    return replace(checkout, asking=None), ()


def count_refusal(checkout: Checkout, event: CallRefused, _situation: Situation) -> Done:
    """A refusal is a usable answer: the next start gets a new X-Action."""
    refusals = checkout.refusals + 1 if same_refusal(checkout, event) else 1
    return replace(checkout, refusals=refusals, error=event.problem, start_number=checkout.start_number + 1), ()


def count_answer(checkout: Checkout, _event: StartAnswered | CancelAnswered, _situation: Situation) -> Done:
    """An answer that executes nothing and names no error: as often in a row it means as much as a refusal."""
    return replace(checkout, refusals=checkout.refusals + 1 if checkout.error is None else 1, error=None), ()


def usable_answer(checkout: Checkout, _event: StartAnswered, _situation: Situation) -> Done:
    return replace(checkout, start_number=checkout.start_number + 1), ()


def doubt_remainder(checkout: Checkout, event: StartAnswered, _situation: Situation) -> Done:
    """Where the API starts nothing and names another remainder, the amount that was shown is never started again."""
    transaction, told = transaction_of(checkout), event.facts.missing_sum
    if told is None or not checkout.use_balance or told == transaction.missing_sum:
        return checkout, ()
    return replace(checkout, transaction=replace(transaction, missing_sum=None)), ()


def keep_status(checkout: Checkout, event: ReadAnswered | StartAnswered, _situation: Situation) -> Done:
    transaction = replace(transaction_of(checkout), read_status=event.facts.status)
    return replace(checkout, transaction=transaction, asking=None), ()


def keep_result(
    checkout: Checkout, event: StartAnswered | CancelAnswered | ReadAnswered, _situation: Situation
) -> Done:
    facts = event.facts
    return (
        replace(
            checkout,
            transaction=replace(transaction_of(checkout), status=facts.status),
            receipt=facts.receipt,
            trans_id=facts.trans_id,
            receipt_number=facts.receipt_number,
            pursuit=None,
            asking=None,
            reason=None,
            error=None,
        ),
        (),
    )
