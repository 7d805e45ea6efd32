"""What a scan means to the till, and which scans count once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.card import CardNumber, CardRules
from agent.till.listener import ScanTold
from agent.till.scans import RepeatedScans, meaning
from device.interface import Scan

RULES = CardRules(prefixes=("9276",), lengths=(16,))
CARD = "9276004429942845"
BANK_CARDS = ("4111111111111111", "5500005555555559", "2221000000000009", "2720990000000007", "340000000000009")


def a_scan(text: str, at: float = 0.0, scanner: str = "counter") -> Scan:
    return Scan(scanner=scanner, text=text, symbology="]C0", at=at)


def told(text: str) -> ScanTold | None:
    read = meaning(a_scan(text), RULES, forwards=True)
    assert not isinstance(read, CardNumber)
    return read


def test_a_card_is_a_card() -> None:
    assert meaning(a_scan(CARD), RULES, forwards=True) == CardNumber(CARD)


@pytest.mark.parametrize(
    "text",
    [
        "4006381333931",
        "0104006381333931" + "10ABC\x1d21" + "12345678",
        "https://id.gs1.org/01/09506000134352?10=ABC&17=251231",
        "SKU-30037",
        "50% off; today",
        "00340123450000000018",
    ],
)
def test_an_article_goes_to_the_screen(text: str) -> None:
    assert told(text) == ScanTold(scanner="counter", code=text, symbology="]C0")


@pytest.mark.parametrize(
    "text",
    [
        f"CARD:{CARD}",
        f"https://shop.example/c/{CARD}",
        f"0{CARD}",
        f"12{CARD}34",
        f"{CARD}0",
        "9276 0044 2994 2845",
        "9276-0044-2994-2845",
        "No. 9276.0044.2994.2845",
        "92760044",
        "CARD:92760044",
        "%B4111",
        ";2845",
        "+01",
        "2845=2512101?",
        "2845=2512101",
        "B4111^X/Y",
    ],
)
def test_what_may_hold_a_card_never_goes_to_the_screen(text: str) -> None:
    assert told(text) == ScanTold(scanner="counter", refused="not_a_card")


@pytest.mark.parametrize("number", BANK_CARDS)
@pytest.mark.parametrize("written", ["{}", "CARD:{}", "{} ", "x{}x", ";{}=2512101000?", "%B{}^X/Y^2512?"])
def test_of_a_bank_card_nothing_is_told(number: str, written: str) -> None:
    assert told(written.format(number)) is None


@pytest.mark.parametrize("between", [" ", "-", ".", "_", "\u00a0", "\u2013", "  ", " - "[:2]])
def test_of_a_bank_card_in_groups_nothing_is_told(between: str) -> None:
    assert told(between.join(("4111", "1111", "1111", "1111"))) is None


AROUND = st.text("ABCxyz:/- .0123456789\x1d")


@given(AROUND, st.text("0123456789", min_size=12, max_size=12), st.sampled_from(["", " ", "-", "."]), AROUND)
def test_no_card_of_ours_is_ever_forwarded(before: str, number: str, between: str, after: str) -> None:
    card = f"9276{number}"
    written = between.join(card[place : place + 4] for place in range(0, 16, 4))
    read = meaning(a_scan(before + written + after), RULES, forwards=True)
    assert not isinstance(read, ScanTold) or read.code is None


def test_what_is_not_forwarded_is_refused_without_its_text() -> None:
    assert meaning(a_scan("SKU-30037"), RULES, forwards=False) == ScanTold(scanner="counter", refused="not_a_card")


# Repeated scans


def test_a_card_counts_once_within_its_span_and_again_after_it() -> None:
    repeated = RepeatedScans(card_within_s=2.0)
    assert not repeated.is_repeated(a_scan(CARD, 10.0))
    repeated.count_card(a_scan(CARD, 10.0))
    assert [repeated.is_repeated(a_scan(CARD, at)) for at in (10.1, 11.9, 12.0)] == [True, True, False]


def test_another_card_and_another_reader_are_not_repeated() -> None:
    repeated = RepeatedScans(card_within_s=2.0)
    repeated.count_card(a_scan(CARD, 10.0))
    assert not repeated.is_repeated(a_scan("9276004424644352", 10.1))
    assert not repeated.is_repeated(a_scan(CARD, 10.1, scanner="wall"))


def test_two_equal_articles_follow_each_other_faster_than_one_card_counts_twice() -> None:
    repeated = RepeatedScans(card_within_s=2.0)
    repeated.count_code(a_scan("4006381333931", 10.0))
    assert [repeated.is_repeated(a_scan("4006381333931", at)) for at in (10.2, 10.4)] == [True, False]


def test_with_no_span_every_card_counts() -> None:
    repeated = RepeatedScans(card_within_s=0.0)
    repeated.count_card(a_scan(CARD, 10.0))
    assert not repeated.is_repeated(a_scan(CARD, 10.0))
