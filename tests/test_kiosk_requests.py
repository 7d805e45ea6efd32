"""What may be asked, and that a refusal repeats nothing."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.kiosk.problems import invalid_request
from agent.kiosk.requests import (
    MOST_LINES,
    ApplyBody,
    BasketBody,
    Body,
    CardBody,
    ConfirmBody,
    CreateBody,
    Nothing,
    OpenDrawerBody,
    PayBody,
    ResolveBody,
)
from agent.kiosk.roles import Role

LINE = {"id": 1, "articleNumber": 30037, "desc": "Sandwich", "quantity": 1, "priceOne": 349, "tax": 7}
CARD = "9276004429942845"


def refused(model: type[Body], body: object) -> list[str]:
    """Return the fields that are refused."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(json.dumps(body))
    problem = invalid_request(caught.value)
    assert problem.fields is not None
    return [each.field for each in problem.fields]


def test_a_product_line_passes_through_unchanged() -> None:
    line = LINE | {"group": [{"id": 7}], "anything": {"the": ["API", None]}, "ean": None, "tax": 7.5}
    assert BasketBody.model_validate_json(json.dumps({"products": [line]})).products == (line,)


@pytest.mark.parametrize("field", ["quantity", "priceOne"])
@pytest.mark.parametrize("value", [None, "1", 1.0, 1.5, True, [], 10**9])
def test_quantity_and_price_are_whole_numbers(field: str, value: object) -> None:
    assert refused(BasketBody, {"products": [LINE | {field: value}]}) == ["products.0"]


@pytest.mark.parametrize("field", ["quantity", "priceOne"])
def test_quantity_and_price_must_be_there(field: str) -> None:
    line = {name: value for name, value in LINE.items() if name != field}
    assert refused(BasketBody, {"products": [line]}) == ["products.0"]


def test_a_discount_line_is_taken() -> None:
    assert BasketBody.model_validate({"products": ({**LINE, "priceOne": -15},)}).products[0]["priceOne"] == -15


@pytest.mark.parametrize("ean", [[], {}, 1.5])
def test_an_ean_that_is_no_code_is_refused(ean: object) -> None:
    """The checkout looks it up in a set, which a list would break."""
    assert refused(BasketBody, {"products": [LINE | {"ean": ean}]}) == ["products.0"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("told", ['"tax":%s', '"group":[{"tax":[%s]}]'])
def test_a_number_that_json_cannot_write_is_refused(told: str, number: str) -> None:
    """Python reads it; sent on it would be no JSON, and null after a restart."""
    line = f'{{"quantity":1,"priceOne":250,{told % number}}}'
    with pytest.raises(ValidationError, match="a number must be finite"):
        BasketBody.model_validate_json(f'{{"products":[{line}]}}')


def test_a_basket_has_at_most_a_thousand_lines() -> None:
    assert refused(BasketBody, {"products": [LINE] * (MOST_LINES + 1)}) == ["products"]


@pytest.mark.parametrize("model", [CreateBody, BasketBody, CardBody, ApplyBody, PayBody, ConfirmBody, Nothing])
def test_an_unknown_field_is_refused(model: type[Body]) -> None:
    assert "amountt" in refused(model, {"amountt": 1})


def test_every_problem_is_told_at_once() -> None:
    assert refused(PayBody, {"method": "bitcoin", "amount": -1, "x": 1}) == ["method", "amount", "x"]


@pytest.mark.parametrize("amount", ["296", 296.0, True, None])
def test_an_amount_is_whole_cents(amount: object) -> None:
    assert refused(PayBody, {"method": "cash", "amount": amount}) == ["amount"]


def test_nothing_of_a_refused_body_is_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        CardBody.model_validate({"value": [CARD], "csc": CARD, CARD: CARD, "x" * 500: 1})
    told = invalid_request(caught.value).answer(Role.SCREEN).as_json().decode()
    assert CARD not in told
    assert len(told) < 2000


def test_a_typed_card_is_not_shown_by_its_repr() -> None:
    assert CARD not in repr(CardBody(value=CARD, csc="4471"))
    assert "4471" not in repr(CardBody(value=CARD, csc="4471"))


@pytest.mark.parametrize("csc", ["447", "44710", "44a1", "٤٤٧١", ""])
def test_the_digits_on_the_back_are_four(csc: str) -> None:
    assert refused(CardBody, {"value": CARD, "csc": csc}) == ["csc"]


@pytest.mark.parametrize("reason", ["", " ", "a\nb", "a\x1b[0m", "x" * 501])
def test_a_reason_is_printable_text(reason: str) -> None:
    assert refused(OpenDrawerBody, {"reason": reason, "by": "Ada"}) == ["reason"]


def test_a_card_number_in_a_note_is_masked() -> None:
    body = ResolveBody(outcome="refunded", note=f"gave back to {CARD}", by=CARD)
    assert CARD not in body.note
    assert body.by == "9276********2845"


@pytest.mark.parametrize("currency", ["EURO", "eur", "", "€"])
def test_a_currency_has_three_letters(currency: str) -> None:
    assert refused(CreateBody, {"currency": currency}) == ["currency"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=10,
    )
)
def test_whatever_is_sent_is_taken_or_refused(body: object) -> None:
    for model in (CreateBody, BasketBody, PayBody, CardBody, Nothing):
        try:
            model.model_validate_json(json.dumps(body))
        except ValidationError as error:
            told = invalid_request(error)
            assert told.fields
