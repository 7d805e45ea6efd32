"""The last step to a scan, the same for all readers."""

import pytest

from device.interface import Scan, Torn, TornScan
from device.scan_text import Discard, decoded, is_decodable, scan_or_torn

CARD = "9276004429942845"


@pytest.mark.parametrize("blank", ["\r", "\n", "\t", "\r\n"])
def test_what_belongs_to_the_suffix_is_taken_off(blank: str) -> None:
    assert scan_or_torn("counter", f"{blank}{CARD}{blank}", 1.0) == Scan(scanner="counter", text=CARD, at=1.0)


@pytest.mark.parametrize("nothing", ["", "\r\n", "\x1b0"])
def test_nothing_is_no_scan(nothing: str) -> None:
    assert scan_or_torn("counter", nothing, 1.0) is None


@pytest.mark.parametrize(
    ("characters", "prefix", "reason"),
    [
        ("*", "*", Torn.DROPPED),
        ("]C0", "", Torn.DROPPED),
        (CARD, "*", Torn.DROPPED),
        (f"*9276*{CARD}", "*", Torn.INTERLEAVED),
        (f"]C09276]C0{CARD}", "", Torn.INTERLEAVED),
        ("%E?", "", Torn.READER_ERROR),
    ],
)
def test_what_is_not_whole_is_torn(characters: str, prefix: str, reason: Torn) -> None:
    assert scan_or_torn("counter", characters, 1.0, prefix=prefix) == TornScan(scanner="counter", reason=reason, at=1.0)


@pytest.mark.parametrize(
    ("characters", "prefix", "decodable"),
    [
        ("A1 äß漢", "", True),
        ("a\x1db\x1e\x04", "", True),
        ("a\x00", "", False),
        ("\x7f", "", False),
        ("\x02a", "\x02", True),
    ],
)
def test_a_code_contains_text_and_separators(characters: str, prefix: str, decodable: bool) -> None:
    assert is_decodable(characters, prefix) is decodable


def test_bytes_are_utf_8() -> None:
    assert [decoded("Tüte".encode()), decoded("Tüte".encode("latin-1"))] == ["Tüte", None]


def test_a_burst_is_reported_once_with_the_first_reason() -> None:
    discard = Discard("counter")
    assert discard.report(1.0) == ()
    discard.begin(Torn.STALLED)
    discard.begin(Torn.DROPPED)
    assert discard.report(2.0) == (TornScan(scanner="counter", reason=Torn.STALLED, at=2.0),)
    assert discard.report(3.0) == ()
    discard.go_on()
    assert discard.report(4.0) == (TornScan(scanner="counter", reason=Torn.STALLED, at=4.0),)
    discard.end()
    assert not discard.active
