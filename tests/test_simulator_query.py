"""The search expressions of lists."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.simulator.query import BadQuery, parse

CARD: dict[str, object] = {
    "id": "MCD_1",
    "card": {"cardnumber": "9276004429942845"},
    "balance": 500,
    "is_base_card": True,
    "expiry_date": None,
    "tags": [{"name": "gold"}, {"name": "old"}],
    "created": "2020-09-17T09:18:14+02:00",
}


@pytest.mark.parametrize(
    "expression",
    [
        'card.cardnumber:"9276004429942845"',
        "card.cardnumber:9276*",
        "id:MCD_?",
        "balance:[500 TO 600]",
        "balance:[* TO 1000]",
        "created:[2020-09-01 TO *]",
        "is_base_card:true",
        "tags.name:gold",
        "tags.name:old",
        "_exists_:card.cardnumber",
        "NOT _exists_:expiry_date",
        "!id:X",
        "balance:1 OR balance:500",
        "balance:500 AND id:MCD_1",
        "balance:500 id:MCD_1",
        "(balance:1 OR balance:500) AND NOT (id:X OR id:Y)",
    ],
)
def test_what_matches(expression: str) -> None:
    assert parse(expression)(CARD)


@pytest.mark.parametrize(
    "expression",
    [
        'card.cardnumber:"9276*"',
        "card.cardnumber:9277*",
        "balance:[501 TO *]",
        "balance:[* TO 99]",
        "is_base_card:false",
        "expiry_date:*",
        "_exists_:nothing",
        "balance:500 AND id:X",
        "balance:500 id:X",
        "NOT balance:500",
        "balance:1 OR balance:2 AND balance:500",
    ],
)
def test_what_does_not_match(expression: str) -> None:
    assert not parse(expression)(CARD)


@pytest.mark.parametrize(
    "expression",
    [
        "balance",
        "balance:",
        ":500",
        "(balance:500",
        "balance:500)",
        "NOT",
        "AND",
        'id:"x',
        "a:1 OR",
        "id:[A]",
        "x" * 1001,
        "",
    ],
)
def test_what_is_no_query(expression: str) -> None:
    with pytest.raises(BadQuery):
        parse(expression)


@given(st.text(alphabet='ab.:*?[]()!" \\TOANDRexists_019', max_size=60))
def test_any_text_is_a_query_or_is_refused(expression: str) -> None:
    try:
        matcher = parse(expression)
    except BadQuery:
        return
    assert matcher(CARD) in {True, False}


@given(st.text(max_size=30).filter(lambda text: '"' not in text))
def test_quoted_text_matches_exactly_itself(text: str) -> None:
    matcher = parse(f'name:"{text}"')
    assert matcher({"name": text})
    assert not matcher({"name": text + "x"})
