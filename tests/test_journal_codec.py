"""Any checkout survives the journal, and its changes make it up again."""

import dataclasses
import types
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.card import CardNumber
from agent.checkout.events import BasketSet, CardSet, ReadAnswered
from agent.checkout.state import Checkout, Phase, Situation
from agent.journal import codec
from agent.journal.errors import Damaged
from tests.journal_entries import DIGITS, WALL, new, sale, situation

_PLAIN: dict[object, st.SearchStrategy[object]] = {
    str: st.text(max_size=8),
    int: st.integers(-(2**63), 2**63 - 1),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    type(None): st.none(),
    datetime: st.datetimes(
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    ),
}
_JSON = st.recursive(
    st.none() | st.booleans() | _PLAIN[int] | _PLAIN[float] | _PLAIN[str],
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_PLAIN[str], inner, max_size=2),
    max_leaves=4,
)


def anything(kind: object) -> st.SearchStrategy[object]:
    """Return all values of a type that a checkout is made of."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    if isinstance(kind, type) and get_origin(kind) is None:
        return any_instance(kind)
    arguments = get_args(kind)
    match get_origin(kind):
        case origin if origin in {types.UnionType, Union}:
            return st.one_of(*map(anything, arguments))
        case origin if origin is Literal:
            return st.sampled_from(arguments)
        case origin if origin is tuple:
            return st.lists(anything(arguments[0]), max_size=2).map(tuple)
    assert get_origin(kind) is dict, kind
    return st.dictionaries(_PLAIN[str], _JSON, max_size=2)


def any_instance(kind: type) -> st.SearchStrategy[object]:
    if issubclass(kind, StrEnum):
        return st.sampled_from(list(kind))
    assert dataclasses.is_dataclass(kind), kind
    return st.builds(kind, **{name: anything(hint) for name, hint in get_type_hints(kind).items()})


CHECKOUTS: st.SearchStrategy[Checkout] = anything(Checkout)  # type: ignore[assignment]  # by construction
FIELDS = [field.name for field in dataclasses.fields(Checkout)]


@given(CHECKOUTS)
def test_a_checkout_is_the_same_after_writing_and_reading(checkout: Checkout) -> None:
    assert checkout == codec.decode_checkout(codec.encode_checkout(checkout))


@given(CHECKOUTS, CHECKOUTS, st.lists(st.sampled_from(FIELDS)))
def test_the_changes_laid_over_each_other_are_the_state(first: Checkout, other: Checkout, names: list[str]) -> None:
    second = dataclasses.replace(first, **{name: getattr(other, name) for name in names})

    changes = [codec.encode_changes(None, first), codec.encode_changes(first, second)]

    assert second == codec.as_checkout(codec.lay_all_over(changes))


def test_a_change_holds_the_fields_that_differ_and_no_others() -> None:
    before = new("co_1").checkout
    assert before is not None

    changes = codec.encode_changes(before, dataclasses.replace(before, phase=Phase.DUE, amount_due=296))

    assert codec.decode_object(changes) == {"phase": "due", "amount_due": 296}


def test_an_event_is_small_because_the_long_fields_stand_in_the_changes() -> None:
    answered = sale("co_1")[-1].event
    basket_set = sale("co_1")[0].event
    assert isinstance(basket_set, BasketSet)

    assert codec.decode_object(codec.encode_event(basket_set)) == {}
    data = codec.decode_object(codec.encode_event(answered))
    assert isinstance(data["facts"], dict)
    assert (data["number"], data["facts"]["id"], data["facts"]["sum"]) == (3, "STX_1", 796)
    assert not {"products", "receipt"} & data["facts"].keys()


def test_what_was_known_is_kept_and_its_wall_time_is_not_repeated() -> None:
    assert codec.decode_object(codec.encode_situation(situation())) == {
        "now_s": 1.5,
        "api": "online",
        "drawer": "closed",
        "room": True,
        "offline_refusal": None,
        "card_waiting": False,
        "front_taken": False,
        "cash_awaited": False,
        "balance_in_use": False,
        "end_of_day": None,
        "reversal_over": False,
    }


def test_an_event_with_a_card_holds_the_masked_number() -> None:
    data = codec.decode_object(codec.encode_event(CardSet(number=str(CardNumber(DIGITS)))))

    assert data == {"number": "9276********2845", "same": False}


@given(anything(ReadAnswered), anything(Situation))
def test_every_event_and_situation_can_be_written(event: ReadAnswered, known: Situation) -> None:
    codec.decode_object(codec.encode_event(event))
    codec.decode_object(codec.encode_situation(known))


@given(st.lists(anything(datetime), min_size=2, max_size=2))
def test_stored_times_sort_as_the_times_do(times: list[datetime]) -> None:
    earlier, later = sorted(times)

    assert codec.encode_time(earlier) <= codec.encode_time(later)
    assert later == codec.decode_time(codec.encode_time(later))


def test_times_are_stored_in_utc() -> None:
    local = WALL.astimezone(timezone(timedelta(hours=2)))

    assert codec.encode_time(local) == "2026-03-02T09:00:00.000000+00:00"
    assert codec.decode_time(codec.encode_time(local)).tzinfo == UTC


@pytest.mark.parametrize("state", ["", "{", "[]", '{"id": "co_1"}', '{"id": "9276004429942845"}'])
def test_a_state_that_is_no_checkout_is_damage_and_not_shown(state: str) -> None:
    with pytest.raises(Damaged) as caught:
        codec.decode_checkout(state)

    assert "9276" not in str(caught.value)
    assert caught.value.__suppress_context__


@given(st.text())
def test_any_other_text_is_damage(text: str) -> None:
    for decode in (codec.decode_checkout, codec.decode_time, codec.decode_object):
        try:
            decode(text)
        except Damaged:
            continue
