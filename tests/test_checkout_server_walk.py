"""Walk 2: the table against a small model of the server. Executed at most once, only when confirmed, and as shown.

The walk is worth what it would find: each seeded mistake is one row put before the table.
"""

import sys
from dataclasses import replace
from typing import Any

import pytest

from agent.checkout import answer_acts as note
from agent.checkout import answer_guards as told
from agent.checkout import call_acts as ask
from agent.checkout import payment_acts as pay
from agent.checkout import sale_acts as sale
from agent.checkout import standing_guards as is_
from agent.checkout.call_acts import restart
from agent.checkout.effects import Effect
from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CallRefused,
    CallUnknown,
    CancelAsked,
    DrawerOpened,
    ReadAnswered,
    Restarted,
    RetryAsked,
    TransactionSaved,
    Turn,
)
from agent.checkout.reversal import cancel, is_reversal
from agent.checkout.row import Act, Guard, Row
from agent.checkout.state import Basket, Checkout, Phase, Pursuit, Situation, Transaction
from tests.checkout_agent import Agent
from tests.checkout_world import Walk, of_handed_over, of_reversal
from tests.checkouts import CHARGE, CHARGE_EAN, LUNCH, basket_of
from tests.server_model import SecondStart

Done = tuple[Checkout, tuple[Effect, ...]]
AGENT = Agent()
CHARGING = Agent(goods=(basket_of(349, CHARGE_EAN), Basket(products=(*LUNCH.products, *CHARGE.products))))
"""Kept for all tests of this file: what the table says is worked out once."""


@pytest.mark.parametrize("second_start", SecondStart)
def test_nothing_is_executed_twice_or_unconfirmed_or_other_than_shown(
    second_start: SecondStart, capsys: pytest.CaptureFixture[str]
) -> None:
    walk = Walk(AGENT, second_start)
    assert [str(story) for story in walk.stories()] == []
    with capsys.disabled():
        sys.stdout.write(f"\nserver walk: {walk.worlds} worlds, a second start {second_start} ")


# The same law for the other flows


def nothing_wrong(walk: Walk) -> None:
    assert [str(story) for story in walk.stories()] == []
    assert walk.worlds > 50, "the walk has hardly begun"


@pytest.mark.parametrize("second_start", SecondStart)
def test_money_is_never_loaded_onto_a_card_twice(second_start: SecondStart) -> None:
    """A doubled charge would give money away. Alone, and beside other goods."""
    nothing_wrong(Walk(CHARGING, second_start))


@pytest.mark.parametrize("second_start", SecondStart)
def test_a_transaction_that_was_handed_over_is_executed_once_and_as_shown(second_start: SecondStart) -> None:
    nothing_wrong(Walk(AGENT, second_start, of_handed_over(AGENT)))


@pytest.mark.parametrize("second_cancel", SecondStart)
def test_nothing_is_taken_back_twice(second_cancel: SecondStart) -> None:
    nothing_wrong(Walk(AGENT, second_cancel, of_reversal(AGENT)))


# It has teeth


def instead(phase: Phase, event: type, to: Phase, *then: Act[Any], when: Guard[Any] | None = None) -> Row[Any]:
    """A mistake: this row comes before those of the table."""
    return Row(phases=(phase,), event=event, to=to, when=when, then=then)


UPDATE_REPEATED = instead(Phase.APPLYING, CallUnknown, Phase.APPLYING, ask.update, when=is_.asked("update"))


@pytest.mark.parametrize("second_start", SecondStart)
def test_an_update_repeated_on_one_transaction_executes_796_without_the_redemption(second_start: SecondStart) -> None:
    """PUT unanswered and late, PUT again, preTransaction, 296 shown; the late PUT takes the balance away."""
    stories = Walk(AGENT.with_mistake(UPDATE_REPEATED), second_start).stories()
    found = next(story for story in stories if story.wrong == "shown 296 of 796, executed 796 of 796")
    assert any(move.startswith("Late(change=Update(sum=796, card=True)") for move in found.moves)


