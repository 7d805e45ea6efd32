"""How a reader is set, from what it sends for the calibration code."""

from itertools import combinations, pairwise
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.key_decoder import EV_KEY, EV_SYN, IDLE_S, PRESSED, SYN_DROPPED, InputEvent, KeyReading, Suffix
from device.keyboard_layouts import LAYOUTS, LayoutName
from device.keystrokes import Stroke, alt_strokes, key_events, strokes
from device.learning import (
    CALIBRATION_TEXT,
    AnotherCode,
    Answer,
    Chunk,
    KeysLearned,
    LineLearned,
    NotLearned,
    ReportsLearned,
    learn_keys,
    learn_line,
    learn_reports,
)
from device.line_decoder import LineReading
from device.simulated_scanner import scan_reports

SUFFIXES = get_args(Suffix)
PREFIXES = ("", "*", "~>", "\x02")
IDENTIFIERS = ("", "]C0", "]Q1")
CARD = "9276004429942845"
BANK_CARD = "4111111111111111"


def typed(text: str, layout: LayoutName = "us", suffix: Suffix = "enter", key_s: float = 0.008) -> list[InputEvent]:
    return list(key_events(strokes(text, layout, suffix), 5.0, key_s))


def sent(text: str) -> list[Chunk]:
    return [Chunk(1.0, text.encode())]


def test_no_two_layouts_type_the_calibration_text_with_the_same_keys() -> None:
    for one, other in combinations(LAYOUTS, 2):
        assert strokes(CALIBRATION_TEXT, one, "none") != strokes(CALIBRATION_TEXT, other, "none")


def test_the_calibration_text_needs_no_dead_key() -> None:
    for layout in LAYOUTS.values():
        dead = {layout.character(level, key) for level, key in layout.dead}
        assert dead.isdisjoint(CALIBRATION_TEXT)


@given(
    layout=st.sampled_from(sorted(LAYOUTS)),
    suffix=st.sampled_from(SUFFIXES),
    prefix=st.sampled_from(PREFIXES[:2]),
    identifier=st.sampled_from(IDENTIFIERS),
    key_s=st.floats(0.0005, 0.25),
    alt_mode=st.booleans(),
)
def test_every_setting_of_a_keyboard_mode_reader_is_found(
    *, layout: LayoutName, suffix: Suffix, prefix: str, identifier: str, key_s: float, alt_mode: bool
) -> None:
    text = prefix + identifier + CALIBRATION_TEXT
    keys = alt_strokes(text, suffix) if alt_mode else strokes(text, layout, suffix)
    learned = learn_keys(list(key_events(keys, 5.0, key_s)))
    assert isinstance(learned, KeysLearned)
    assert learned.layouts == (tuple(LAYOUTS) if alt_mode else (layout,))
    assert (learned.alt_mode, learned.is_ambiguous) == (alt_mode, alt_mode)
    assert (learned.reading.suffix, learned.reading.prefix) == (suffix, prefix)
    assert (learned.reading.idle_s > IDLE_S) == (key_s / 2 * 1.5 > IDLE_S)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_reader_that_compensates_caps_lock_is_found_while_it_is_on(layout: LayoutName) -> None:
    learned = learn_keys(typed(CALIBRATION_TEXT.swapcase(), layout), caps_lock_is_on=True)
    assert isinstance(learned, KeysLearned)
    assert learned.reading == KeyReading(layout=layout, caps_lock="compensated")
    assert learn_keys(typed(CALIBRATION_TEXT.swapcase(), layout)) is NotLearned.CASE_TURNED


def test_a_reader_that_ignores_caps_lock_is_found_while_it_is_on() -> None:
    learned = learn_keys(typed(CALIBRATION_TEXT), caps_lock_is_on=True)
    assert isinstance(learned, KeysLearned)
    assert learned.reading == KeyReading()


def test_enter_in_front_and_tab_before_enter_are_taken_for_what_they_are() -> None:
    learned = learn_keys(list(key_events([Stroke(28), *strokes(CALIBRATION_TEXT, "us", "tab"), Stroke(28)], 5.0, 0.01)))
    assert isinstance(learned, KeysLearned)
    assert learned.reading == KeyReading(suffix="enter")


@pytest.mark.parametrize(
    ("events", "why"),
    [
        (typed(CALIBRATION_TEXT[:9]), NotLearned.TORN),
        (typed(CALIBRATION_TEXT)[20:], NotLearned.TORN),
        ([*typed(CALIBRATION_TEXT)[:40], InputEvent(9.0, EV_SYN, SYN_DROPPED, 0)], NotLearned.TORN),
        (typed(CALIBRATION_TEXT * 2), NotLearned.TWICE),
        (typed(CALIBRATION_TEXT) + typed(CALIBRATION_TEXT), NotLearned.TWICE),
        (typed(CALIBRATION_TEXT + "#END"), NotLearned.MORE_AFTER_IT),
        (typed(CALIBRATION_TEXT.upper()), NotLearned.UPPER_CASE),
        (typed(CALIBRATION_TEXT.translate(str.maketrans("zY@", "Zy$"))), NotLearned.UNKNOWN_LAYOUT),
    ],
)
def test_what_cannot_be_learned_from_is_said(events: list[InputEvent], why: NotLearned) -> None:
    assert learn_keys(events) is why


