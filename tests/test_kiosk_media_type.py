"""Which form a caller likes best."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.kiosk.media_type import best_media_type

OFFERED = ("application/json", "text/plain", "text/html")


@pytest.mark.parametrize(
    ("accept", "best"),
    [
        ("*/*", "application/json"),
        ("text/plain", "text/plain"),
        ("text/*", "text/plain"),
        ("TEXT/HTML", "text/html"),
        ("text/html, application/json;q=0.9", "text/html"),
        ("text/html;q=0.1, */*", "application/json"),
        ("*/*;q=0.1, text/html;q=0.2", "text/html"),
        ("application/json;q=0, */*;q=0.1", "text/plain"),
        ("text/html;level=1;q=0.5, text/plain;q=0.4", "text/html"),
        ("image/png", None),
        ("", None),
        ("nonsense, text/plain", "text/plain"),
        ("text/plain;q=much", None),
        ("text/plain;q=7", None),
    ],
)
def test_the_highest_weight_wins_and_the_most_specific_range_gives_it(accept: str, best: str | None) -> None:
    assert best_media_type(accept, OFFERED) == best


@given(st.text())
def test_whatever_is_accepted_one_of_the_offered_or_none_is_given(accept: str) -> None:
    assert best_media_type(accept, OFFERED) in {*OFFERED, None}
