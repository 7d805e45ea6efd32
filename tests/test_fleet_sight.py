"""What somebody sees who watches the fleet: who needs somebody comes first, and no strange message is an error."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.fleet.payloads import Presence, State
from agent.fleet.sight import HEADER, Sight, rows, summary
from agent.kiosk.event_answers import ConnectionAnswer, DeviceAnswer

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
WELL = State(
    at=NOW,
    version="1.0",
    busy=False,
    recording=True,
    connection=ConnectionAnswer(api="online", since=NOW),
    devices=(DeviceAnswer(name="counter", kind="scanner", state="present"),),
    drawer=None,
    waiting_payments=0,
    attention=0,
    oldest_waiting_since=None,
    oldest_waiting_s=None,
    newest_event="0123456789j-1",
)


def sight(*tills: tuple[str, bool, State]) -> Sight:
    seen = Sight("tillwire")
    for till, online, state in tills:
        assert seen.hear(f"tillwire/{till}/presence", Presence(online=online, at=NOW, version="1.0").as_json())
        assert seen.hear(f"tillwire/{till}/state", state.as_json())
    return seen


def test_the_tills_that_need_somebody_come_first() -> None:
    seen = sight(
        ("a", True, WELL),
        ("b", False, WELL),
        ("c", True, WELL.model_copy(update={"waiting_payments": 1, "oldest_waiting_since": NOW - timedelta(hours=5)})),
        ("d", True, WELL.model_copy(update={"waiting_payments": 1, "attention": 1})),
        ("e", True, WELL.model_copy(update={"recording": False})),
    )
    shown = list(rows(seen.tills, NOW))
    assert [row[0] for row in shown] == ["d", "c", "b", "e", "a"]
    assert shown[1][5:7] == ("1", "5 h")
    assert shown[3][1] == "DOES NOT RECORD"
    assert all(len(row) == len(HEADER) for row in shown)
    assert summary(seen.tills) == "5 tills, 4 online; 2 payments wait, 1 need a person"


def test_a_device_that_is_missing_is_named() -> None:
    lost = WELL.model_copy(update={"devices": (DeviceAnswer(name="drawer", kind="drawer", state="lost"),)})
    assert next(rows(sight(("a", True, lost)).tills, NOW))[4] == "drawer lost"


def test_what_a_newer_till_tells_besides_is_passed_over() -> None:
    newer = json.loads(WELL.as_json())
    for part in (newer, newer["connection"], newer["devices"][0]):
        part["more"] = 1
    seen = Sight("tillwire")
    assert seen.hear("tillwire/a/state", json.dumps(newer).encode())
    assert seen.tills["a"].state == WELL


def test_a_till_that_told_only_its_presence_has_a_row() -> None:
    seen = Sight("tillwire")
    seen.hear("tillwire/a/presence", Presence(online=True, at=NOW, version="1.0").as_json())
    assert next(rows(seen.tills, NOW))[:2] == ("a", "online")


@pytest.mark.parametrize("topic", ["tillwire/a/event", "other/a/state", "tillwire/a/b/state", ""])
def test_other_topics_are_passed_over(topic: str) -> None:
    assert not Sight("tillwire").hear(topic, WELL.as_json())


@given(st.binary(max_size=200))
def test_whatever_stands_on_the_broker_is_never_an_error(payload: bytes) -> None:
    seen = Sight("tillwire")
    assert not seen.hear("tillwire/a/state", payload)
    assert seen.tills == {}


def test_a_till_that_tells_what_a_terminal_would_obey_is_shown_without_it() -> None:
    tills = sight(("till-1", True, WELL.model_copy(update={"version": "1.0\x1b[2J\n"}))).tills
    (row,) = rows(tills, NOW)
    assert row[-1] == "1.0?[2J?"
