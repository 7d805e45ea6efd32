"""Ids of events: `<journal>-<sequence>`."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.journal.event_id import EventId, parse_event_id


@given(st.from_regex(r"[0-9a-f]{10}j", fullmatch=True), st.integers(0, 10**18 - 1))
def test_an_id_is_read_as_it_was_written(journal: str, sequence: int) -> None:
    place = EventId(journal, sequence)

    assert place == parse_event_id(str(place))


@pytest.mark.parametrize(
    "text",
    ["", "7", "0123456789j", "0123456789j-", "0123456789j-x", "0123456789j-07", "0123456789-7", "0123456789j-7 ",
     "0123456789j--7", "0123456789j-" + "9" * 19, "0123456789j-\N{ARABIC-INDIC DIGIT SEVEN}", "012345678gj-7"],
)  # fmt: skip
def test_what_is_no_id_is_none(text: str) -> None:
    assert parse_event_id(text) is None


@given(st.text())
def test_any_text_is_an_id_or_none(text: str) -> None:
    place = parse_event_id(text)

    assert place is None or str(place) == text
