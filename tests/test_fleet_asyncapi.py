"""The documents in docs/fleet are what the models say."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from agent.commands.fleet import as_text
from agent.fleet.asyncapi import CHANNELS, documents

DOCS = Path(__file__).parents[1] / "docs" / "fleet"
MADE = documents(version("tillwire"))


@pytest.mark.parametrize("name", sorted(MADE))
def test_the_document_is_fresh(name: str) -> None:
    """Made anew by `tillwire fleet asyncapi --directory docs/fleet`."""
    assert (DOCS / name).read_text(encoding="utf-8") == as_text(MADE[name])


def test_every_reference_leads_somewhere() -> None:
    document = MADE["asyncapi.json"]
    references = {part for part in json.dumps(document).split('"') if part.startswith("#/")}
    assert len(references) > len(CHANNELS)
    for reference in references:
        found: object = document
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(found, dict)
            found = found[step]


def test_no_shape_has_a_place_for_what_must_not_be_told() -> None:
    names = json.dumps([MADE["event.schema.json"], MADE["state.schema.json"]])
    for secret in ("token", "csc", "basket", "customer", "receipt"):
        assert f'"{secret}' not in names