@given(st.data())
def test_a_scan_that_lost_keys_never_teaches_something_wrong(data: st.DataObject) -> None:
    layout: LayoutName = data.draw(st.sampled_from(sorted(LAYOUTS)))
    events = [event for event in typed(CALIBRATION_TEXT, layout, "enter") if event.type == EV_KEY]
    first = data.draw(st.integers(0, len(events) - 1))
    after = data.draw(st.integers(first + 1, len(events)))
    left = events[:first] + events[after:]
    if not any(event.value == PRESSED for event in left):
        return
    answer = learn_keys(left)
    assert not isinstance(answer, KeysLearned) or (answer.layouts, answer.reading.prefix) == ((layout,), "")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_another_code_is_not_shown(layout: LayoutName) -> None:
    for text in (CARD, BANK_CARD, f";{BANK_CARD}=2512?"):
        answer = learn_keys(typed(text, layout))
        assert isinstance(answer, AnotherCode)
        assert any(text in read for read in answer.texts)
        assert text not in repr(answer)


# Serial lines


@given(
    ending=st.sampled_from(["\r", "\n", "\r\n", "\t", "", "\t\r"]),
    prefix=st.sampled_from(PREFIXES),
    identifier=st.sampled_from(IDENTIFIERS),
    framed=st.booleans(),
    cuts=st.lists(st.integers(1, 30), max_size=4),
    pause_s=st.floats(0.0, 0.3),
)
def test_every_setting_of_a_serial_reader_is_found(
    *, ending: str, prefix: str, identifier: str, framed: bool, cuts: list[int], pause_s: float
) -> None:
    framed = framed and "\x02" not in prefix
    body = prefix + identifier + CALIBRATION_TEXT + ending
    data = (f"\x02{body}\x03" if framed else body).encode()
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in pairwise(places)]
    learned = learn_line([Chunk(1.0 + place * pause_s, piece) for place, piece in enumerate(pieces)])
    assert isinstance(learned, LineLearned)
    suffix = "enter" if framed or ending.strip("\t") else "tab" if ending else "none"
    assert (learned.reading.suffix, learned.reading.prefix) == (suffix, prefix)
    assert (learned.bytesize, learned.parity) == (8, "none")


@pytest.mark.parametrize("parity", ["even", "odd", "mark"])
def test_seven_bits_with_parity_are_found(parity: str) -> None:
    def on_the_line(byte: int) -> int:
        odd = byte.bit_count() % 2 == 1
        return byte | 0x80 if {"even": odd, "odd": not odd, "mark": True}[parity] else byte

    learned = learn_line([Chunk(1.0, bytes(map(on_the_line, f"]C0{CALIBRATION_TEXT}\r".encode())))])
    assert isinstance(learned, LineLearned)
    assert (learned.bytesize, learned.parity, learned.reading) == (7, parity, LineReading())


@given(st.binary(min_size=1, max_size=60))
def test_noise_of_a_wrong_speed_teaches_nothing(data: bytes) -> None:
    assert not isinstance(learn_line([Chunk(1.0, data)]), LineLearned | ReportsLearned)


def test_what_is_no_text_is_garbled() -> None:
    assert learn_line([Chunk(1.0, b"\x00\xf8\x80")]) is NotLearned.GARBLED


def test_a_part_of_the_code_on_a_line_is_torn() -> None:
    assert learn_line(sent(CALIBRATION_TEXT[:9] + "\r")) is NotLearned.TORN
    assert learn_line([Chunk(1.0, b"Till"), Chunk(7.0, f"{CALIBRATION_TEXT[4:]}\r".encode())]) is NotLearned.TORN


def test_another_code_on_a_line_is_not_shown() -> None:
    answer = learn_line(sent(f"{BANK_CARD}\r"))
    assert isinstance(answer, AnotherCode)
    assert BANK_CARD not in repr(answer)


# HID POS


def reports(text: str) -> list[Chunk]:
    return [Chunk(1.0, report) for report in scan_reports(text, "]C0")]


def test_a_reader_in_hid_pos_mode_is_found() -> None:
    assert learn_reports(reports(CALIBRATION_TEXT)) == ReportsLearned()


def answer_of(text: str) -> Answer:
    return learn_reports(reports(text))


def test_other_reports_teach_nothing() -> None:
    assert answer_of(CALIBRATION_TEXT[:9]) is NotLearned.TORN
    assert isinstance(answer_of(BANK_CARD), AnotherCode)
    announced = [Chunk(1.0, scan_reports(CALIBRATION_TEXT, "]C0")[0][:-1] + b"\x01")]
    assert learn_reports(announced) is NotLearned.TORN
    assert learn_reports([Chunk(1.0, b"\x05battery")]) is NotLearned.TORN
