"""Keys to scans: what is whole is delivered, what is not is thrown away up to its suffix, and reported."""

from collections.abc import Iterable
from itertools import chain

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.interface import Scan, Torn, TornScan
from device.key_decoder import (
    EV_KEY,
    EV_LED,
    EV_SYN,
    IDLE_S,
    LED_CAPSL,
    PRESSED,
    RELEASED,
    SYN_DROPPED,
    InputEvent,
    KeyDecoder,
    KeyReading,
    Suffix,
)
from device.keyboard import KEY_CAPSLOCK
from device.keyboard_layouts import KEY_ENTER, KEY_KPENTER, LAYOUTS, LayoutName
from device.keystrokes import alt_strokes, key_events, strokes
from device.scan_text import MAX_CHARACTERS, Outcome

CARD = "9276004429942845"
F1, BACKSPACE, LEFTSHIFT, KEY_A = 59, 14, 42, 30


def keys(
    text: str, at: float = 1.0, *, layout: LayoutName = "us", suffix: Suffix = "enter", key_s: float = 0.01
) -> list[InputEvent]:
    return list(key_events(strokes(text, layout, suffix), at, key_s))


def decode(events: Iterable[InputEvent], decoder: KeyDecoder | None = None) -> list[Outcome]:
    """What comes of these events, and of a long silence after them."""
    decoder = decoder or KeyDecoder("counter", KeyReading())
    last = 0.0
    outcomes: list[Outcome] = []
    for event in events:
        outcomes.extend(decoder.feed(event))
        last = event.at
    return [*outcomes, *decoder.wake(last + 60)]


def told(outcomes: Iterable[Outcome]) -> list[str | Torn]:
    return [outcome.text if isinstance(outcome, Scan) else outcome.reason for outcome in outcomes]


def dropped(at: float) -> InputEvent:
    return InputEvent(at, EV_SYN, SYN_DROPPED, 0)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("text", [CARD, f"%B{CARD}^MUSTER/ERIKA^2512?;{CARD}=2512?", "Abc-123 $./"])
def test_a_scan_is_delivered_in_every_layout(layout: LayoutName, text: str) -> None:
    events = keys(text, layout=layout)
    decoder = KeyDecoder("counter", KeyReading(layout=layout))
    assert decode(events, decoder) == [Scan(scanner="counter", text=text, at=events[-4].at)]


@given(
    st.sampled_from(sorted(LAYOUTS)), st.text("0123456789ABCXYZabcxyz-/.:; %+=?^", min_size=1, max_size=40), st.data()
)
def test_what_a_layout_can_type_comes_back_whole_or_is_torn(layout: LayoutName, text: str, data: st.DataObject) -> None:
    """Stripes that are cut or doubled are torn; everything else is the text itself."""
    key_s = data.draw(st.floats(0.0005, 0.1))
    decoder = KeyDecoder("counter", KeyReading(layout=layout))
    for outcome in decode(keys(text, layout=layout, key_s=key_s), decoder):
        if isinstance(outcome, Scan):
            assert text.strip() in (outcome.text, outcome.text.strip())
        else:
            assert outcome.reason in (Torn.READER_ERROR, Torn.INTERLEAVED)


def test_the_wrong_layout_makes_no_number() -> None:
    """As a BahnCard looked through a wrongly set reader: keys of a US reader with Shift held, read as German."""
    shifted = chain.from_iterable(key_events(strokes(character, "us", "none"), 1.0, 0.0) for character in ";7081410")
    events = [InputEvent(1.0, EV_KEY, LEFTSHIFT, PRESSED), *shifted, InputEvent(1.0, EV_KEY, LEFTSHIFT, RELEASED)]
    decoder = KeyDecoder("counter", KeyReading(layout="de"))
    assert told(decode([*events, InputEvent(1.0, EV_KEY, KEY_ENTER, PRESSED)], decoder)) == ["Ö/=(!$!="]


def test_alt_mode_types_each_character_by_its_number() -> None:
    assert told(decode(key_events(alt_strokes(CARD, "enter"), 1.0, 0.01))) == [CARD]


