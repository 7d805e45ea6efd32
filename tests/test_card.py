import copy
import dataclasses
import json
import logging
import pickle
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.card import CardNumber, CardRules, NotACard, mask_numbers, names_a_card, read_card

SAMPLE = "9276004429942845"  # the documented test card
MASKED = "9276********2845"
OTHER = "9276004424644352"  # the second documented one
BANK_CARD = "4111111111111111"  # the payment industry's test number
RULES = CardRules(prefixes=("9276",), lengths=(16,))


# What a card is


@pytest.mark.parametrize(
    "text",
    [
        SAMPLE,
        f"%B{SAMPLE}^MUSTERMANN/MAX^25121010000000?",
        f"%{SAMPLE}?",
        f";{SAMPLE}=25121010000000?",
        f";{SAMPLE}?",
        f"+{SAMPLE}=1?",
        f"%B{SAMPLE}^MUSTERMANN/MAX^2512101?;{SAMPLE}=2512101?+{SAMPLE}?",
        f"%MUSTERMANN/MAX?;{SAMPLE}?",
        f"%E?;{SAMPLE}?",
        f"%B{SAMPLE}^X^?;E?",
        f"%B{SAMPLE}^X^?;?",
        f"%B{BANK_CARD}^X^2512?;{SAMPLE}?",
    ],
)
def test_a_loyalty_number_is_read_bare_or_from_any_whole_track(text: str) -> None:
    assert CardNumber(SAMPLE) == read_card(text, RULES)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9",
        SAMPLE[:-1],
        SAMPLE + "0",
        "1" + SAMPLE[1:],
        f" {SAMPLE}",
        f"{SAMPLE} ",
        f"{SAMPLE}\n",
        f"{SAMPLE[:8]} {SAMPLE[8:]}",
        f"{SAMPLE[:8]}\x00{SAMPLE[8:]}",
        f"\x02{SAMPLE}\x03",
        SAMPLE.replace("4", "\N{ARABIC-INDIC DIGIT FOUR}"),
        SAMPLE.replace("2", "\N{FULLWIDTH DIGIT TWO}"),
        SAMPLE.replace("2", "²"),
        f"-{SAMPLE}",
        f"{SAMPLE}X",
        "pdo28hdal",
        "%E?;E?+E?",
    ],
)
def test_what_is_not_a_whole_loyalty_number_is_no_card(text: str) -> None:
    assert NotACard.NOT_A_CARD is read_card(text, RULES)


@pytest.mark.parametrize(
    "text",
    [
        f";{SAMPLE}",
        f";{SAMPLE}=2512101",
        f"{SAMPLE}?",
        f"%B{SAMPLE}^MUSTERMANN",
        f"%B{SAMPLE}^MUSTER;{SAMPLE}=2512?",
        f";{SAMPLE}=25;{SAMPLE}=2512?",
        f";{SAMPLE}?;{SAMPLE}?",
        f";{SAMPLE}?%B{SAMPLE}^X^?",
        f";{SAMPLE}?{SAMPLE}",
        f"%B{SAMPLE}\u00df^X^?",
        f";{SAMPLE[:8]} {SAMPLE[8:]}?",
        f"%B{SAMPLE}^X^?\r;{SAMPLE}?",
    ],
)
def test_a_torn_or_interleaved_swipe_is_no_card(text: str) -> None:
    assert NotACard.NOT_A_CARD is read_card(text, RULES)


def test_tracks_that_name_different_cards_are_no_card() -> None:
    assert NotACard.NOT_A_CARD is read_card(f"%B{SAMPLE}^X^?;{OTHER}?", RULES)


@pytest.mark.parametrize(
    "text",
    [
        BANK_CARD,
        "4111111111111",  # 13 digits, as old Visa cards had
        "5555555555554444",
        "6011111111111117",
        "378282246310005",
        "2221000000000009",
        "2720999999999996",
        "30569309025904",
        "4111111111111112",  # a wrong check digit saves nobody
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        f";{BANK_CARD}=25121010000000000000?",
        f"%B{BANK_CARD}^MUSTERMANN/MAX^2512101?",
        f"%B{BANK_CARD}^MUSTERMANN/MAX^2512101?;{BANK_CARD}=2512101?",
        "%B3782 822463 10005^AMEX/OLD^2512101?",
        f";{BANK_CARD}=2512",
        f"X{BANK_CARD}",
        f"99 {BANK_CARD}",
        BANK_CARD * 2,
        f"{BANK_CARD}\r\n",
        f"\u00f6{BANK_CARD}\u00b42512?",
    ],
)
def test_what_looks_like_a_bank_card_is_called_a_payment_card(text: str) -> None:
    assert NotACard.PAYMENT_CARD is read_card(text, RULES)


@pytest.mark.parametrize("text", ["2220999999999999", "2721000000000000", "1118355413357668", "411111111111"])
def test_outside_the_payment_ranges_a_foreign_number_is_no_card(text: str) -> None:
    assert NotACard.NOT_A_CARD is read_card(text, RULES)


