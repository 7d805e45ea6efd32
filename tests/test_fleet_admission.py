"""What is let in as a command, and what is not, whatever it is."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.admission import LONGEST_LIFE, MOST_BYTES, MOST_SKEW, Allowed, Arrived, Refused, admitted
from agent.fleet.payloads import Change, Check, Refusal

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALLOWED = Allowed(
    senders=frozenset({"head-office"}),
    commands=frozenset({"check", "change"}),
    may_change=frozenset({"offline.max_payments"}),
)
CHECK = {"id": "0123456789abcdef0123", "command": "check", "issued": NOW, "expires": NOW + timedelta(minutes=1)}


def arrived(command: object, sender: str = "head-office", *, retained: bool = False) -> Arrived:
    return Arrived(sender=sender, payload=json.dumps(command, default=datetime.isoformat).encode(), retained=retained)


def refusal(message: Arrived, now: datetime = NOW) -> Refusal | None:
    found = admitted(message, ALLOWED, now)
    return found.reason if isinstance(found, Refused) else None


def test_a_command_that_the_till_allows_is_let_in() -> None:
    found = admitted(arrived(CHECK), ALLOWED, NOW)
    assert isinstance(found, Check)
    assert found.id == CHECK["id"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"command": "restart"}, "not_allowed"),
        ({"command": "open-drawer"}, "unknown_command"),
        ({"command": "confirm"}, "unknown_command"),
        ({"id": "short"}, "not_a_command"),
        ({"id": "x" * 65}, "not_a_command"),
        ({"id": "9276004429942845"}, "not_a_command"),
        ({"command": "9276004429942845"}, "not_a_command"),
        ({"issued": "2026-03-02T09:00:00"}, "not_a_command"),
        ({"more": 1}, "not_a_command"),
        ({"command": "change", "values": {}}, "not_a_command"),
        ({"command": "change", "values": {"offline.max_payments": [1]}}, "not_a_command"),
        ({"command": "change", "values": {"offline.max_total": 1}}, "not_changeable"),
        ({"command": "change", "values": {"offline.max_payments": 1, "api.base_url": "x"}}, "not_changeable"),
        ({"expires": NOW + LONGEST_LIFE + timedelta(seconds=1)}, "lives_too_long"),
        ({"issued": NOW - timedelta(minutes=2), "expires": NOW}, "expired"),
        ({"issued": NOW + MOST_SKEW + timedelta(seconds=1), "expires": NOW + timedelta(minutes=9)}, "not_yet"),
    ],
)
def test_what_is_refused(changed: dict[str, object], reason: str) -> None:
    assert refusal(arrived(CHECK | changed)) == reason


def test_a_senders_clock_may_be_a_little_ahead() -> None:
    ahead = {"issued": NOW + MOST_SKEW, "expires": NOW + timedelta(minutes=9)}
    assert refusal(arrived(CHECK | ahead)) is None


def test_who_is_not_named_is_refused_before_anything_is_read() -> None:
    assert refusal(arrived(CHECK, "store-12-till-4")) == "unknown_sender"


def test_a_retained_command_is_refused() -> None:
    assert refusal(arrived(CHECK, retained=True)) == "retained"


def test_a_command_that_is_too_large_is_not_read() -> None:
    assert refusal(arrived(CHECK | {"more": "x" * MOST_BYTES})) == "too_large"


def test_a_change_of_what_may_be_changed_is_let_in() -> None:
    found = admitted(arrived(CHECK | {"command": "change", "values": {"offline.max_payments": 7}}), ALLOWED, NOW)
    assert isinstance(found, Change)
    assert found.values == {"offline.max_payments": 7}


@given(
    st.binary(max_size=300)
    | st.recursive(st.text(max_size=9) | st.integers(), st.lists, max_leaves=9).map(json.dumps).map(str.encode)
)
def test_whatever_comes_is_refused_and_never_an_error(payload: bytes) -> None:
    found = admitted(Arrived(sender="head-office", payload=payload, retained=False), ALLOWED, NOW)
    assert isinstance(found, Refused)


@given(
    st.sampled_from(sorted(CHECK)),
    st.none() | st.text(max_size=70) | st.integers() | st.floats() | st.datetimes(timezones=st.just(UTC)),
)
def test_one_wrong_field_is_never_an_error(field: str, value: object) -> None:
    admitted(arrived(CHECK | {field: value}), ALLOWED, NOW)