@pytest.mark.parametrize("key", [KEY_ENTER, KEY_KPENTER])
def test_both_enter_keys_end_a_scan(key: int) -> None:
    assert told(decode([*keys("123", suffix="none"), InputEvent(1.1, EV_KEY, key, PRESSED)])) == ["123"]


@pytest.mark.parametrize("text", [f"{CARD}\n", f"{CARD}\r"])
def test_control_j_and_control_m_end_a_scan(text: str) -> None:
    letter = {"\n": 36, "\r": 50}[text[-1]]
    control = [InputEvent(1.2, EV_KEY, key, value) for key, value in [(29, 1), (letter, 1), (letter, 0), (29, 0)]]
    assert told(decode([*keys(CARD, suffix="none"), *control, *keys(CARD, 1.3)])) == [CARD, CARD]


def test_tab_ends_a_scan_where_it_is_the_suffix() -> None:
    decoder = KeyDecoder("counter", KeyReading(suffix="tab"))
    assert told(decode(keys(CARD, suffix="tab"), decoder)) == [CARD]


def test_silence_ends_a_scan_without_suffix() -> None:
    decoder = KeyDecoder("counter", KeyReading(suffix="none"))
    for event in keys(CARD, suffix="none"):
        assert decoder.feed(event) == ()
    due = decoder.wake_at()
    assert due is not None
    assert decoder.wake(due - 0.001) == ()
    assert told(decoder.wake(due)) == [CARD]
    assert decoder.wake_at() is None


def test_an_enter_in_front_of_a_code_and_a_second_one_after_it_mean_nothing() -> None:
    enter = [InputEvent(0.9, EV_KEY, KEY_ENTER, PRESSED), InputEvent(0.9, EV_KEY, KEY_ENTER, RELEASED)]
    again = [event._replace(at=1.2) for event in enter]
    assert told(decode([*enter, *keys(CARD), *again])) == [CARD]


def test_a_reader_of_100_ms_a_key_is_read() -> None:
    assert told(decode(keys(CARD, key_s=0.1))) == [CARD]


def test_what_the_keyboard_repeats_by_itself_types_nothing_and_is_no_sign_of_life() -> None:
    events = keys(CARD)
    repeats = [InputEvent(1.0 + n * 0.033, EV_KEY, 10, 2) for n in range(300)]
    late = [event._replace(at=event.at + 9) for event in events[20:]]
    assert told(decode([*events[:20], *repeats, *late])) == [Torn.STALLED, Torn.STALLED]


def test_an_aim_identifier_becomes_the_symbology() -> None:
    assert decode(keys(f"]C0{CARD}")) == [Scan(scanner="counter", text=CARD, symbology="]C0", at=1.19)]


def test_a_configured_prefix_is_taken_off() -> None:
    assert told(decode(keys(f"*{CARD}"), KeyDecoder("counter", KeyReading(prefix="*")))) == [CARD]


def test_a_text_without_the_configured_prefix_has_lost_its_beginning() -> None:
    assert told(decode(keys(CARD), KeyDecoder("counter", KeyReading(prefix="*")))) == [Torn.DROPPED]


def test_a_second_prefix_inside_means_a_second_scan_and_the_rest_of_the_first_is_thrown_away_too() -> None:
    decoder = KeyDecoder("counter", KeyReading(prefix="*"))
    events = [*keys("*9276", suffix="none"), *keys(f"*{CARD}", 1.1), *keys("0044", 1.4), *keys(f"*{CARD}", 2.0)]
    assert told(decode(events, decoder)) == [Torn.INTERLEAVED, Torn.INTERLEAVED, CARD]


# What is torn.


def test_a_stall_inside_a_scan_tears_it_and_its_rest_is_never_a_code() -> None:
    events = keys(CARD)
    late = [event._replace(at=event.at + IDLE_S) for event in events[60:]]
    assert told(decode([*events[:60], *late, *keys(CARD, 3.0)])) == [Torn.STALLED, Torn.STALLED, CARD]


