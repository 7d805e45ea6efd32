"""What the fleet is shown of a till: what waits and since when, and nothing that somebody typed by mistake."""

from dataclasses import replace
from datetime import timedelta

from agent.checkout.events import ApplyAsked, PayAsked
from agent.checkout.state import Checkout, Json, Phase
from agent.fleet.payloads import State
from agent.fleet.view import Standing, checkout_standing, event_of, says_the_same, state_of
from agent.journal.event_id import EventId
from agent.journal.records import StoredEvent
from agent.till.connection import Connection
from tests import checkouts as c
from tests.journal_entries import DIGITS

NEWEST = EventId("0123456789j", 7)
STARTING = c.after(c.new_checkout(), ApplyAsked(), c.saved(), PayAsked(method="cash", amount=796), c.cash_in())
UNSURE = c.after(STARTING, c.unknown)
ATTENTION = c.after(STARTING, c.refused(), c.read("failed"))


def waits(checkout: Checkout, minutes: int) -> Checkout:
    return replace(checkout, id=f"co_{minutes}", waiting_since=c.WALL - timedelta(minutes=minutes))


def shown(*checkouts: Checkout) -> State:
    standing = Standing(
        version="1.0",
        busy=False,
        recording=True,
        connection=Connection(api="online", since=c.WALL),
        devices=(),
        drawer=None,
        open_checkouts=checkouts,
    )
    return state_of(standing, NEWEST, c.WALL)


def test_the_state_says_how_many_payments_wait_since_when_and_how_many_need_a_person() -> None:
    state = shown(c.new_checkout(), waits(UNSURE, 5), waits(ATTENTION, 20), waits(STARTING, 1))
    assert (state.waiting_payments, state.attention) == (3, 1)
    assert state.oldest_waiting_since == c.WALL - timedelta(minutes=20)
    assert state.oldest_waiting_s == 20 * 60
    assert state.newest_event == str(NEWEST)


def test_what_is_unsure_for_an_hour_needs_a_person() -> None:
    assert UNSURE.phase is Phase.UNSURE
    assert shown(waits(UNSURE, 59)).attention == 0
    assert shown(waits(UNSURE, 60)).attention == 1


def test_a_till_without_open_payments_has_no_oldest() -> None:
    state = shown(c.new_checkout())
    assert (state.waiting_payments, state.oldest_waiting_since, state.oldest_waiting_s) == (0, None, None)


def test_a_clock_that_was_set_back_gives_no_negative_age() -> None:
    assert shown(waits(UNSURE, -5)).oldest_waiting_s == 0


def test_a_state_is_told_again_only_for_what_changed() -> None:
    state = shown(waits(UNSURE, 5))
    later = state.model_copy(update={"at": c.WALL + timedelta(minutes=1), "oldest_waiting_s": 360.0})
    assert says_the_same(later, state)
    assert not says_the_same(shown(), state)
    assert not says_the_same(state, None)


def test_what_was_unexpected_is_told_with_what_it_says() -> None:
    data: Json = {"what": "read", "contradicts": True, "checkout_id": "co_1", "phase": "resolved", "status": "ok"}
    stored = StoredEvent(
        sequence=7, checkout_id=None, kind="UnexpectedTold", at=c.WALL, data=data, situation={}, checkout=None
    )
    said = event_of(stored, "0123456789j").unexpected
    assert said is not None
    assert (said.what, said.contradicts, said.checkout, said.status) == ("read", True, "co_1", "ok")


def test_a_card_number_that_somebody_typed_into_a_reference_is_masked() -> None:
    standing = checkout_standing(replace(c.new_checkout(), merchantRef=f"card {DIGITS}"))
    assert DIGITS not in standing.model_dump_json()
    assert standing.merchantRef == "card 9276********2845"