def test_the_allow_list_is_asked_before_the_looks_of_a_payment_card() -> None:
    rules = CardRules(prefixes=("1118", "411111"), lengths=(13, 16))
    assert CardNumber(BANK_CARD) == read_card(BANK_CARD, rules)
    assert CardNumber("1118355413357") == read_card("1118355413357", rules)


def test_a_check_digit_is_never_asked_for() -> None:
    """None of the documented numbers passes Luhn."""
    for number in (SAMPLE, OTHER, "9276004429999952", "9276004423382427"):
        assert CardNumber(number) == read_card(number, RULES)


@pytest.mark.parametrize(
    ("prefixes", "lengths"),
    [((), (16,)), (("",), (16,)), (("92x6",), (16,)), (("9276",), ()), (("9276",), (11,)), (("9276",), (20,))],
)
def test_rules_that_could_let_anything_through_are_refused(prefixes: tuple[str, ...], lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a card"):
        CardRules(prefixes=prefixes, lengths=lengths)


# How a number is kept from sight


def test_a_card_number_masks_itself_in_every_way_of_printing() -> None:
    card = CardNumber(SAMPLE)
    assert [str(card), repr(card), f"{card}", f"{card!r}", "%s" % card] == [MASKED] * 5  # noqa: UP031 (what logging does)
    assert f"  {MASKED}" == f"{card:>18}"
    assert f"[{MASKED}]" == str([card])
    assert str(CardNumber("9999234567890")) == "9999*****7890"


def test_a_log_line_shows_the_masked_number(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        logging.getLogger("tillwire.card").info("read %s", CardNumber(SAMPLE))
    assert [f"read {MASKED}"] == caplog.messages


def test_a_card_number_is_equal_by_its_digits() -> None:
    assert CardNumber(SAMPLE) == CardNumber(SAMPLE)
    assert CardNumber(SAMPLE) != CardNumber(OTHER)
    assert CardNumber(SAMPLE) != SAMPLE
    assert {CardNumber(SAMPLE)} == {CardNumber(SAMPLE), CardNumber(SAMPLE)}
    assert CardNumber(SAMPLE).value == SAMPLE


def test_a_card_number_is_frozen() -> None:
    with pytest.raises(AttributeError):
        CardNumber(SAMPLE).value = OTHER  # type: ignore[misc]
    with pytest.raises(AttributeError):
        CardNumber(SAMPLE).note = "x"  # type: ignore[attr-defined]


@dataclasses.dataclass(frozen=True)
class Holder:
    card: CardNumber


def test_a_card_number_is_not_taken_along_by_accident() -> None:
    for take in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            take(CardNumber(SAMPLE))
    with pytest.raises(TypeError):
        dataclasses.asdict(Holder(CardNumber(SAMPLE)))


@pytest.mark.parametrize("text", ["", "92760044299", SAMPLE + "0000", "٤" * 16, SAMPLE + "\n", "927600442994284x"])
def test_a_wrong_number_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="12 to 19 digits") as refused:
        CardNumber(text)
    assert text == "" or text not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (SAMPLE, MASKED),
        (f"Kartennummer: {SAMPLE}", f"Kartennummer: {MASKED}"),
        ("9276 0044 2994 2845", "9276 **** **** 2845"),
        ("9276-0044-2994-2845", "9276-****-****-2845"),
        ("9276\u00a00044\u00a02994\u00a02845", "9276\u00a0****\u00a0****\u00a02845"),
        ("92760044 29942845", "9276**** ****2845"),
        ("9276 0044 2994 2845,00", "9276 **** **** 2845,00"),
        ("1,9276 0044 2994 2845", "1,9276 **** **** 2845"),
        (f"**{SAMPLE}**", f"**{MASKED}**"),
        (f"{SAMPLE},00", f"{MASKED},00"),
        (f"{SAMPLE} 2026-11-22", f"{MASKED} 2026-11-22"),
        (f"{SAMPLE} {OTHER}", f"{MASKED} 9276********4352"),
        (f"a{SAMPLE}b", f"a{MASKED}b"),
        ("999123456789", "9991****6789"),
        ("999123456789,00", "9991****6789,00"),
        ("1" * 19, "1111***********1111"),
        ("1" * 40, "1111" + "*" * 32 + "1111"),
    ],
)
def test_each_long_number_in_a_text_is_masked(text: str, masked: str) -> None:
    assert masked == mask_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "7,96 EUR",
        "1.234.567.890,12 EUR",
        "24.09.2020 14:40:58",
        "2026-11-22 15:40:02",
        "2026-11-22T15:40:02+01:00",
        "2026-11-22 15:40:02,123 INFO",
        "22/11/2026 15:40",
        "TA Code: 29187332",
        "29187332 24.09.2020",
        "Rechnung 2026-000123 22.11.2026",
        "22.11.2026 2026-000123",
        "VT000124",
        "STX_KJXJDUN542NR3WMRHRVU5WWM6ZQEA2",
        MASKED,
        "9276 **** **** 2845 12.50 1234",
        "Zeile 1\n29187332\n29187333",
    ],
)
def test_dates_amounts_and_short_numbers_are_left_alone(text: str) -> None:
    assert text == mask_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        f";{BANK_CARD}=25121010000000000000?",
        f";{BANK_CARD}=2512",
        f"%B{BANK_CARD}^MUSTERMANN/MAX^2512101?;{BANK_CARD}=2512101?+{BANK_CARD}=1?",
        f"%B{BANK_CARD}?",
        "%B3782 822463 10005^AMEX/OLD^2512101?",
        f"read ;{BANK_CARD}=2512101123?",
    ],
)
def test_of_the_text_of_a_track_no_digit_stays(text: str) -> None:
    assert not re.search(r"\d", mask_numbers(text))


