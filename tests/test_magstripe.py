"""Stripes: tracks, error marks, check characters, and what readers put around them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.interface import Torn
from device.magstripe import Track, split_tracks, without_wrapping

CARD = "9276004429942845"
TRACK_1 = f"%B{CARD}^MUSTER/ERIKA^2512101?"
TRACK_2 = f";{CARD}=2512101?"
TRACK_3 = f"+01{CARD}=1?"


@pytest.mark.parametrize(
    "stripe",
    [TRACK_1, TRACK_2, TRACK_3, TRACK_1 + TRACK_2, TRACK_2 + TRACK_3, TRACK_1 + TRACK_2 + TRACK_3, f";{CARD}?"],
)
def test_a_whole_stripe_stays_as_it_is(stripe: str) -> None:
    assert without_wrapping(stripe) == stripe


@pytest.mark.parametrize("stripe", ["%E?", ";E?", "+E?", "%E?;E?", "%E?;E?+E?"])
def test_a_stripe_of_which_nothing_was_read_is_an_error_of_the_reader(stripe: str) -> None:
    assert without_wrapping(stripe) is Torn.READER_ERROR


def test_one_readable_track_is_enough() -> None:
    assert without_wrapping(f"%E?{TRACK_2}+E?") == f"%E?{TRACK_2}+E?"


@pytest.mark.parametrize(
    "text", [f";9276{TRACK_2}", f"{TRACK_2}{TRACK_2}", f"%B9276{TRACK_1}", f"{TRACK_1}{TRACK_1}", ";92760044;29942845?"]
)
def test_a_second_swipe_inside_a_first_is_seen(text: str) -> None:
    assert without_wrapping(text) is Torn.INTERLEAVED


@pytest.mark.parametrize(
    "text", [CARD, "4006381333931", "%SALE", ";note; two", "+A123BJC5D6E71", "%A?", "a;b;c", f";{CARD}"]
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert without_wrapping(text) == text


@pytest.mark.parametrize("sensor", ["", "0", "1"])
@pytest.mark.parametrize("escape", ["", "\x1b"])
def test_escape_and_sensor_of_an_insertion_reader_are_taken_off(escape: str, sensor: str) -> None:
    assert without_wrapping(f"{escape}{TRACK_1}{TRACK_2}{sensor}") == TRACK_1 + TRACK_2


@pytest.mark.parametrize("sensor", ["0", "1"])
def test_a_card_put_in_or_taken_out_without_being_read_is_nothing(sensor: str) -> None:
    assert without_wrapping(f"\x1b{sensor}") == ""


def test_the_check_character_is_the_exclusive_or_of_the_whole_track() -> None:
    """Track 2 of two zeros: B (;) and 0, 0 and F (?) make 4."""
    assert [Track(";", "00").lrc, Track("+", "00").lrc] == ["4", "4"]
    assert Track("%", "B^").lrc == chr((5 ^ 0x22 ^ 0x3E ^ 0x1F) + 0x20)


def test_check_characters_are_taken_off_when_they_are_right() -> None:
    first, second = Track("%", "B1^X^2512"), Track(";", "1=2512")
    assert without_wrapping(f"{first.text}{first.lrc}{second.text}{second.lrc}1") == first.text + second.text


def test_a_stripe_with_a_wrong_check_character_is_none() -> None:
    track = Track(";", CARD)
    wrong = chr(ord(track.lrc) ^ 1)
    assert wrong not in "01"
    assert split_tracks(f"{track.text}{wrong}") == ()


@given(
    st.from_regex(r"[ -$&-*,-:<->@-_]{0,76}", fullmatch=True),
    st.from_regex(r"[0-9:<=>]{0,37}", fullmatch=True),
    st.data(),
)
def test_tracks_are_found_whatever_they_and_their_check_characters_are(
    first: str, second: str, data: st.DataObject
) -> None:
    tracks = (Track("%", first), Track(";", second))
    checked = data.draw(st.booleans())
    text = "".join(track.text + (track.lrc if checked else "") for track in tracks)
    assert split_tracks(text) == tracks
