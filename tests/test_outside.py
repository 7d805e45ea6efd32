"""What comes from the machine itself."""

import secrets

import pytest

from agent.card import mask_numbers
from agent.outside import new_checkout_id


def test_the_id_of_a_checkout_is_never_masked_as_a_card_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "token_hex", lambda size: "92" * size)
    checkout_id = new_checkout_id()
    assert checkout_id == "co_9292929292j9292929292"
    assert mask_numbers(checkout_id) == checkout_id


def test_no_two_checkouts_have_one_id() -> None:
    assert len({new_checkout_id() for _ in range(1000)}) == 1000
