"""The documented JSON goes through the models without loss, and what nobody documented does no harm."""

import copy
import json
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.smart import models
from agent.smart.errors import ApiError, JsonObject
from agent.smart.models import (
    LONGEST_LIFE_S,
    CardValidity,
    DeviceCodeAnswer,
    MerchantCard,
    MerchantCardList,
    PreTransaction,
    SmartModel,
    SmartTransaction,
    TokenAnswer,
    TransactionList,
)

EXAMPLES = json.loads(Path(__file__).with_name("smart_examples.json").read_text())
STARTED = cast("JsonObject", EXAMPLES["SmartTransaction"]["start/cash"])
CARD = EXAMPLES["SmartTransaction"]["start/cash"]["idents"][0]["merchantcard"]


def started(**changes: object) -> SmartTransaction:
    """The seed's answer to start/cash, with some fields as other pages and SDKs have them."""
    return SmartTransaction.model_validate({**STARTED, **changes})


@pytest.mark.parametrize(
    ("model", "name"),
    [(model, name) for model, examples in EXAMPLES.items() if model != "ApiError" for name in examples],
)
def test_each_documented_json_comes_back_as_it_was(model: str, name: str) -> None:
    content = EXAMPLES[model][name]
    kind: type[SmartModel] = getattr(models, model)
    assert kind.model_validate(content).model_dump(exclude_unset=True) == content


def test_the_documented_error_body_keeps_all_it_says() -> None:
    content = EXAMPLES["ApiError"]["expired token"]
    error = ApiError.from_body(content)
    assert content == {"status": "error", **{name: getattr(error, name) for name in ApiError.__slots__}}


@pytest.mark.parametrize("kind", [TransactionList, MerchantCardList])
def test_a_list_comes_back_as_it_was(kind: type[SmartModel]) -> None:
    content = {"count": 1, "data": [STARTED if kind is TransactionList else CARD], "scroll_id": "x"}
    assert kind.model_validate(content).model_dump(exclude_unset=True) == content


@pytest.mark.parametrize(
    "changes",
    [
        {"trans_id": 29187332},
        {"idents": None},
        {"idents": [{"type": "card", "value": "pdo28hdal", "valid": False}]},
        {"idents": [{"type": "card", "value": "9276004429942845"}, {"type": "checkin", "value": "CKI_1"}]},
        {"receipt_number": 3, "receipt_merchant": [{"type": "space"}], "receipt_merchant_print": True},
        {"receipt_number": "0003"},
        {"receipt": []},
        {"status": "canceled"},
        {"intent": "sale", "transactions": []},
        {"basket_info": {"sum": 796, "currency": "EUR"}},
        {"basket": {"products": [{"id": "1", "articleNumber": 30037, "quantity": 1.5, "tax": 700}]}},
        {"device_destination": {"object": "smart.devices", "id": "SDV_2"}},
    ],
)
def test_every_documented_spelling_and_type_is_kept(changes: JsonObject) -> None:
    assert started(**changes).model_dump(exclude_unset=True) == {**STARTED, **changes}


def test_the_seed_s_answer_is_understood() -> None:
    transaction = started()
    assert transaction.id == "STX_KJXJDUN542NR3WMRHRVU5WWM6ZQEA2"
    assert transaction.status == "ok"
    assert transaction.basket_info is not None
    assert (transaction.basket_info.sum, transaction.basket_info.missing_sum) == (796, 0)
    assert transaction.idents is not None
    card = transaction.idents[0].merchantcard
    assert card is not None
    assert (card.balance, card.cash_balance, card.bonus_balance, card.lock_status) == (1000, 1000, 0, "unlocked")
    assert [each.id for each in transaction.transactions or []] == ["LTX_YBYPUETZ2HQXURG9XU0M5H4KGWW0NH"]


@pytest.mark.parametrize(("told", "meant"), [("canceled", "cancelled"), ("cancelled", "cancelled"), ("ok", "ok")])
def test_both_spellings_of_cancelled_are_one_status(told: str, meant: str) -> None:
    transaction = started(status=told)
    assert (transaction.status, transaction.canonical_status) == (told, meant)


