"""Texts to keys, as readers type them."""

import pytest

from device.key_decoder import EV_KEY, EV_SYN, InputEvent
from device.keystrokes import EV_MSC, CannotType, Stroke, alt_strokes, key_events, strokes


def test_a_digit_is_pressed_and_released_in_six_events() -> None:
    """As observed (hardware.md 3.2): the scan code, the key, the end of the report, twice."""
    events = list(key_events(strokes("9", "us", "none"), 1.0, 0.01))
    assert [(event.type, event.value) for event in events if event.type != EV_MSC] == [
        (EV_KEY, 1),
        (EV_SYN, 0),
        (EV_KEY, 0),
        (EV_SYN, 0),
    ]
    assert [event.type for event in events] == [EV_MSC, EV_KEY, EV_SYN] * 2


def test_a_shifted_character_holds_shift_around_its_key() -> None:
    events = [event for event in key_events(strokes("?", "us", "none"), 0.0, 0.5) if event.type == EV_KEY]
    assert events == [
        InputEvent(0.0, EV_KEY, 42, 1),
        InputEvent(0.0, EV_KEY, 53, 1),
        InputEvent(0.25, EV_KEY, 53, 0),
        InputEvent(0.25, EV_KEY, 42, 0),
    ]


def test_a_dead_key_is_followed_by_space() -> None:
    assert strokes("^", "de", "none") == [Stroke(41), Stroke(57)]


def test_the_suffix_is_the_last_key() -> None:
    assert [strokes("1", "us", suffix)[-1].key for suffix in ("enter", "tab", "none")] == [28, 15, 2]


def test_alt_mode_holds_alt_for_three_digits() -> None:
    codes = [
        (event.code, event.value) for event in key_events(alt_strokes("A", "none"), 0.0, 0.01) if event.type == EV_KEY
    ]
    assert codes == [(56, 1), (82, 1), (82, 0), (77, 1), (77, 0), (76, 1), (76, 0), (56, 0)]


def test_a_text_that_a_layout_cannot_type_is_refused_without_showing_it() -> None:
    with pytest.raises(CannotType) as refused:
        strokes("927600漢", "us", "enter")
    assert "9276" not in str(refused.value)
