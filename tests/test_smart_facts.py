"""Nothing but the allow-list reaches the journal."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.checkout.state import ApiProblem, Card
from agent.smart.errors import ApiError, JsonObject
from agent.smart.facts import known_facts, known_problem, known_products, locked
from agent.smart.models import MerchantCard, SmartTransaction

EXAMPLES = json.loads(Path(__file__).with_name("smart_examples.json").read_text())
STARTED: JsonObject = EXAMPLES["SmartTransaction"]["start/cash"]
NUMBER = "9276004429942845"


def answer(**changes: object) -> SmartTransaction:
    return SmartTransaction.model_validate({**STARTED, **changes})


def test_what_is_known_of_the_seed_s_transaction() -> None:
    facts = known_facts(answer())
    assert facts.id == "STX_KJXJDUN542NR3WMRHRVU5WWM6ZQEA2"
    assert (facts.status, facts.sum, facts.missing_sum) == ("ok", 796, 0)
    assert (facts.trans_id, facts.receipt_number) == ("29187332", None)
    assert facts.updated == "2020-09-17T09:43:59+02:00"
    assert facts.card == Card(number="9276********2845", valid=True, locked=False, balance=1000)
    assert [line["desc"] for line in facts.products] == [
        "Sandwich Romano",
        "Fruit salad, small bowl",
        "Water, mildly sprinkling, 0.25 ltr.",
    ]
    assert facts.products[2]["ean"] == "4999012345678"


def test_the_receipt_is_kept_with_the_number_masked() -> None:
    receipt = known_facts(answer()).receipt
    expected = json.loads(json.dumps(STARTED["receipt"]).replace(NUMBER, "9276********2845"))
    assert list(receipt.customer) == expected
    assert receipt.merchant == ()


def test_no_person_and_no_number_is_kept() -> None:
    kept = json.dumps(asdict(known_facts(answer(receipt_merchant=STARTED["receipt"]))))
    for secret in (NUMBER, "Mustermann", "Max", "2018-02-14", "CUS_", "contact"):
        assert secret not in kept


def test_of_a_receipt_line_only_what_is_printed_is_kept() -> None:
    line = {"type": "textline", "value": {"text": "Danke", "decoration": ["important", 5], "customer": "Max"}, "id": 7}
    kept = {"type": "textline", "value": {"text": "Danke", "decoration": ["important"]}}
    assert known_facts(answer(receipt=[line])).receipt.customer == (kept,)


def test_a_serial_number_of_a_gift_card_is_not_kept() -> None:
    (line,) = known_products([{"id": 1, "desc": f"Card {NUMBER}", "serialNumber": "6006491234", "sub_basket": {}}])
    assert line == {"id": 1, "desc": "Card 9276********2845"}


def test_the_card_of_a_transaction_is_its_card_ident() -> None:
    idents = [{"type": "checkin", "value": "CKI_1"}, {"type": "card", "value": "pdo28hdal", "valid": False}]
    assert known_facts(answer(idents=idents)).card == Card(number="pdo28hdal", valid=False)


@pytest.mark.parametrize("idents", [None, [], [{"type": "create_card", "value": "CRG_1"}], [{"type": "card"}]])
def test_without_a_card_ident_no_card_is_known(idents: object) -> None:
    assert known_facts(answer(idents=idents)).card is None


@pytest.mark.parametrize(("status", "expected"), [("locked", True), ("unlocked", False), (None, None)])
def test_a_card_is_locked_not_locked_or_unknown(status: str | None, *, expected: bool | None) -> None:
    assert locked(MerchantCard.model_validate({"lock_status": status})) is expected


def test_a_minimal_answer_leaves_the_rest_unknown() -> None:
    facts = known_facts(SmartTransaction.model_validate({"id": "STX_1", "status": "canceled"}))
    assert (facts.status, facts.sum, facts.card, facts.products) == ("cancelled", None, None, ())


def test_numbers_of_either_type_are_kept_as_text() -> None:
    facts = known_facts(answer(trans_id=29187332, receipt_number=3))
    assert (facts.trans_id, facts.receipt_number) == ("29187332", "3")


def test_a_refusal_is_kept_in_the_api_s_words() -> None:
    error = ApiError(error="ProductInternalException", error_user="Nein", code=1016)
    expected = ApiProblem(error="ProductInternalException", error_user="Nein", code="1016")
    assert known_problem(error) == expected


TEXTS = st.text(max_size=20) | st.just(NUMBER) | st.just("\x1b@" + NUMBER + "\n")
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "value", "name", "text", "caption", "decoration"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
LINES = st.lists(st.dictionaries(st.sampled_from(["type", "value", "contact"]), VALUES, max_size=3), max_size=4)


@given(LINES)
def test_no_receipt_line_keeps_a_number_or_a_control_character(lines: list[JsonObject]) -> None:
    kept = json.dumps(known_facts(answer(receipt=lines)).receipt.customer)
    assert NUMBER not in kept
    assert "\\u001b" not in kept
    assert "contact" not in kept