@pytest.mark.parametrize("pause_s", [IDLE_S, 1.0, 60.0, 3600.0])
def test_the_rest_of_a_stalled_scan_is_thrown_away_however_late_it_comes(pause_s: float) -> None:
    events = keys(CARD)
    decoder = KeyDecoder("counter", KeyReading())
    late = [event._replace(at=event.at + pause_s) for event in events[60:]]
    assert CARD[10:] not in told(decode([*events[:60], *late], decoder))


def test_a_stall_is_reported_while_it_lasts() -> None:
    decoder = KeyDecoder("counter", KeyReading())
    for event in keys("9276", suffix="none"):
        decoder.feed(event)
    assert decoder.wake(1.0) == ()
    assert told(decoder.wake(2.0)) == [Torn.STALLED]
    assert decoder.wake(3.0) == ()


def test_after_a_scan_that_broke_off_one_good_scan_is_refused_and_said_to_be_and_the_next_is_taken() -> None:
    events = [*keys("9276", suffix="none"), *keys(CARD, 20.0), *keys(CARD, 30.0)]
    assert told(decode(events)) == [Torn.STALLED, Torn.STALLED, CARD]


def test_each_burst_of_a_reader_whose_suffix_is_not_the_configured_one_is_reported() -> None:
    decoder = KeyDecoder("counter", KeyReading(suffix="tab"))
    events = [*keys(CARD, 1.0), *keys(CARD, 2.0), *keys(CARD, 3.0)]
    assert told(decode(events, decoder)) == [Torn.STALLED] * 3


def test_a_drop_inside_a_scan_throws_away_everything_up_to_its_suffix() -> None:
    events = keys(CARD)
    assert told(decode([*events[:30], dropped(1.12), *events[66:], *keys(CARD, 2.0)])) == [Torn.DROPPED, CARD]


def caps_lock(at: float) -> list[InputEvent]:
    return [InputEvent(at, EV_KEY, KEY_CAPSLOCK, value) for value in (1, 0)]


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_caps_lock_that_was_lost_turns_no_letter_of_a_later_scan_around(lost: int) -> None:
    """The reader switches it on for a scan and off after it; a drop takes none of that, one or both."""
    switched = [*caps_lock(0.99), *caps_lock(1.2)]
    kept = switched[: 4 - 2 * lost]
    first = [*kept[:2], *keys("a1")[:4], dropped(1.1), *keys("2", 1.12), *kept[2:]]
    after = [*keys("ab12", 1.25), *keys("ab12", 2.0), *caps_lock(2.99), *keys("ab12", 3.0), *caps_lock(3.2)]
    assert told(decode([*first, *after])) == [Torn.DROPPED, Torn.DROPPED, "ab12", "AB12"]


def test_the_tail_that_the_kernel_leaves_of_a_scan_is_no_code() -> None:
    """As measured (hardware.md 3.3): 17 characters, the reader's program asleep, and `42845` with Enter is left."""
    tail = keys(CARD)[-36:]
    assert told(decode([dropped(tail[0].at), *tail])) == [Torn.DROPPED]


def test_the_head_of_one_scan_and_the_tail_of_the_next_are_no_scan() -> None:
    first, second = keys(CARD), keys("9276111122223333", 1.2)
    assert told(decode([*first[:48], dropped(1.2), *second[48:]])) == [Torn.DROPPED]


def test_a_drop_that_took_the_suffix_along_tears_the_next_scan_too() -> None:
    events = [*keys(CARD, suffix="none"), dropped(1.2), *keys(CARD, 2.0), *keys(CARD, 3.0)]
    assert told(decode(events)) == [Torn.DROPPED, Torn.DROPPED, CARD]


def test_the_time_of_lost_events_is_no_silence_that_ends_a_scan() -> None:
    decoder = KeyDecoder("counter", KeyReading(suffix="none"))
    events = [*keys("9276", suffix="none"), dropped(1.9), *keys("2845", 1.95, suffix="none")]
    assert told(decode(events, decoder)) == [Torn.DROPPED]


