"""Whose turn it is, and which card waits elsewhere."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.card import CardNumber
from agent.checkout.handed_over import begin_handed_over
from agent.checkout.state import FINAL, Card, Evidence, HandedOver, Payment, Phase
from agent.till.open_checkouts import FIRST_TURN_PAUSE_S, LONGEST_TURN_PAUSE_S, Kept, OpenCheckouts, Turns
from tests.checkouts import NOW_S, RULES, WALL, reversal_of, sold
from tests.test_checkout import IN_EACH_PHASE

CARD, OTHER_CARD = CardNumber("9276004429942845"), CardNumber("9276004400000001")


def kept(phase: Phase, name: str, *, card: CardNumber | None = None, minutes: int = 0) -> Kept:
    checkout = IN_EACH_PHASE[phase]
    since = checkout.created + timedelta(minutes=minutes)
    return Kept(replace(checkout, id=name, waiting_since=since, asking=None), card)


def till_with(*several: Kept) -> OpenCheckouts:
    checkouts = OpenCheckouts()
    for each in several:
        checkouts.keep(each)
    return checkouts


def test_the_oldest_confirmed_payment_has_its_turn_first() -> None:
    """Also where the clock was set back before the later one was paid."""
    earlier, later = kept(Phase.CONFIRMED, "co_b", minutes=2), kept(Phase.CONFIRMED, "co_a", minutes=1)
    assert till_with(earlier, later).next_turn(NOW_S) is earlier


def test_the_oldest_has_its_turn_first_though_it_was_tried_before() -> None:
    earlier, later = kept(Phase.CONFIRMED, "co_b"), kept(Phase.CONFIRMED, "co_a")
    earlier.turns.take(NOW_S, jitter=1.0)
    till = till_with(earlier, later)
    assert till.next_turn(NOW_S) is later
    assert till.next_turn(NOW_S + FIRST_TURN_PAUSE_S) is earlier


def test_nobody_has_a_turn_while_one_is_being_booked() -> None:
    assert till_with(kept(Phase.CONFIRMED, "co_a"), kept(Phase.STARTING, "co_b")).next_turn(NOW_S) is None


@pytest.mark.parametrize("phase", Phase)
def test_cash_waits_until_its_booking_is_known(phase: Phase) -> None:
    evidence = Evidence(kind="drawer-closed", amount=796, at=WALL)
    checkout = replace(IN_EACH_PHASE[phase], payment=Payment(method="cash", amount=796, evidence=evidence))
    assert Kept(checkout).cash_waits == (phase in {Phase.CONFIRMED, Phase.STARTING, Phase.UNSURE})
    assert not Kept(replace(checkout, payment=Payment(method="cashless", amount=796))).cash_waits


def test_the_pause_between_two_turns_is_capped() -> None:
    turns = Turns()
    for _ in range(3000):
        turns.take(0.0, jitter=1.0)
    assert turns.not_before_s == LONGEST_TURN_PAUSE_S
    turns.take(0.0, jitter=0.0)
    assert turns.not_before_s == LONGEST_TURN_PAUSE_S / 2


def test_somebody_else_was_served_though_nobody_is_now() -> None:
    """Who waits for a start comes back to no till that was another's meanwhile."""
    waits = kept(Phase.UNSURE, "co_a")
    assert waits.checkout.started_s is not None
    till, later_s = till_with(waits), waits.checkout.started_s + 60.0
    till.customer_came(waits.checkout.started_s - 1.0)
    assert not till.front_taken(waits, later_s)
    till.customer_came(waits.checkout.started_s + 1.0)
    assert till.front_taken(waits, later_s)


def test_a_card_waits_while_another_checkout_with_it_has_taken_money() -> None:
    mine = kept(Phase.DRAFT, "co_mine", card=CARD)
    assert till_with(mine, kept(Phase.UNSURE, "co_other", card=CARD)).card_waits(CARD, mine)
    assert not till_with(mine, kept(Phase.UNSURE, "co_other")).card_waits(CARD, mine)
    assert not till_with(mine, kept(Phase.DUE, "co_other", card=CARD)).card_waits(CARD, mine)


def test_a_card_waits_in_what_a_register_handed_over_too() -> None:
    """Found by the simulation of faults: such a card is known masked only."""
    mine, other = kept(Phase.DRAFT, "co_mine", card=CARD), kept(Phase.UNSURE, "co_other")
    said = HandedOver(transaction_id="STX_1", amount_due=356)
    by_register = Kept(replace(other.checkout, handed_over=said, card=Card(number=str(CARD))))
    assert till_with(mine, by_register).card_waits(CARD, mine)


def test_a_card_waits_while_a_payment_with_it_is_being_taken_back() -> None:
    mine, card = kept(Phase.DRAFT, "co_mine", card=CARD), Card(number=str(CARD))
    taken_back = Kept(reversal_of(replace(sold(), card=card)))
    assert till_with(mine, taken_back).card_waits(CARD, mine)
    assert not till_with(mine, taken_back).card_waits(OTHER_CARD, mine)


@pytest.mark.parametrize("phase", sorted(set(IN_EACH_PHASE) - FINAL))
def test_a_balance_is_in_use_from_when_it_is_asked_for_until_the_end(phase: Phase) -> None:
    card = Card(number=str(CARD))
    charged = replace(sold(), card=card)
    other = kept(phase, "co_other")
    with_balance = Kept(replace(other.checkout, card=card, use_balance=True))
    assert till_with(with_balance).balance_in_use(charged) is (phase is not Phase.DRAFT)
    assert not till_with(with_balance).balance_in_use(replace(charged, card=Card(number=str(OTHER_CARD))))
    assert not till_with(with_balance).balance_in_use(replace(charged, card=None))
    assert not till_with(Kept(replace(other.checkout, card=card, use_balance=False))).balance_in_use(charged)


def test_whatever_a_register_hands_over_may_have_the_balance_until_it_was_read() -> None:
    unread, _ = begin_handed_over(HandedOver(transaction_id="STX_1", amount_due=356), "co_other", RULES, NOW_S, WALL)
    assert till_with(Kept(unread)).balance_in_use(replace(sold(), card=Card(number=str(CARD))))


def test_what_is_over_is_forgotten_with_its_card() -> None:
    over = kept(Phase.COMPLETED, "co_over", card=CARD)
    assert till_with(over).find("co_over") is None
    assert over.card is None
