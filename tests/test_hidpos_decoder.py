"""Reports to scans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.hidpos_decoder import IDLE_S, HidPosDecoder
from device.interface import Scan, Torn
from device.scan_text import MAX_CHARACTERS, Outcome
from device.simulated_scanner import scan_reports

CARD = "9276004429942845"
LONG = CARD * 8  # three reports


def decode(decoder: HidPosDecoder, *reports: tuple[float, bytes]) -> list[Outcome]:
    """What comes of reports at these times, and of a long silence after them."""
    outcomes: list[Outcome] = []
    for at, report in reports:
        outcomes.extend(decoder.feed(report, at))
    return [*outcomes, *decoder.wake(reports[-1][0] + 60)]


def told(outcomes: list[Outcome]) -> list[str | Torn]:
    return [outcome.text if isinstance(outcome, Scan) else outcome.reason for outcome in outcomes]


def at(time: float, *reports: bytes) -> list[tuple[float, bytes]]:
    return [(time + n * 0.002, report) for n, report in enumerate(reports)]


def test_one_report_is_a_scan_with_its_symbology() -> None:
    outcomes = decode(HidPosDecoder("counter"), *at(1.0, *scan_reports(CARD, "]C0")))
    assert outcomes == [Scan(scanner="counter", text=CARD, symbology="]C0", at=1.0)]


def test_the_layout_is_the_documented_one() -> None:
    """As observed: 2, 56, 93, 88, 48 is the number of the report, 56 bytes of data, `]X0` (hardware.md 3.5)."""
    first, second = scan_reports("P" * 56 + "Q" * 9, "]X0")
    assert [*first[:5]] == [2, 56, 93, 88, 48]
    assert [len(first), first[60], first[61], first[63]] == [64, ord("P"), 0, 1]
    assert [*second[:5], second[63]] == [2, 9, 93, 88, 48, 0]


def test_the_identifier_may_begin_one_byte_later() -> None:
    report = (bytes([2, 16, 0]) + b"]E0" + CARD.encode()).ljust(64, b"\0")
    assert told(decode(HidPosDecoder("counter"), (1.0, report))) == [CARD]


def test_the_makers_letter_for_the_kind_of_code_is_not_part_of_the_text() -> None:
    report = bytearray(scan_reports(CARD, "]C0")[0])
    report[61] = ord("j")
    assert told(decode(HidPosDecoder("counter"), (1.0, bytes(report)))) == [CARD]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_a_suffix_of_the_reader_is_taken_off(end: str) -> None:
    assert told(decode(HidPosDecoder("counter"), *at(1.0, *scan_reports(CARD + end, "]C0")))) == [CARD]


@given(st.text("0123456789ABC", min_size=1, max_size=400))
def test_a_scan_of_any_length_is_joined(text: str) -> None:
    assert told(decode(HidPosDecoder("counter"), *at(1.0, *scan_reports(text, "]Q1")))) == [text]


@pytest.mark.parametrize("report", [b"", b"\x07" + b"\0" * 63, b"\x02" + b"\0" * 63])
def test_what_is_no_scan_is_ignored(report: bytes) -> None:
    decoder = HidPosDecoder("counter")
    assert decode(decoder, (1.0, report)) == []
    assert told(decode(decoder, *at(2.0, *scan_reports(CARD, "]C0")))) == [CARD]


@pytest.mark.parametrize("report", [scan_reports(CARD, "]C0")[0][:40], b"\x02\x3a]C0" + b"1" * 59])
def test_a_report_that_is_not_as_documented_is_torn(report: bytes) -> None:
    assert told(decode(HidPosDecoder("counter"), (1.0, report))) == [Torn.UNDECODABLE]


def test_a_report_that_is_no_scan_where_a_part_was_due_tears_the_scan() -> None:
    first, *rest = scan_reports(LONG, "]C0")
    outcomes = decode(HidPosDecoder("counter"), *at(1.0, first, b"\x02" + b"\0" * 63, *rest))
    assert told(outcomes) == [Torn.UNDECODABLE]


def test_bytes_that_are_no_text_are_torn() -> None:
    report = scan_reports("9276", "]C0")[0].replace(b"9276", b"92\xb96")
    decoder = HidPosDecoder("counter")
    assert told(decode(decoder, (1.0, report), *at(2.0, *scan_reports(CARD, "]C0")))) == [Torn.UNDECODABLE, CARD]


def test_a_stall_between_two_reports_tears_the_scan_and_its_rest_is_never_a_code() -> None:
    first, *rest = scan_reports(LONG, "]C0")
    later = at(1.0 + IDLE_S, *rest)
    outcomes = decode(HidPosDecoder("counter"), (1.0, first), *later, *at(3.0, *scan_reports(CARD, "]C0")))
    assert told(outcomes) == [Torn.STALLED, Torn.STALLED, CARD]


def test_reports_that_the_kernel_dropped_tear_the_scan() -> None:
    first, _, last = scan_reports(LONG, "]C0")
    decoder = HidPosDecoder("counter")
    decoder.feed(first, 1.0)
    decoder.dropped(1.001)
    assert told(decode(decoder, (1.002, last), *at(2.0, *scan_reports(CARD, "]C0")))) == [Torn.DROPPED, CARD]


def test_another_identifier_inside_means_two_scans_and_neither_is_taken() -> None:
    first, *rest = scan_reports(LONG, "]C0")
    inside = scan_reports("4006381333931", "]E0")
    outcomes = decode(HidPosDecoder("counter"), *at(1.0, first, *inside, *rest), *at(2.0, *scan_reports(CARD, "]C0")))
    assert told(outcomes) == [Torn.INTERLEAVED, CARD]


def test_a_scan_that_is_longer_than_any_code_is_torn() -> None:
    reports = scan_reports("1" * (MAX_CHARACTERS + 1), "]Q1")
    assert told(decode(HidPosDecoder("counter"), *at(1.0, *reports))) == [Torn.OVERFLOW]


def test_a_reader_that_is_lost_in_the_middle_tears_the_scan_and_its_rest() -> None:
    first, *rest = scan_reports(LONG, "]C0")
    decoder = HidPosDecoder("counter")
    decoder.feed(first, 1.0)
    assert told(list(decoder.lost(1.1))) == [Torn.LOST]
    decoder.opened(2.0)
    assert told(decode(decoder, *at(3.0, *rest), *at(4.0, *scan_reports(CARD, "]C0")))) == [Torn.LOST, CARD]


def test_what_comes_right_after_opening_is_the_rest_of_something() -> None:
    decoder = HidPosDecoder("counter")
    decoder.opened(1.0)
    tail = scan_reports(LONG, "]C0")[1:]
    assert told(decode(decoder, *at(1.05, *tail), *at(2.0, *scan_reports(CARD, "]C0")))) == [Torn.LOST, CARD]


@given(st.lists(st.tuples(st.floats(0, 0.3), st.binary(max_size=70)), min_size=1, max_size=30))
def test_no_reports_whatever_break_the_decoder(reports: list[tuple[float, bytes]]) -> None:
    decoder = HidPosDecoder("counter")
    now = 1.0
    for pause, report in reports:
        now += pause
        decoder.feed(report, now)
    decode(decoder, *at(now + 1, *scan_reports("1", "]C0")))
    assert told(decode(decoder, *at(now + 3, *scan_reports(CARD, "]C0")))) == [CARD]