def test_a_missing_press_tears_the_scan() -> None:
    events = [event for event in keys("1234567") if event.type == EV_KEY]
    for missing in range(0, 14, 2):
        assert told(decode(events[:missing] + events[missing + 1 :])) == [Torn.DROPPED]


def test_a_missing_release_of_a_digit_costs_nothing() -> None:
    events = [event for event in keys("112233") if event.type == EV_KEY]
    for missing in range(1, 12, 2):
        assert told(decode(events[:missing] + events[missing + 1 :])) == ["112233"]


def test_a_missing_release_in_one_scan_does_not_hide_a_missing_press_in_the_next() -> None:
    first = [event for event in keys("1234", suffix="none") if event.type == EV_KEY][:-1]
    second = [event for event in keys("456", 2.0, suffix="none") if event.type == EV_KEY][1:]
    decoder = KeyDecoder("counter", KeyReading(suffix="none"))
    assert told(decode([*first, *second], decoder)) == ["1234", Torn.DROPPED]


@pytest.mark.parametrize("layout", ["fr", "us"])
def test_a_missing_press_or_release_of_shift_tears_the_scan(layout: LayoutName) -> None:
    text = "12" if layout == "fr" else "AB"
    events = [event for event in keys(text, layout=layout) if event.type == EV_KEY]
    for missing in (place for place, event in enumerate(events) if event.code == LEFTSHIFT):
        decoder = KeyDecoder("counter", KeyReading(layout=layout))
        assert told(decode(events[:missing] + events[missing + 1 :], decoder)) == [Torn.DROPPED]


def test_a_missing_press_or_release_of_alt_never_makes_digits_of_an_alt_code() -> None:
    events = [event for event in key_events(alt_strokes("42", "enter"), 1.0, 0.01) if event.type == EV_KEY]
    for missing in (place for place, event in enumerate(events) if event.code == 56):
        assert [
            outcome for outcome in decode(events[:missing] + events[missing + 1 :]) if isinstance(outcome, Scan)
        ] == []


def test_a_missing_suffix_tears_the_scan() -> None:
    events = [event for event in keys(CARD) if (event.code, event.value) != (KEY_ENTER, PRESSED)]
    assert told(decode(events)) == [Torn.DROPPED]


def test_a_shift_that_was_left_down_turns_nothing_of_the_next_scan_around() -> None:
    """The reader stopped after it; the next scan, of which the press of Shift is missing, would be read as `}Q1`."""
    left_down = InputEvent(1.0, EV_KEY, LEFTSHIFT, PRESSED)
    second = [event for event in keys(f"]Q1{CARD}", 2.0) if (event.code, event.value) != (LEFTSHIFT, PRESSED)]
    assert told(decode([left_down, *second, *keys(CARD, 4.0)])) == [Torn.STALLED, Torn.STALLED, CARD]


def test_a_hot_key_in_front_of_a_code_means_nothing() -> None:
    hot_key = [InputEvent(0.9, EV_KEY, key, value) for key, value in [(29, 1), (F1, 1), (F1, 0), (29, 0)]]
    assert told(decode([*hot_key, *keys(CARD)])) == [CARD]


@pytest.mark.parametrize("key", [F1, BACKSPACE, 86])
def test_a_key_that_no_code_contains_tears_the_scan(key: int) -> None:
    events = keys(CARD)
    assert told(decode([*events[:60], InputEvent(1.1, EV_KEY, key, PRESSED), *events[60:]])) == [Torn.UNDECODABLE]


def test_an_f_key_in_front_of_a_code_means_nothing() -> None:
    f_key = [InputEvent(0.9, EV_KEY, F1, PRESSED), InputEvent(0.9, EV_KEY, F1, RELEASED)]
    assert told(decode([*f_key, *keys(CARD)])) == [CARD]


def test_a_key_without_a_character_in_front_of_a_code_tears_it() -> None:
    """It stands for a character that this layout does not have: the text would lack its first one."""
    assert told(decode([InputEvent(0.95, EV_KEY, 86, PRESSED), *keys(CARD)])) == [Torn.UNDECODABLE]


