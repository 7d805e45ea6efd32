"""A frozen value is what a dataclass of the standard library would be."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from agent.values import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class Value:
    name: str
    count: int = 7
    lines: tuple[str, ...] = ()
    found: list[int] = dataclasses.field(default_factory=list)
    secret: str = dataclasses.field(default="hidden", repr=False)


class Standard:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Value:
        name: str
        count: int = 7
        lines: tuple[str, ...] = ()
        found: list[int] = dataclasses.field(default_factory=list)
        secret: str = dataclasses.field(default="hidden", repr=False)


GIVEN = st.fixed_dictionaries(
    {"name": st.text()},
    optional={
        "count": st.integers(),
        "lines": st.tuples(st.text()),
        "found": st.lists(st.integers()),
        "secret": st.text(),
    },
)


@given(GIVEN)
def test_it_holds_what_the_standard_one_holds(fields: dict[str, object]) -> None:
    value, standard = Value(**fields), Standard.Value(**fields)  # type: ignore[arg-type]  # drawn to fit

    assert dataclasses.asdict(value) == dataclasses.asdict(standard)
    assert repr(value) == repr(standard).removeprefix("Standard.")
    assert TypeAdapter(Value).dump_json(value) == TypeAdapter(Standard.Value).dump_json(standard)
    assert TypeAdapter(Value).validate_python(dataclasses.asdict(value)) == value


@given(GIVEN, GIVEN)
def test_two_are_equal_where_the_standard_ones_are(one: dict[str, object], other: dict[str, object]) -> None:
    standard = Standard.Value(**one) == Standard.Value(**other)  # type: ignore[arg-type]  # drawn to fit

    assert (Value(**one) == Value(**other)) is standard  # type: ignore[arg-type]  # as above


def test_equal_ones_have_the_same_hash() -> None:
    one, other = (replace(Value(name="a"), found=()) for _ in range(2))  # type: ignore[arg-type]  # a list has none

    assert hash(one) == hash(other)


def test_another_class_with_the_same_fields_is_another_value() -> None:
    standard: object = Standard.Value(name="a")

    assert Value(name="a") != standard


def test_nothing_can_be_set_or_deleted() -> None:
    value = Value(name="a")

    with pytest.raises(dataclasses.FrozenInstanceError):
        value.name = "b"  # type: ignore[misc]  # that is the point
    with pytest.raises(dataclasses.FrozenInstanceError):
        del value.name
    assert value.name == "a"


@pytest.mark.parametrize("fields", [{}, {"count": 1}, {"name": "a", "unknown": 1}])
def test_a_missing_or_unknown_field_is_refused_by_name(fields: dict[str, object]) -> None:
    with pytest.raises(TypeError, match="unknown" if "name" in fields else "name"):
        Value(**fields)  # type: ignore[arg-type]  # that is the point


def test_each_value_has_its_own_made_default() -> None:
    Value(name="a").found.append(1)

    assert Value(name="b").found == []


def test_replacing_makes_another_value_and_leaves_the_first() -> None:
    value = Value(name="a", lines=("x",))

    assert replace(value, count=8) == dataclasses.replace(value, count=8) == Value(name="a", count=8, lines=("x",))
    assert value.count == 7