@pytest.mark.parametrize("field", ["receipt", "idents", "basket", "basket_info", "transactions", "trans_id", "updated"])
@pytest.mark.parametrize("nonsense", [True, -1.5, [1], {"sum": "796", "id": []}])
def test_a_field_that_makes_no_sense_does_not_spoil_the_answer(field: str, nonsense: object) -> None:
    """The payment was executed, whatever its receipt looks like."""
    assert started(**{field: nonsense}).status == "ok"


def test_a_number_that_is_none_reads_as_not_known() -> None:
    info = started(basket_info={"sum": True, "missing_sum": "296"}).basket_info
    assert info is not None
    assert (info.sum, info.missing_sum) == (None, None)


@pytest.mark.parametrize("identity", [None, 5, "", "STX 1", "../../oauth", "STX_1\n", "x" * 101])
def test_a_transaction_without_a_usable_id_is_none(identity: object) -> None:
    with pytest.raises(ValidationError):
        started(id=identity)


@pytest.mark.parametrize("access_token", ["", "a b", "a\r\nX-Action: 1", "ä", 5])
def test_a_token_that_no_header_can_hold_is_none(access_token: object) -> None:
    with pytest.raises(ValidationError):
        TokenAnswer.model_validate({"access_token": access_token, "expires_in": 1200})


@pytest.mark.parametrize("field", ["expires_in", "interval"])
@pytest.mark.parametrize("seconds", [0, -5, None, "5", LONGEST_LIFE_S + 1])
def test_a_device_code_without_usable_times_is_none(field: str, seconds: object) -> None:
    with pytest.raises(ValidationError):
        DeviceCodeAnswer.model_validate({**EXAMPLES["DeviceCodeAnswer"]["device step 1"], field: seconds})


def test_an_invalid_card_has_no_further_word() -> None:
    assert CardValidity.model_validate({"isValid": False}).isLocked is None


@pytest.mark.parametrize("field", ["missing_sum", "bonus_products"])
def test_a_pre_transaction_says_both_things(field: str) -> None:
    content = copy.copy(EXAMPLES["PreTransaction"]["bonus"])
    del content[field]
    with pytest.raises(ValidationError):
        PreTransaction.model_validate(content)


def test_a_printed_model_shows_no_person_no_number_and_no_token() -> None:
    shown = [
        started(),
        started().idents,
        MerchantCard.model_validate(CARD),
        TransactionList.model_validate({"count": 1, "data": [STARTED]}),
        *(TokenAnswer.model_validate(each) for each in EXAMPLES["TokenAnswer"].values()),
        DeviceCodeAnswer.model_validate(EXAMPLES["DeviceCodeAnswer"]["device step 1"]),
    ]
    text = f"{shown!r} {' '.join(map(str, shown))}"
    assert "STX_KJXJDUN542NR3WMRHRVU5WWM6ZQEA2" in text
    for secret in ("9276004429942845", "Mustermann", "2018-02-14", "qb56tjj1", "d3aece09", "2429e1d9"):
        assert secret not in text


def test_a_complaint_about_an_answer_does_not_quote_it() -> None:
    with pytest.raises(ValidationError) as complaint:
        started(id="9276004429942845 x")
    assert "9276" not in str(complaint.value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(SmartTransaction.model_fields.keys() - {"id", "status"})), JSON_VALUES))
def test_no_content_of_any_other_field_makes_an_answer_unusable(changes: JsonObject) -> None:
    transaction = started(**changes)
    assert (transaction.id, transaction.status) == (STARTED["id"], "ok")
    repr(transaction)


@given(
    st.dictionaries(st.text(max_size=10).filter(lambda name: name not in SmartTransaction.model_fields), JSON_VALUES)
)
def test_fields_nobody_knows_are_kept(others: JsonObject) -> None:
    content = {"id": "STX_1", "status": "ok", **others}
    assert repr(SmartTransaction.model_validate(content).model_dump(exclude_unset=True)) == repr(content)
