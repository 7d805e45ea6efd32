"""What an HTTP answer means, whatever it is."""

import json
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.smart.answer import Answer, parse_object, read_model, read_object, token_was_rejected
from agent.smart.errors import ApiError, JsonObject, Refused, SmartError, Unknown
from agent.smart.models import PreTransaction, SmartTransaction

EXAMPLES = json.loads(Path(__file__).with_name("smart_examples.json").read_text())
EXPIRED = cast("JsonObject", EXAMPLES["ApiError"]["expired token"])
OTHER_ERROR = {**EXPIRED, "code": 1016, "error": "ProductInternalException"}


def said(content: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(content).encode())


def test_a_good_answer_is_its_object() -> None:
    assert read_object(said({"missing_sum": 296})) == {"missing_sum": 296}


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_an_error_body_is_the_api_s_refusal_with_every_word_it_said(status: int) -> None:
    with pytest.raises(Refused) as refused:
        read_object(said(OTHER_ERROR, status))
    assert refused.value.http_status == status
    assert refused.value.error == ApiError(
        error="ProductInternalException",
        error_details="Valid auth token required",
        error_user="Es ist ein unbekannter Fehler aufgetreten (Code 2003)",
        code=1016,
        supportId="f8e0173c15b92750819a91ac8d5cc878",
    )


def test_an_error_body_in_a_200_is_a_refusal() -> None:
    with pytest.raises(Refused):
        read_object(said(OTHER_ERROR))


def test_oauth_s_other_body_is_a_refusal_too() -> None:
    body = {"error": "invalid_request", "error_description": "The grant type was not specified in the request"}
    with pytest.raises(Refused) as refused:
        read_object(said(body, 400))
    assert refused.value.error == ApiError(error=body["error"], error_details=body["error_description"])


def test_a_failed_status_in_a_good_answer_is_a_good_answer() -> None:
    assert read_object(said({"id": "STX_1", "status": "failed"}))["status"] == "failed"


@pytest.mark.parametrize("status", [200, 201, 302, 407, 502])
@pytest.mark.parametrize(
    "body", [b"", b"<html>Please log in</html>", b"[]", b'"ok"', b"null", b"{", b"\xff\xfe", b"[" * 9999]
)
def test_what_is_no_object_is_unknown(status: int, body: bytes) -> None:
    with pytest.raises(Unknown):
        read_object(Answer(status, body))


@pytest.mark.parametrize("status", [201, 202, 204, 206, 301, 302, 307, 399])
def test_a_status_that_is_not_documented_is_unknown_whatever_it_says(status: int) -> None:
    for body in (EXAMPLES["SmartTransaction"]["start/cash"], OTHER_ERROR):
        with pytest.raises(Unknown):
            read_object(said(body, status))


@pytest.mark.parametrize("body", [{"error": "Bad Gateway"}, {"message": "no upstream"}, {"status": 500, "error": "x"}])
def test_the_error_body_of_a_proxy_is_unknown(body: JsonObject) -> None:
    with pytest.raises(Unknown):
        read_object(said(body, 502))


@pytest.mark.parametrize(
    ("answer", "rejected"),
    [
        (said(EXPIRED, 403), True),
        (said({**EXPIRED, "code": "2003"}, 403), True),
        (said(EXPIRED, 401), True),
        (said({"error": "invalid_token"}, 401), True),
        (Answer(401, b""), True),
        (said({**EXPIRED, "code": 403}, 403), True),
        (said({**EXPIRED, "code": "403"}, 403), True),
        (said({**OTHER_ERROR, "code": 403}, 403), False),
        (said(OTHER_ERROR, 403), False),
        (Answer(403, b"<html>"), False),
        (said(EXPIRED, 500), False),
        (said({"id": "STX_1", "code": 2003}), False),
    ],
)
def test_a_rejected_token_is_a_401_or_the_guide_s_403(answer: Answer, *, rejected: bool) -> None:
    assert token_was_rejected(answer) == rejected


def test_an_answer_without_a_needed_field_is_unknown_and_names_it() -> None:
    with pytest.raises(Unknown, match=r"not a SmartTransaction: id, status$"):
        read_model(SmartTransaction, {"basket": {}})


@pytest.mark.parametrize("missing_sum", [None, "296", 296.5, True, -1])
def test_an_amount_that_is_none_is_unknown(missing_sum: object) -> None:
    with pytest.raises(Unknown, match="missing_sum"):
        read_model(PreTransaction, {"missing_sum": missing_sum, "bonus_products": []})


def test_an_error_tells_nothing_of_the_answer() -> None:
    with pytest.raises(Unknown) as unknown:
        read_model(SmartTransaction, {"id": "9276004429942845 x", "status": 9276004429942845})
    assert "9276" not in f"{unknown.value}{unknown.value.__context__}"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
FIELDS = st.sampled_from(
    ["id", "status", "error", "error_details", "error_description", "error_user", "code", "supportId"]
)
OBJECTS = st.dictionaries(FIELDS | st.text(max_size=5), JSON_VALUES, max_size=8) | st.fixed_dictionaries(
    {"status": st.just("error")}, optional={"error": JSON_VALUES, "code": JSON_VALUES, "supportId": JSON_VALUES}
)


@given(
    status=st.integers(200, 599),
    body=st.binary(max_size=60)
    | JSON_VALUES.map(lambda value: json.dumps(value).encode())
    | OBJECTS.map(lambda value: json.dumps(value).encode()),
)
def test_any_answer_is_an_object_or_one_of_the_named_errors(status: int, body: bytes) -> None:
    answer = Answer(status, body)
    token_was_rejected(answer)
    outcome = outcome_of(answer)
    if isinstance(outcome, SmartTransaction):
        assert status == 200
        assert parse_object(answer) is not None
    else:
        assert str(outcome).isprintable()
        assert len(str(outcome)) < 2000


def outcome_of(answer: Answer) -> SmartTransaction | SmartError:
    try:
        return read_model(SmartTransaction, read_object(answer))
    except SmartError as error:
        return error