# Whatever comes in

_pieces = st.sampled_from(
    [SAMPLE, OTHER, BANK_CARD, SAMPLE[:9], "%", "%B", ";", "+", "?", "^", "=", "E", " ", "-", ",", "\r", "2512", "A/B"]
)
_scans = st.lists(_pieces | st.text(max_size=4), max_size=8).map("".join) | st.text()


@given(_scans)
@example(f"%B{SAMPLE}^A^?;{SAMPLE}?")
def test_a_complete_loyalty_number_comes_out_or_nothing(text: str) -> None:
    card = read_card(text, RULES)
    if isinstance(card, CardNumber):
        assert re.fullmatch(r"9276[0-9]{12}", card.value)
        assert re.search(rf"(?<![0-9]){card.value}(?![0-9])", text)
        assert not re.search(r"[0-9]{5}", f"{card} {card!r}")
    else:
        assert card in NotACard


@given(st.text("0123456789", min_size=1, max_size=24))
def test_a_bare_number_is_a_card_exactly_by_prefix_and_length(number: str) -> None:
    expected = number.startswith("9276") and len(number) == 16
    assert expected == isinstance(read_card(number, RULES), CardNumber)


@given(st.integers(0, 15), st.sampled_from([f";{SAMPLE}=2512?", f"%B{SAMPLE}^A/B^2512?"]))
def test_a_swipe_that_lost_its_end_is_no_card(lost: int, swipe: str) -> None:
    whole = read_card(swipe, RULES)
    assert isinstance(whole, CardNumber)
    assert (lost == 0) == isinstance(read_card(swipe[: len(swipe) - lost], RULES), CardNumber)


_numbers = st.text("0123456789", min_size=12, max_size=40)
_around = st.text("abcÄ €:.,*\n?", max_size=6)


@given(_around, _numbers, _around)
def test_of_a_long_number_at_most_the_first_and_last_four_stay(before: str, number: str, after: str) -> None:
    masked = mask_numbers(f"{before}{number}{after}")
    assert f"{before}{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}{after}" == masked


@given(st.text("0123456789", min_size=16, max_size=19), st.sampled_from([" ", "-", "\u2013", "\u00a0"]), _around)
def test_a_number_written_in_groups_of_four_is_masked_wherever_it_stands(number: str, gap: str, around: str) -> None:
    groups = gap.join(re.findall(r"[0-9]{1,4}", number))
    masked = mask_numbers(f"{around}{groups}{around}")
    assert len(masked) == len(groups) + 2 * len(around)
    assert sum(character.isdecimal() for character in masked) == 8


@given(_scans | st.text("0123456789 -.,:*", max_size=60))
def test_masking_leaves_no_long_number_and_is_done_once(text: str) -> None:
    masked = mask_numbers(text)
    assert not re.search(r"\d{12}", masked)
    assert len(masked) == len(text)
    assert masked == mask_numbers(masked)


# Card numbers in references


@pytest.mark.parametrize(
    "reference",
    [
        SAMPLE,
        f"A-17/{SAMPLE}",
        f"{SAMPLE[:4]} {SAMPLE[4:8]} {SAMPLE[8:12]} {SAMPLE[12:]}",
        BANK_CARD,
        f";{BANK_CARD}=2512?",
    ],
)
def test_a_reference_that_names_a_card_is_known(reference: str) -> None:
    assert names_a_card(reference, RULES)


@pytest.mark.parametrize(
    "reference",
    [
        "A-17",
        "20261122215959",
        "550e8400-e29b-41d4-a716-446655440000",
        "STX_WVHK28TE6JQPCFHSHDG02QZKD6HZSJ",
        "4260447149502"[:12],
        SAMPLE + "0",
        "4" * 20,
    ],
)
def test_what_registers_use_as_references_names_no_card(reference: str) -> None:
    assert not names_a_card(reference, RULES)


@given(st.uuids())
def test_no_uuid_names_a_bank_card(reference: object) -> None:
    assert not names_a_card(str(reference), CardRules(prefixes=("9" * 12,), lengths=(16,)))
