"""What a drawer showed closed and open, and which profiles that fits."""

from dataclasses import replace
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.drawer_learning import Candidate, NothingTold, Shown, candidates, why_nothing
from device.drawer_profile import AsbStatus, DrawerProfile, LineStatus, NoStatus, StreamStatus
from device.drawer_profile_file import load_profile, profile_files
from device.drawer_status import question_of
from device.simulated_firmware import Switch, firmware_of
from device.tty import ModemLines

PROFILES = {name: load_profile(name) for name in profile_files(None)}
TELLING = {name: profile for name, profile in PROFILES.items() if not isinstance(profile.status, NoStatus)}
OFF = ModemLines(cts=False, dsr=False, dcd=False, ri=False)


def shown(profile: DrawerProfile, *, high: bool, offline: bool = False) -> Shown:
    """What the port of a simulated drawer of this profile shows to all questions that there are."""
    firmware, switch, status = firmware_of(profile), Switch(high=high, offline=offline), profile.status
    lines = replace(OFF, **{status.line: high}) if isinstance(status, LineStatus) else OFF
    questions = sorted({question_of(other.status) for other in PROFILES.values()} - {b""})
    if isinstance(status, AsbStatus):
        questions = [question_of(status)]  # nobody who has answered is asked in another language
    answers = {question: firmware.receive(question, switch).answer for question in questions}
    unasked = firmware.repeated(switch) * 10 if isinstance(status, StreamStatus) else b""
    return Shown(lines=lines, unasked=unasked, answers=answers)


@given(st.sampled_from(sorted(TELLING)), st.booleans())
def test_each_model_is_found_with_the_polarity_it_has(name: str, open_is_high: bool) -> None:
    profile = PROFILES[name]
    if isinstance(profile.status, StreamStatus):
        open_is_high = True  # a drawer that streams while it is closed has to be told so by its file
    closed, opened = (shown(profile, high=high) for high in (not open_is_high, open_is_high))
    found = {one.profile: one for one in candidates(PROFILES, closed, opened)}
    open_level: Literal["high", "low"] = "high" if open_is_high else "low"
    as_shipped = profile.open_level == open_level
    assert found[name] == Candidate(profile=name, open_level=open_level, as_shipped=as_shipped)
    assert {type(PROFILES[other].status) for other in found} == {type(profile.status)}


def test_the_line_that_moves_is_found_where_no_profile_names_it() -> None:
    closed, opened = Shown(lines=OFF), Shown(lines=replace(OFF, dsr=True))
    found = candidates(PROFILES, closed, opened)
    assert {one.profile for one in found} == {"apg-212a", "apg-484a", "j2-625", "mmf", "tysso-pcd005r"}
    assert {(one.line, one.open_level, one.as_shipped) for one in found} == {("dsr", "high", False)}


def test_a_profile_whose_own_line_moves_comes_before_one_that_needs_another() -> None:
    """J2 moves CTS and RI together."""
    closed, opened = Shown(lines=OFF), Shown(lines=replace(OFF, cts=True, ri=True))
    found = candidates(PROFILES, closed, opened)
    assert all(one.line is None for one in found)
    assert [one.profile for one in found] == ["apg-212a", "apg-484a", "mmf", "j2-625", "tysso-pcd005r"]


@pytest.mark.parametrize("name", sorted(TELLING))
def test_a_drawer_that_was_not_moved_teaches_nothing(name: str) -> None:
    same = shown(PROFILES[name], high=True)
    assert candidates(PROFILES, same, same) == []


def test_why_nothing_can_be_told_is_said() -> None:
    quiet = Shown(lines=OFF)
    answers = shown(PROFILES["escpos"], high=True)
    assert why_nothing(PROFILES, quiet, quiet) is NothingTold.NOTHING
    assert why_nothing(PROFILES, Shown(lines=None), Shown(lines=None)) is NothingTold.NO_LINES
    assert why_nothing(PROFILES, answers, answers) is NothingTold.SAME_ANSWER
    assert why_nothing(PROFILES, quiet, replace(quiet, unasked=b"\xff\xfe")) is NothingTold.STRANGE
    offline = shown(PROFILES["escpos"], high=True, offline=True)
    assert why_nothing(PROFILES, offline, offline) is NothingTold.OFFLINE


SHOWN = st.builds(
    Shown,
    lines=st.none() | st.builds(ModemLines, cts=st.booleans(), dsr=st.booleans(), dcd=st.booleans(), ri=st.booleans()),
    unasked=st.binary(max_size=20),
    answers=st.dictionaries(st.sampled_from([b"\x06", b"\x10\x04\x01", b"\x1b\x06\x01", b"\x1b\x3a"]), st.binary()),
)


@given(SHOWN, SHOWN)
def test_whatever_came_the_other_way_round_has_the_other_polarity(closed: Shown, opened: Shown) -> None:
    def told(first: Shown, second: Shown) -> set[tuple[str, str | None, bool]]:
        return {(one.profile, one.line, one.open_level == "high") for one in candidates(PROFILES, first, second)}

    assert {(name, line, not high) for name, line, high in told(closed, opened)} == told(opened, closed)