def test_a_control_character_that_no_code_contains_tears_the_scan() -> None:
    control_a = [InputEvent(1.1, EV_KEY, key, value) for key, value in [(29, 1), (KEY_A, 1), (KEY_A, 0), (29, 0)]]
    assert told(decode([*keys("92", suffix="none"), *control_a, *keys("76", 1.12)])) == [Torn.UNDECODABLE]


def test_a_text_of_the_greatest_length_is_taken_and_a_longer_one_is_torn() -> None:
    assert told(decode(keys("1" * MAX_CHARACTERS))) == ["1" * MAX_CHARACTERS]
    assert told(decode(keys("1" * (MAX_CHARACTERS + 1)))) == [Torn.OVERFLOW]


def test_a_reader_that_is_unplugged_in_the_middle_tears_the_scan_and_its_rest() -> None:
    decoder = KeyDecoder("counter", KeyReading())
    for event in keys("92760044", suffix="none"):
        decoder.feed(event)
    assert told(decoder.lost(1.1)) == [Torn.LOST]
    decoder.opened(2.0)
    assert told(decode([*keys("29942845", 3.0), *keys(CARD, 4.0)], decoder)) == [Torn.LOST, CARD]


def test_a_reader_that_is_unplugged_between_scans_loses_nothing() -> None:
    decoder = KeyDecoder("counter", KeyReading())
    assert told(decode(keys(CARD), decoder)) == [CARD]
    assert decoder.lost(2.0) == ()
    decoder.opened(3.0)
    assert told(decode(keys(CARD, 4.0), decoder)) == [CARD]


def test_a_scan_without_suffix_that_was_over_before_the_reader_went_is_delivered() -> None:
    decoder = KeyDecoder("counter", KeyReading(suffix="none"))
    for event in keys(CARD, suffix="none"):
        decoder.feed(event)
    assert told(decoder.lost(5.0)) == [CARD]


@pytest.mark.parametrize("suffix", ["enter", "none"])
def test_a_reader_that_is_opened_in_the_middle_of_a_scan_delivers_no_tail(suffix: Suffix) -> None:
    events = keys(CARD, suffix=suffix)
    for first in range(6, len(events)):
        decoder = KeyDecoder("counter", KeyReading(suffix=suffix))
        decoder.opened(events[first].at)
        assert [outcome for outcome in decode(events[first:], decoder) if isinstance(outcome, Scan)] == []


def test_the_light_of_caps_lock_is_seen() -> None:
    decoder = KeyDecoder("counter", KeyReading(caps_lock="compensated"))
    assert told(decode([InputEvent(0.5, EV_LED, LED_CAPSL, 1), *keys("abc")], decoder)) == ["ABC"]


def test_a_magstripe_reader_that_could_not_read_is_reported() -> None:
    assert told(decode([*keys("%E?;E?+E?"), *keys(CARD, 2.0)])) == [Torn.READER_ERROR, CARD]


def test_nothing_that_is_reported_shows_a_digit() -> None:
    outcomes = decode([*keys(CARD), *keys("9276", 2.0, suffix="none")])
    assert [isinstance(outcome, TornScan) for outcome in outcomes] == [False, True]
    assert not any(CARD[:4] in repr(outcome) for outcome in outcomes)


@given(
    st.lists(
        st.tuples(st.floats(0, 0.3), st.sampled_from([0, 1, 4]), st.integers(0, 130), st.integers(0, 2)), max_size=60
    )
)
def test_no_events_whatever_break_the_decoder(parts: list[tuple[float, int, int, int]]) -> None:
    """And a good scan after a suffix is always taken."""
    decoder = KeyDecoder("counter", KeyReading())
    at = 1.0
    for pause, kind, code, value in parts:
        at += pause
        decoder.feed(InputEvent(at, kind, code, value))
    decode(keys("1", at + 1), decoder)
    assert told(decode(keys(CARD, at + 3), decoder))[-1:] in ([CARD], [Torn.UNDECODABLE], [Torn.DROPPED])
