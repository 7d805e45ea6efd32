"""What the checkout's own `replace` takes for granted of the values that it is used for."""

from dataclasses import is_dataclass

import pytest

from agent.checkout import evidence_state, state
from agent.checkout.replacing import replace

VALUES = [
    value
    for module in (state, evidence_state)
    for value in vars(module).values()
    if is_dataclass(value) and isinstance(value, type)
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_each_value_keeps_its_fields_where_it_is_made_and_has_nothing_to_do_after(value: type) -> None:
    assert not hasattr(value, "__slots__")
    assert not hasattr(value, "__post_init__")


def test_the_value_itself_stays_as_it_was() -> None:
    before = state.Rules(idle_s=1.0)
    assert (replace(before, idle_s=2.0), before) == (state.Rules(idle_s=2.0), state.Rules(idle_s=1.0))
