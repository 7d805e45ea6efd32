"""Bytes of drawers and printers: documented exchanges, broken ones, and anything at all."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.drawer_profile import AsbStatus, NoStatus, QueryStatus, StreamStatus
from device.drawer_status import (
    ANSWER_S,
    HALF_BLOCK_S,
    EscposParser,
    QueryParser,
    Reading,
    StarParser,
    StatusParser,
    StreamParser,
    greeting_of,
    parser_of,
    question_of,
)

IBM = QueryStatus(source="query", bytes=b"\x06", mask=0x40, value=0x40)
GLANCETRON = QueryStatus(
    source="query", bytes=b"\x1b\x3a", answer_prefix=b"\x1b\x34", mask=0xFF, value=0x42, other_value=0x41
)
ACODE = StreamStatus(source="stream", byte=0, gap_ms=500)
MAKERS: tuple[Callable[[], StatusParser], ...] = (
    EscposParser,
    StarParser,
    lambda: QueryParser(IBM),
    lambda: QueryParser(GLANCETRON),
    lambda: StreamParser(ACODE),
)
XON, XOFF = b"\x11", b"\x13"


def read(parser: StatusParser, hexadecimal: str, at: float = 1.0) -> list[tuple[bool, bool]]:
    return [(reading.high, reading.offline) for reading in parser.feed(bytes.fromhex(hexadecimal), at)]


@pytest.mark.parametrize(
    ("answer", "high", "offline"), [("12", False, False), ("16", True, False), ("1A", False, True), ("1E", True, True)]
)
def test_an_answer_to_dle_eot_tells_pin_3_and_offline(answer: str, high: bool, offline: bool) -> None:
    assert read(EscposParser(), answer) == [(high, offline)]


@pytest.mark.parametrize(("first", "high", "offline"), [("10", False, False), ("14", True, False), ("3C", True, True)])
def test_four_bytes_are_an_asb_block(first: str, high: bool, offline: bool) -> None:
    assert read(EscposParser(), f"{first} 00 00 0F") == [(high, offline)]


@pytest.mark.parametrize("stream", ["14 13 00 11 00 0F", "14 00 00 13 0F", "13 14 00 11 11 00 0F"])
def test_xon_and_xoff_may_stand_anywhere_in_a_block(stream: str) -> None:
    assert read(EscposParser(), stream) == [(True, False)]


def test_a_real_time_answer_inside_a_block_is_told_from_it() -> None:
    """The answer says low, the block around it says high."""
    assert read(EscposParser(), "14 00 12 00 0F") == [(False, False), (True, False)]


def test_a_new_block_inside_half_a_block_counts_alone() -> None:
    assert read(EscposParser(), "14 00 10 00 00 0F") == [(False, False)]


@pytest.mark.parametrize("half", ["14", "14 00", "14 00 00"])
def test_half_a_block_is_no_status(half: str) -> None:
    assert read(EscposParser(), half) == []


def test_the_rest_of_a_block_that_comes_too_late_is_something_else() -> None:
    """Answers to GS r look like the bytes two to four of a block."""
    parser = EscposParser()
    assert read(parser, "14 00 00", at=1.0) == []
    assert read(parser, "00", at=1.0 + HALF_BLOCK_S + 0.01) == []


@pytest.mark.parametrize("answer", ["00", "01", "0F", "60"])
def test_answers_to_other_questions_are_no_status(answer: str) -> None:
    """GS r and GS I: 0xx0xxxx without a block before them."""
    assert read(EscposParser(), answer * 4) == []


def test_garbage_breaks_a_block() -> None:
    parser = EscposParser()
    assert read(parser, "14 00 FF 00 0F") == []
    assert parser.strange == 1


@pytest.mark.parametrize(
    ("block", "high", "offline"),
    [
        ("0F 06 00 00 00 00 00", False, False),
        ("0F 06 04 00 00 00 00", True, False),
        ("0F 06 0C 00 00 00 00", True, True),
        ("23 86 04 00 00 00 00 00 00", True, False),
        ("2F 06 08 00 00 00 00 00 00 00 00 00 00 00 00", False, True),
    ],
)
def test_a_star_block_tells_its_switch_in_the_third_byte(block: str, high: bool, offline: bool) -> None:
    """7, 9 and 15 bytes long, by the bits of the first one."""
    expected = [] if block.startswith("23 86") else [(high, offline)]
    assert read(StarParser(), block) == expected


def test_a_star_block_longer_than_seven_bytes_ends_where_its_first_byte_says() -> None:
    parser = StarParser()
    nine = bytes.fromhex("23 06 04 00 00 00 00 00 00")
    assert list(parser.feed(nine[:-1], 1.0)) == []
    assert list(parser.feed(nine[-1:], 1.0)) == [Reading(high=True, offline=False, at=1.0)]


def test_a_new_star_block_inside_half_a_block_counts_alone() -> None:
    assert read(StarParser(), "0F 06 04 0F 06 00 00 00 00 00") == [(False, False)]


def test_half_a_star_block_is_no_status() -> None:
    parser = StarParser()
    assert read(parser, "0F 06 04 00 00 00", at=1.0) == []
    assert read(parser, "00", at=1.0 + HALF_BLOCK_S + 0.01) == []


def test_flow_control_inside_a_star_block_is_skipped() -> None:
    assert read(StarParser(), "0F 13 06 04 00 11 00 00 00") == [(True, False)]


def ask(status: QueryStatus, answer: str, after_s: float = 0.01) -> list[tuple[bool, float]]:
    """What a parser makes of an answer, which it says when the next question is asked."""
    parser = QueryParser(status)
    parser.asked(1.0)
    assert not list(parser.feed(bytes.fromhex(answer), 1.0 + after_s))
    return [(reading.high, reading.at) for reading in parser.asked(2.0)]


@pytest.mark.parametrize(("answer", "high"), [("40", True), ("C1", True), ("00", False), ("BF", False)])
def test_bit_6_of_a_surepos_answer_is_open(answer: str, high: bool) -> None:
    assert ask(IBM, answer) == [(high, 1.01)]


@pytest.mark.parametrize(("answer", "high"), [("1B 34 42", True), ("1B 34 41", False)])
def test_a_glancetron_answer_names_its_drawer(answer: str, high: bool) -> None:
    assert ask(GLANCETRON, answer) == [(high, 1.01)]


@pytest.mark.parametrize("answer", ["1B 35 42", "1B 34 43", "1B 34", "34 42", "1B 34 42 42", "FF 1B 34 42", ""])
def test_anything_else_is_no_answer(answer: str) -> None:
    """Another drawer's, another value, a half, too much, noise beside it, nothing."""
    assert ask(GLANCETRON, answer) == []


