"""Checkouts and events as JSON, and back.

A stored event says what changed: the fields of the checkout that are another object than before, the field's whole
value each. `step` makes a new checkout by `replace`, which leaves the objects of all other fields alone, so this costs
a look at each field and never misses a change. All changes of a checkout, one laid over the other, are its state.

This is on the way from the closing drawer to `start/cash`, hence the adapter that is built once; with the first entry
and not at the start, which a till without open checkouts is through before.
"""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from agent.checkout.state import Checkout, Json, Situation
from agent.journal.errors import Damaged

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_FIELDS = tuple(field.name for field in fields(Checkout))
_VALUES = attrgetter(*_FIELDS)
# Long, and in `changes` already where the checkout kept it.
_NOT_IN_DATA: Mapping[str, bool | Mapping[str, bool]] = {
    "basket": True,
    "bonus_products": True,
    "rules": True,
    "facts": {"products": True, "receipt": True},
}
_AS_COLUMN = {"wall"}


@cache
def _adapter() -> TypeAdapter[Checkout]:
    return TypeAdapter(Checkout)


def encode_checkout(checkout: Checkout) -> str:
    return _adapter().dump_json(checkout).decode()


def decode_checkout(state: str) -> Checkout:
    """Raise Damaged, without the content, if this is no checkout."""
    try:
        return _adapter().validate_json(state)
    except ValidationError:
        raise Damaged("the state of a checkout can't be read") from None


def encode_changes(before: Checkout | None, after: Checkout) -> str:
    """Return the fields that differ as a JSON object; all of them where nothing was before."""
    if before is None:
        return encode_checkout(after)
    values = zip(_FIELDS, _VALUES(before), _VALUES(after), strict=True)
    changed = {name for name, old, new in values if old is not new}
    return _adapter().dump_json(after, include=changed).decode()


def lay_over(state: Json, changes: str) -> Json:
    """Return the state after these changes, still as JSON."""
    return state | decode_object(changes)


def lay_all_over(changes: Iterable[str]) -> Json:
    state: Json = {}
    for each in changes:
        state = lay_over(state, each)
    return state


def as_checkout(state: Json) -> Checkout:
    """Raise Damaged, without the content, if this is no checkout."""
    try:
        return _adapter().validate_python(state)
    except ValidationError:
        raise Damaged("the changes of a checkout don't make up a checkout") from None


def encode_event(event: "DataclassInstance") -> str:
    """Return the event's fields as a JSON object, without the long ones that stand in the checkout's changes."""
    return to_json(event, exclude=_NOT_IN_DATA).decode()


def encode_situation(situation: Situation) -> str:
    """Return what was known, without the wall time, which has its own column."""
    return to_json(situation, exclude=_AS_COLUMN).decode()


def decode_object(text: str) -> Json:
    """Raise Damaged, without the content, if this is no JSON object."""
    try:
        decoded = from_json(text)
    except ValueError:
        decoded = None
    if not isinstance(decoded, dict):
        raise Damaged("an entry is not a JSON object")
    return decoded


def encode_time(wall: datetime) -> str:
    """Return the time in UTC, always of the same length, so that texts sort as times do."""
    return wall.astimezone(UTC).isoformat(timespec="microseconds")


def decode_time(text: str) -> datetime:
    """Raise Damaged if this is no time."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Damaged("the time of an entry can't be read") from None