def show_sum_without_balance(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> Done:
    return replace(checkout, amount_due=event.facts.sum, use_balance=False, asking=None), ()


def take_over_what_was_read(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> Done:
    facts = event.facts
    transaction = Transaction(id=facts.id, status=facts.status, sum=facts.sum, missing_sum=facts.missing_sum)
    due = facts.sum if facts.missing_sum is None else facts.missing_sum
    return replace(checkout, transaction=transaction, amount_due=due, payment=None, asking=None), ()


def show_basket_without_balance(checkout: Checkout, _event: ApplyAsked, _situation: Situation) -> Done:
    return replace(checkout, amount_due=checkout.basket.sum, use_balance=False), ()


def changed(checkout: Checkout, event: ReadAnswered, situation: Situation) -> bool:
    return not told.as_shown(checkout, event, situation)


def not_taken_back(checkout: Checkout, event: ReadAnswered, _situation: Situation) -> bool:
    return checkout.reversal is not None and event.facts.status == "ok"


def forget_window(checkout: Checkout, _event: object, situation: Situation) -> Done:
    return replace(checkout, pursuit=Pursuit(ends_s=situation.now_s, next_read_s=None)), ()


MISTAKES = {
    "after a restart the update is repeated": instead(
        Phase.APPLYING, Restarted, Phase.APPLYING, restart, ask.update, when=is_.has_transaction
    ),
    "a preTransaction without answer is repeated": instead(
        Phase.APPLYING, CallUnknown, Phase.APPLYING, ask.apply_balance, when=is_.asked("pre_transaction")
    ),
    "a transaction whose preTransaction is not seen is kept": instead(
        Phase.APPLYING, ReadAnswered, Phase.DUE, show_sum_without_balance
    ),
    "a stale read may tell the balance of an earlier question": instead(
        Phase.APPLYING, CallUnknown, Phase.APPLYING, ask.read, when=is_.asked("pre_transaction")
    ),
    "what a read shows is due": instead(
        Phase.AWAITING_CASH, ReadAnswered, Phase.DUE, take_over_what_was_read, when=changed
    ),
    "a changed basket keeps its amount": instead(Phase.DUE, BasketSet, Phase.DUE, sale.set_basket),
    "the balance is given up without a word to the server": instead(
        Phase.DUE, ApplyAsked, Phase.DUE, show_basket_without_balance
    ),
    "the basket may change while cash is awaited": instead(
        Phase.AWAITING_CASH, BasketSet, Phase.AWAITING_CASH, sale.set_basket
    ),
    "evidence is not needed": instead(
        Phase.AWAITING_CASH, DrawerOpened, Phase.STARTING, ask.start, when=is_.has_transaction
    ),
    "a start without answer is sent again": instead(Phase.STARTING, CallUnknown, Phase.STARTING, ask.start),
    "a refused start is sent again unread": instead(
        Phase.STARTING, CallRefused, Phase.STARTING, note.count_refusal, ask.start
    ),
    "a refusal is believed": instead(Phase.STARTING, CallRefused, Phase.DUE, pay.give_back_choice, when=is_.not_cash),
    "after a restart the start is sent again": instead(Phase.STARTING, Restarted, Phase.STARTING, restart, ask.start),
    "the late window is not waited for": instead(
        Phase.UNSURE, ReadAnswered, Phase.STARTING, ask.start, when=told.payable
    ),
    "an unsure payment can be cancelled": instead(Phase.UNSURE, CancelAsked, Phase.CANCELLED, ask.abandon),
    "an unsure payment gets a new transaction": instead(Phase.UNSURE, Turn, Phase.CONFIRMED, ask.replace_transaction),
    "a dead transaction is due again": instead(
        Phase.UNSURE, ReadAnswered, Phase.DUE, pay.give_back_choice, when=told.refused_status_and_not_cash
    ),
    "whatever was created for a confirmed payment is started": instead(
        Phase.CONFIRMED, TransactionSaved, Phase.STARTING, note.keep_transaction, ask.start
    ),
    "a retry starts another amount": instead(
        Phase.UNSURE, ReadAnswered, Phase.STARTING, ask.start, when=told.proven_not_executed
    ),
    "a retry does not wait for the late window": instead(
        Phase.ATTENTION, RetryAsked, Phase.UNSURE, forget_window, ask.pursue, when=is_.has_transaction
    ),
    "a retry replaces what it has not read": instead(
        Phase.ATTENTION, RetryAsked, Phase.CONFIRMED, ask.replace_transaction
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_a_seeded_mistake_is_found(mistake: Row[Any]) -> None:
    walk = Walk(AGENT.with_mistake(mistake), SecondStart.EXECUTES)
    assert next(walk.stories(), None) is not None, f"not found in {walk.worlds} worlds"


MISTAKES_OF_A_REVERSAL = {
    "a cancel without answer is sent again": instead(Phase.STARTING, CallUnknown, Phase.STARTING, cancel),
    "a refused cancel is sent again unread": instead(Phase.STARTING, CallRefused, Phase.STARTING, cancel),
    "after a restart the cancel is sent again": instead(
        Phase.STARTING, Restarted, Phase.STARTING, restart, cancel, when=is_reversal
    ),
    "a refused cancel is believed": instead(Phase.STARTING, CallRefused, Phase.FAILED, note.count_refusal),
    "an answer that names no reversal is believed": instead(
        Phase.UNSURE, ReadAnswered, Phase.COMPLETED, note.keep_result, when=is_reversal
    ),
    "the late window is not waited for": instead(
        Phase.UNSURE, ReadAnswered, Phase.STARTING, cancel, when=not_taken_back
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES_OF_A_REVERSAL.values(), ids=MISTAKES_OF_A_REVERSAL.keys())
def test_a_seeded_mistake_of_a_reversal_is_found(mistake: Row[Any]) -> None:
    agent = AGENT.with_mistake(mistake)
    walk = Walk(agent, SecondStart.EXECUTES, of_reversal(agent))
    assert next(walk.stories(), None) is not None, f"not found in {walk.worlds} worlds"
