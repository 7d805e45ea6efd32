"""Bytes to scans: every end is recognised, any split of the bytes gives the same, and damage is never delivered."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.interface import Scan, Torn
from device.line_decoder import IDLE_S, LineDecoder, LineReading
from device.scan_text import MAX_CHARACTERS, Outcome

CARD = "9276004429942845"
LINE = f"{CARD}\r".encode()


def a_decoder(suffix: str = "enter", prefix: str = "") -> LineDecoder:
    return LineDecoder("wall", LineReading(suffix=suffix, prefix=prefix))  # type: ignore[arg-type]


def decode(decoder: LineDecoder, *chunks: tuple[float, bytes]) -> list[Outcome]:
    """What comes of chunks at these times, with true silence between them, and of a long one after them."""
    outcomes: list[Outcome] = []
    for at, data in chunks:
        outcomes.extend(decoder.wake(at))
        outcomes.extend(decoder.feed(data, at))
    return [*outcomes, *decoder.wake(chunks[-1][0] + 60)]


def told(outcomes: list[Outcome]) -> list[str | Torn]:
    return [outcome.text if isinstance(outcome, Scan) else outcome.reason for outcome in outcomes]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\n\r", "\r\r\n"])
def test_a_line_is_a_scan_and_empty_lines_are_none(end: str) -> None:
    data = f"{end}{CARD}{end}".encode()
    assert decode(a_decoder(), (1.0, data)) == [Scan(scanner="wall", text=CARD, at=1.0)]


@pytest.mark.parametrize("frame", ["\x02{}\x03", "\x02{}\r\x03", "\x02{}\r\n\x03\r\n"])
def test_a_frame_is_a_scan(frame: str) -> None:
    assert told(decode(a_decoder(), (1.0, frame.format(CARD).encode()))) == [CARD]


def test_line_ends_inside_a_frame_belong_to_the_text() -> None:
    assert told(decode(a_decoder(), (1.0, b"\x02BEGIN:VCARD\r\nN:X\r\n\x03"))) == ["BEGIN:VCARD\r\nN:X"]


def test_a_stripe_of_a_port_powered_reader_loses_its_wrapping() -> None:
    """STX ESC tracks sensor CR ETX (MagTek, hardware.md 4.2)."""
    data = f"\x02\x1b%B{CARD}^X/Y^2512?;{CARD}=2512?0\r\x03".encode()
    assert told(decode(a_decoder(), (1.0, data))) == [f"%B{CARD}^X/Y^2512?;{CARD}=2512?"]


def test_a_card_that_is_put_into_an_insertion_reader_is_no_scan() -> None:
    assert decode(a_decoder(), (1.0, b"\x02\x1b1\r\x03")) == []


def test_an_aim_identifier_becomes_the_symbology() -> None:
    assert decode(a_decoder(), (1.0, b"]C1010123\x1d10AB\r")) == [
        Scan(scanner="wall", text="010123\x1d10AB", symbology="]C1", at=1.0)
    ]


def test_a_tab_ends_a_scan_where_it_is_the_suffix_and_belongs_to_it_elsewhere() -> None:
    assert told(decode(a_decoder("tab"), (1.0, b"a\tb\t"))) == ["a", "b"]
    assert told(decode(a_decoder(), (1.0, b"a\tb\r"))) == ["a\tb"]


def test_silence_ends_a_scan_without_suffix() -> None:
    decoder = a_decoder("none")
    assert decoder.feed(CARD.encode(), 1.0) == ()
    assert decoder.wake_at() == 1.0 + IDLE_S
    assert decoder.wake(1.1) == ()
    assert told(list(decoder.wake(1.0 + IDLE_S))) == [CARD]
    assert decoder.wake_at() is None


def test_stx_in_the_prefix_begins_no_frame() -> None:
    assert told(decode(a_decoder(prefix="\x02"), (1.0, f"\x02{CARD}\r".encode()))) == [CARD]


SCANS = f"{CARD}\r\n4006381333931\n\x02]C0ABC-1\r\x03]Q1ÄÖ\r".encode()


@given(st.lists(st.integers(0, len(SCANS)), max_size=30))
def test_any_split_of_the_bytes_gives_the_same_scans(cuts: list[int]) -> None:
    """The frame shows that the line after it has lost its beginning."""
    edges = sorted({0, *cuts, len(SCANS)})
    chunks = [(1.0 + n * 0.001, SCANS[first:after]) for n, (first, after) in enumerate(pairwise(edges))]
    assert told(decode(a_decoder(), *chunks)) == [CARD, "4006381333931", "ABC-1", Torn.DROPPED]


def test_scans_that_were_read_at_once_after_a_stall_are_each_delivered() -> None:
    assert told(decode(a_decoder(), (1.0, LINE * 50))) == [CARD] * 50


# What a stall of our own is: the line had something all the time, and nobody looked.


@pytest.mark.parametrize("suffix", ["enter", "tab", "none"])
def test_a_scan_that_was_read_in_two_parts_long_after_each_other_is_whole(suffix: str) -> None:
    decoder = a_decoder(suffix)
    outcomes = [*decoder.feed(b"92760044", 1.0), *decoder.feed(b"29942845", 9.0), *decoder.feed(b"\r", 20.0)]
    assert told([*outcomes, *decoder.wake(30.0)]) == [CARD]


def test_the_rest_of_a_damaged_scan_that_was_read_late_is_no_scan() -> None:
    """A counted error turned a digit into CR."""
    decoder = a_decoder()
    decoder.damaged(1.0)
    outcomes = [*decoder.feed(b"927600442\r", 1.0), *decoder.feed(b"942845\r", 9.0)]
    assert told([*outcomes, *decoder.wake(20.0)]) == [Torn.LINE_ERROR]


def test_the_rest_of_what_was_on_its_way_when_the_port_was_opened_is_no_scan_however_late_it_is_read() -> None:
    decoder = a_decoder()
    decoder.opened(1.0)
    assert decoder.wake_at() == 1.0 + IDLE_S
    outcomes = decoder.feed(b"29942845\r", 9.0)
    assert told([*outcomes, *decoder.wake(20.0)]) == [Torn.LOST]


def test_a_port_that_is_lost_before_the_rest_was_read_gives_no_scan() -> None:
    decoder = a_decoder("none")
    decoder.feed(b"92760044", 1.0)
    assert told(list(decoder.lost(9.0))) == [Torn.LOST]


BURST = st.text("0123456789\r", min_size=1, max_size=30).map(str.encode)
READS = st.lists(st.tuples(st.integers(1, 30), st.floats(0, 60)), max_size=30)


@given(st.sampled_from(["enter", "tab", "none"]), BURST, READS, st.booleans())
def test_bytes_without_a_gap_give_the_same_however_late_and_in_whatever_parts_they_are_read(
    suffix: str, burst: bytes, reads: list[tuple[int, float]], damaged: bool
) -> None:
    """As one read at once: silence is looked for after the last of them only."""

    def outcomes_of(reads: list[tuple[int, float]]) -> list[str | Torn]:
        decoder = a_decoder(suffix)
        outcomes: list[Outcome] = []
        at, place = 1.0, 0
        for length, delay_s in reads:
            if damaged:
                decoder.damaged(at)
            outcomes += decoder.feed(burst[place : place + length], at)
            at, place = at + delay_s, place + length
        return told([*outcomes, *decoder.wake(at + 60)])

    assert outcomes_of([*reads, (len(burst), 0.0)]) == outcomes_of([(len(burst), 0.0)])


# What is torn.


def test_a_stall_tears_the_scan_and_its_rest_is_never_a_code() -> None:
    outcomes = decode(a_decoder(), (1.0, b"92760044"), (1.0 + IDLE_S, b"29942845\r"), (3.0, LINE))
    assert told(outcomes) == [Torn.STALLED, Torn.STALLED, CARD]


@pytest.mark.parametrize("pause_s", [IDLE_S, 1.0, 3600.0])
def test_the_rest_of_a_stalled_scan_is_thrown_away_however_late_it_comes(pause_s: float) -> None:
    outcomes = decode(a_decoder(), (1.0, b"92760044"), (1.0 + pause_s, b"29942845\r"))
    assert told(outcomes) == [Torn.STALLED, Torn.STALLED]


def test_a_torn_scan_is_over_when_the_line_was_silent_after_its_end() -> None:
    decoder = a_decoder()
    outcomes = decode(decoder, (1.0, b"9276"), (2.0, b"0044\r"), (2.1, LINE), (2.2, LINE), (2.2 + IDLE_S, LINE))
    assert told(outcomes) == [Torn.STALLED, Torn.STALLED, CARD]


def test_a_counted_error_throws_away_what_came_before_and_after_it() -> None:
    decoder = a_decoder()
    outcomes = list(decoder.feed(b"92760044", 1.0))
    decoder.damaged(1.01)
    outcomes += decode(decoder, (1.01, b"2994\r2845\r"), (1.05, b"1\r"), (2.0, LINE))
    assert told(outcomes) == [Torn.LINE_ERROR, CARD]


def test_an_error_that_is_counted_before_its_bytes_come_tears_them() -> None:
    decoder = a_decoder()
    decoder.damaged(1.0)
    assert told(decode(decoder, (1.01, b"9276\r"), (2.0, LINE))) == [Torn.LINE_ERROR, CARD]


def test_an_error_that_turned_the_end_into_something_else_tears_the_next_scan_too() -> None:
    decoder = a_decoder()
    decoder.damaged(1.0)
    outcomes = decode(decoder, (1.0, CARD.encode() + b"\x8d"), (2.0, LINE), (3.0, LINE))
    assert told(outcomes) == [Torn.LINE_ERROR, Torn.LINE_ERROR, CARD]


def test_the_time_of_damaged_bytes_is_no_silence_that_ends_a_scan() -> None:
    decoder = a_decoder("none")
    decoder.feed(b"9276", 1.0)
    decoder.damaged(1.14)
    assert told(decode(decoder, (1.2, b"2845"))) == [Torn.LINE_ERROR]


def test_a_frame_inside_a_frame_means_two_scans_and_neither_is_taken() -> None:
    outcomes = decode(a_decoder(), (1.0, f"\x029276\x02{CARD}\x030044\x03".encode()), (2.0, f"\x02{CARD}\x03".encode()))
    assert told(outcomes) == [Torn.INTERLEAVED, CARD]


def test_the_end_of_a_frame_without_its_beginning_tears_the_text() -> None:
    assert told(decode(a_decoder(), (1.0, b"0044\x03"), (2.0, LINE))) == [Torn.DROPPED, CARD]


def test_a_line_without_stx_from_a_reader_that_frames_has_lost_its_beginning() -> None:
    frame = f"\x02{CARD}\r\x03".encode()
    assert told(decode(a_decoder(), (1.0, frame), (2.0, frame[5:]), (3.0, frame))) == [CARD, Torn.DROPPED, CARD]


def test_a_reader_may_frame_no_more_after_it_was_opened_anew() -> None:
    decoder = a_decoder()
    outcomes = decode(decoder, (1.0, f"\x02{CARD}\x03".encode()))
    decoder.opened(2.0)
    assert told([*outcomes, *decode(decoder, (3.0, LINE))]) == [CARD, CARD]


@pytest.mark.parametrize("noise", [b"\x00", b"\x7f", b"\xb9", b"\x06"])
def test_bytes_that_no_text_contains_tear_the_scan(noise: bytes) -> None:
    assert told(decode(a_decoder(), (1.0, b"9276" + noise + b"0044\r"), (2.0, LINE))) == [Torn.UNDECODABLE, CARD]


def test_a_text_of_the_greatest_length_is_taken_and_a_longer_one_is_torn() -> None:
    assert told(decode(a_decoder(), (1.0, b"1" * MAX_CHARACTERS + b"\r"))) == ["1" * MAX_CHARACTERS]
    assert told(decode(a_decoder(), (1.0, b"1" * (MAX_CHARACTERS + 1)), (1.01, b"\r"))) == [Torn.OVERFLOW]


def test_a_port_that_is_lost_in_the_middle_tears_the_scan_and_its_rest() -> None:
    decoder = a_decoder()
    decoder.feed(b"92760044", 1.0)
    assert told(list(decoder.lost(1.1))) == [Torn.LOST]
    decoder.opened(2.0)
    assert told(decode(decoder, (3.0, b"29942845\r"), (4.0, LINE))) == [Torn.LOST, CARD]


def test_what_comes_right_after_opening_is_the_rest_of_something() -> None:
    decoder = a_decoder()
    decoder.opened(1.0)
    assert told(decode(decoder, (1.1, b"2845\r"), (2.0, LINE))) == [Torn.LOST, CARD]


def test_a_second_prefix_inside_means_a_second_scan_and_the_rest_of_the_first_is_thrown_away_too() -> None:
    data = f"*9276*{CARD}\r".encode()
    outcomes = decode(a_decoder(prefix="*"), (1.0, data), (2.0, b"0044\r"), (3.0, f"*{CARD}\r".encode()))
    assert told(outcomes) == [Torn.INTERLEAVED, Torn.INTERLEAVED, CARD]


def test_the_rest_of_a_scan_that_another_interrupted_is_thrown_away_also_after_a_silence() -> None:
    decoder = a_decoder(prefix="*")
    torn_before = decode(decoder, (1.0, b"*1"), (2.0, b"2\r"))
    outcomes = decode(decoder, (4.0, f"*9276*{CARD}\r".encode()), (5.0, b"*0044\r"), (6.0, f"*{CARD}\r".encode()))
    assert told(torn_before) == [Torn.STALLED, Torn.STALLED]
    assert told(outcomes) == [Torn.INTERLEAVED, Torn.INTERLEAVED, CARD]


@given(st.lists(st.tuples(st.floats(0, 0.5), st.binary(min_size=1, max_size=20), st.booleans()), max_size=40))
def test_no_bytes_whatever_break_the_decoder_and_after_an_end_and_silence_a_line_is_taken(
    chunks: list[tuple[float, bytes, bool]],
) -> None:
    decoder = a_decoder()
    at = 1.0
    for pause, data, damaged in chunks:
        at += pause
        if damaged:
            decoder.damaged(at)
        decoder.feed(data, at)
    decoder.opened(at)
    decode(decoder, (at + 1, b"\x03\r"))
    assert told(decode(decoder, (at + 3, LINE))) == [CARD]
