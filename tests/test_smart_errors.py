"""The four kinds of error, and that nothing from outside comes through them unwashed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.smart import errors
from agent.smart.errors import ApiError, NotAuthorised, NotSent, Refused, SmartError, Unknown
from agent.smart.text import presentable

NUMBER = "9276004429942845"


def test_there_are_four_kinds_of_error() -> None:
    assert set(SmartError.__subclasses__()) == {Refused, NotSent, Unknown, NotAuthorised}


def test_the_module_prints_its_tree() -> None:
    for kind in SmartError.__subclasses__():
        assert f"── {kind.__name__} " in str(errors.__doc__)


def test_a_refusal_says_the_api_s_words_in_one_line() -> None:
    error = ApiError(error="ProductInternalException", error_details="no such card", code=1016, supportId="f8")
    assert str(Refused(error, 500)) == (
        "the API refused (HTTP 500): ProductInternalException, no such card, code 1016, f8"
    )


def test_texts_of_the_api_are_made_printable_capped_and_masked() -> None:
    error = ApiError.from_body(
        {
            "error": "Product\x1b[2JException" + "x" * 500,
            "error_details": f"card {NUMBER} is locked",
            "error_user": "Karte 9276 0044 2994 2845\u202e ist gesperrt",
            "code": "2003\r\n",
            "supportId": NUMBER,
        }
    )
    assert error == ApiError(
        error="Product [2JException" + "x" * 80,
        error_details="card 9276********2845 is locked",
        error_user="Karte 9276 **** **** 2845  ist gesperrt",
        code="2003  ",
        supportId="9276********2845",
    )


def test_a_support_id_is_kept_whole_even_with_many_digits_in_a_row() -> None:
    support_id = "0123456789012345678901234567890a"
    assert ApiError.from_body({"supportId": support_id}).supportId == support_id


@pytest.mark.parametrize("code", [True, 1.5, [], {}, None, 10**30])
def test_a_code_that_is_none_is_left_out(code: object) -> None:
    assert ApiError.from_body({"code": code}).code is None


@given(st.text(max_size=300), st.integers(1, 50))
def test_a_presentable_text_is_printable_and_short(text: str, limit: int) -> None:
    shown = presentable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 60))
def test_no_cap_and_no_neighbour_shows_a_number(before: str, after: str, limit: int) -> None:
    assert NUMBER[4:12] not in presentable(before + NUMBER + after, limit)


@pytest.mark.parametrize("hidden", ["9276\x000044\x1b2994\x002845", "9276\n0044\n2994\n2845"])
def test_control_characters_cannot_hide_a_number(hidden: str) -> None:
    assert presentable(hidden, 50) == "9276 **** **** 2845"
