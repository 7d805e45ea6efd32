"""What create and update send, as the guide prints it."""

import json

import pytest

from agent.card import CardNumber
from agent.smart.transaction_request import TransactionRequest

CARD = CardNumber("9276004429942845")
PRODUCTS: tuple[dict[str, object], ...] = (
    {"id": 1, "articleNumber": 30037, "desc": "Sandwich Romano", "quantity": 1, "priceOne": 349, "tax": 7},
    {"id": 2, "articleNumber": 30200, "desc": "Fruit salad, small bowl", "quantity": 1, "priceOne": 249, "tax": 7},
    {
        "id": 3,
        "articleNumber": 51,
        "ean": "4999012345678",
        "desc": "Water, mildly sprinkling, 0.25 ltr.",
        "quantity": 2,
        "priceOne": 99,
        "tax": 19,
    },
)
CHARGE: dict[str, object] = {
    "id": 1,
    "ean": "4260447149502",
    "articleNumber": None,
    "desc": "Kartenaufladung 15 EUR",
    "quantity": 1,
    "priceOne": 1500,
    "tax": 7,
}
IDENTS = [{"type": "card", "value": "9276004429942845"}]


def test_the_documented_create_is_sent_as_it_is_printed() -> None:
    request = TransactionRequest(products=PRODUCTS, sum=796, currency="EUR", card=CARD, is_demo=True)
    assert json.loads(request.body()) == {
        "is_demo": True,
        "idents": IDENTS,
        "basket": {"products": list(PRODUCTS)},
        "basket_info": {"sum": 796, "currency": "EUR"},
    }


def test_the_documented_charge_is_sent_as_it_is_printed() -> None:
    request = TransactionRequest(products=(CHARGE,), sum=1500, currency="EUR", card=CARD, is_demo=True)
    assert json.loads(request.body()) == {
        "is_demo": True,
        "idents": IDENTS,
        "basket": {"products": [CHARGE]},
        "basket_info": {"sum": 1500, "currency": "EUR"},
    }


def test_references_and_intent_are_sent_where_there_are_any() -> None:
    request = TransactionRequest(
        products=(),
        sum=0,
        currency="EUR",
        merchantRef="customer nr. 123",
        transactionRef="order nr. 123",
        intent="sale",
    )
    body = json.loads(request.body())
    assert (body["merchantRef"], body["transactionRef"], body["intent"]) == (
        "customer nr. 123",
        "order nr. 123",
        "sale",
    )


def test_a_request_without_card_takes_a_card_away() -> None:
    """What an update without `idents` does is not documented (smart-api.md 11.12b), so it is never left out."""
    body = json.loads(TransactionRequest(products=(), sum=0, currency="EUR").body())
    assert body["idents"] == []
    assert body.keys() == {"is_demo", "idents", "basket", "basket_info"}


@pytest.mark.parametrize("text", ["Brötchen mit Käse", "10 €", "emoji 🥐"])
def test_texts_go_through_unchanged(text: str) -> None:
    request = TransactionRequest(products=({"id": 1, "desc": text},), sum=0, currency="EUR")
    assert json.loads(request.body())["basket"]["products"] == [{"id": 1, "desc": text}]


def test_a_card_number_is_sent_as_a_string_and_printed_masked() -> None:
    request = TransactionRequest(products=(), sum=0, currency="EUR", card=CARD)
    assert b'"value":"9276004429942845"' in request.body()
    assert "9276004429942845" not in repr(request)
