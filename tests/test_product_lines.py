"""What stands in product lines: a card number is found wherever it is, and nothing else is taken for one."""

import pytest

from agent.card import CardRules
from agent.kiosk.product_lines import all_finite, lines_with_cards

CARDS = CardRules(prefixes=("9276",), lengths=(16,))
LOYALTY = "9276004429942845"
BANK_CARD = "4111111111111111"
EAN_13 = "4006381333931"


@pytest.mark.parametrize(
    "line",
    [
        {"desc": f"Gift card {LOYALTY}"},
        {"desc": "Gift card 9276 0044 2994 2845"},
        {"serialNumber": int(LOYALTY)},
        {"serialNumber": float(LOYALTY)},
        {"articleNumber": BANK_CARD},
        {"ean": int(BANK_CARD)},
        {"group": [{"id": 1}, {"deep": [{"note": LOYALTY}]}]},
        {"group": {LOYALTY: None}},
    ],
)
def test_a_card_number_is_found_wherever_it_stands(line: dict[str, object]) -> None:
    assert lines_with_cards([{"desc": "Coffee"}, line], CARDS) == [1]


@pytest.mark.parametrize(
    "line",
    [
        {"ean": EAN_13},
        {"ean": int(EAN_13)},
        {"articleNumber": EAN_13},
        {"ean": "4999012345678"},
        {"ean": "34006381333932"},
        {"desc": f"Article {EAN_13}"},
        {"tax": 3.3333333333333335, "weight": 0.30000000000000004},
        {"id": 1, "articleNumber": 30037, "desc": "Sandwich", "ean": None, "sold": True},
    ],
)
def test_an_article_and_a_fraction_are_no_card(line: dict[str, object]) -> None:
    assert lines_with_cards([line], CARDS) == []


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_what_is_no_number_is_found_wherever_it_stands(text: str) -> None:
    assert not all_finite({"tax": float(text)})
    assert not all_finite({"group": [{"tax": [1.5, float(text)]}]})
    assert all_finite({"tax": 7.5, "group": [{"tax": 19}], "desc": text})