def test_an_answer_in_pieces_is_one_answer() -> None:
    parser = QueryParser(GLANCETRON)
    parser.asked(1.0)
    for byte in b"\x1b\x34\x42":
        parser.feed(bytes([byte]), 1.1)
    assert [reading.high for reading in parser.asked(2.0)] == [True]


def test_a_late_answer_is_none() -> None:
    """It may be about a drawer that has moved since."""
    assert ask(IBM, "40", after_s=ANSWER_S + 0.01) == []


def test_an_answer_that_nobody_asked_for_is_none() -> None:
    parser = QueryParser(IBM)
    parser.feed(b"\x40", 1.0)
    assert list(parser.asked(1.1)) == []
    assert parser.strange == 1


def test_two_bytes_for_one_question_are_no_answer() -> None:
    assert ask(IBM, "40 40") == []


def test_a_stream_is_high_while_it_flows_and_low_after_the_gap() -> None:
    parser = StreamParser(ACODE)
    assert parser.silent(0.9) == []
    assert [reading.high for reading in parser.feed(b"\x00\x00", 1.0)] == [True]
    assert parser.silent(1.49) == []
    assert [reading.high for reading in parser.silent(1.51)] == [False]


def test_silence_from_the_beginning_means_nothing() -> None:
    assert StreamParser(ACODE).silent(1e6) == []


def test_bytes_that_are_not_the_streams_do_not_keep_it_alive() -> None:
    parser = StreamParser(ACODE)
    parser.feed(b"\x00", 1.0)
    assert [reading.high for reading in parser.feed(b"\xff", 1.6)] == [False]


def test_what_is_asked_and_said_first_comes_from_the_documents() -> None:
    escpos = AsbStatus(source="asb", printer="escpos", interval_ms=1000)
    star = AsbStatus(source="asb", printer="star", interval_ms=200)
    assert (question_of(escpos), greeting_of(escpos)) == (bytes.fromhex("10 04 01"), bytes.fromhex("1D 61 03"))
    assert (question_of(star), greeting_of(star)) == (bytes.fromhex("1B 06 01"), bytes.fromhex("1B 1E 61 00"))
    assert (question_of(GLANCETRON), greeting_of(GLANCETRON)) == (b"\x1b\x3a", b"")
    assert (question_of(ACODE), parser_of(NoStatus(source="none"))) == (b"", None)


@st.composite
def pieces(draw: st.DrawFn) -> list[bytes]:
    """Any bytes, real statuses among them, cut anywhere."""
    statuses = [b"\x12", b"\x16", b"\x14\0\0\x0f", b"\x10\0\0\x0f", b"\x0f\x06\4\0\0\0\0", b"\x1b\x34\x42", XON, XOFF]
    whole = b"".join(draw(st.lists(st.sampled_from(statuses) | st.binary(max_size=4), max_size=12)))
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    return [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]


@given(parts=pieces(), maker=st.sampled_from(MAKERS))
def test_any_split_of_the_same_bytes_reads_the_same(parts: list[bytes], maker: Callable[[], StatusParser]) -> None:
    whole, split = maker(), maker()
    whole.asked(1.0)
    split.asked(1.0)
    at_once = list(whole.feed(b"".join(parts), 1.1)) + list(whole.asked(1.2))
    in_pieces = [reading for part in parts for reading in split.feed(part, 1.1)] + list(split.asked(1.2))
    assert last_of_each_run(at_once) == last_of_each_run(in_pieces)


def last_of_each_run(readings: list[Reading]) -> list[Reading]:
    """A stream says the same again with each piece; what counts is each change."""
    return [reading for number, reading in enumerate(readings) if readings[number - 1 : number] != [reading]]


@given(chunks=st.lists(st.tuples(st.binary(max_size=40), st.floats(0, 5)), max_size=20), maker=st.sampled_from(MAKERS))
def test_nothing_that_comes_raises_or_is_hoarded(
    chunks: list[tuple[bytes, float]], maker: Callable[[], StatusParser]
) -> None:
    parser, now = maker(), 0.0
    for data, pause in chunks:
        now += pause
        parser.asked(now)
        parser.feed(data, now)
        parser.feed(data, now + pause)
    held = [value for value in vars(parser).values() if isinstance(value, bytearray)]
    assert all(len(value) < 100 for value in held)


@given(noise=st.binary(max_size=60).filter(lambda data: not any(byte & 0x93 in (0x10, 0x12) for byte in data)))
def test_only_marked_bytes_of_a_printer_are_a_status(noise: bytes) -> None:
    assert list(EscposParser().feed(noise, 1.0)) == []
