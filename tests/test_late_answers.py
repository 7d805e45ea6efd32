"""What the API says about a checkout that is over: when a person must look."""

from dataclasses import replace

import pytest

from agent.checkout.events import CancelAnswered, ReadAnswered, StartAnswered
from agent.checkout.late_answers import contradicts
from agent.checkout.state import Checkout, Outcome, Phase, Resolution
from tests.checkouts import NOW_S, facts, new_checkout, reversal_of, sold


def closed(checkout: Checkout, outcome: Outcome) -> Checkout:
    resolution = Resolution(outcome=outcome, note="looked", by="Eva")
    return replace(checkout, phase=Phase.RESOLVED, resolution=resolution)


def ended(checkout: Checkout, phase: Phase) -> Checkout:
    return replace(checkout, phase=phase)


def says_otherwise(checkout: Checkout, status: str) -> bool:
    said = facts(status)
    answers = (
        StartAnswered(number=1, facts=said),
        ReadAnswered(number=1, begun_s=NOW_S, facts=said),
        CancelAnswered(number=1, facts=said),
    )
    [verdict] = {contradicts(checkout, answer) for answer in answers}
    return verdict


SALE = new_checkout()
REVERSAL = reversal_of(sold())


@pytest.mark.parametrize("status", ["ok", "finished"])
@pytest.mark.parametrize(
    "over",
    [ended(SALE, Phase.CANCELLED), ended(SALE, Phase.FAILED), closed(SALE, "not_executed"), closed(SALE, "refunded")],
)
def test_executed_after_an_end_without_booking_is_a_persons_to_look_at(over: Checkout, status: str) -> None:
    assert says_otherwise(over, status)
    assert not says_otherwise(over, "created")
    assert not says_otherwise(over, "cancelled")


@pytest.mark.parametrize("over", [ended(SALE, Phase.COMPLETED), closed(SALE, "executed")])
def test_executed_is_nothing_new_where_it_was_booked(over: Checkout) -> None:
    assert not says_otherwise(over, "ok")


@pytest.mark.parametrize("over", [ended(REVERSAL, Phase.FAILED), closed(REVERSAL, "not_executed")])
def test_taken_back_after_a_reversal_that_took_nothing_back_is_a_persons_to_look_at(over: Checkout) -> None:
    assert says_otherwise(over, "cancelled")
    assert not says_otherwise(over, "ok"), "the payment stands, as the till has it"


@pytest.mark.parametrize("over", [ended(REVERSAL, Phase.COMPLETED), closed(REVERSAL, "refunded")])
def test_taken_back_is_nothing_new_where_the_money_was_given_back(over: Checkout) -> None:
    assert not says_otherwise(over, "cancelled")
