"""The documents in docs/fleet are what the models say."""

import json
from importlib.metadata import version
from pathlib import Path

import jsonschema_rs
import pytest

from agent.commands.fleet import as_text
from agent.fleet.asyncapi import CHANNELS, documents
from agent.fleet.payloads import Presence
from agent.fleet.view import event_of
from tests.command_checkouts import fill
from tests.fleet_bench import command_of
from tests.journal_entries import journal_at
from tests.test_fleet_sight import NOW, WELL

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


def valid(name: str, told: bytes) -> bool:
    schema = json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return jsonschema_rs.validator_for(schema, validate_formats=True).is_valid(json.loads(told))


async def test_what_a_till_tells_is_as_the_published_schemas_say(tmp_path: Path) -> None:
    await fill(tmp_path / "journal.sqlite")
    async with journal_at(tmp_path / "journal.sqlite") as journal:
        events = [event_of(stored, journal.id) for stored in await journal.events_since(0, 1000)]
    assert all(valid("event", event.as_json()) for event in events)
    assert valid("state", WELL.as_json())
    assert valid("presence", Presence(online=True, at=NOW, version="1.0").as_json())
    assert not valid("state", Presence(online=True, at=NOW, version="1.0").as_json())


@pytest.mark.parametrize(
    ("more", "is_one"),
    [
        ({"command": "check"}, True),
        ({"command": "change", "values": {"offline.max_payments": 7}}, True),
        ({"command": "retry"}, False),
        ({"command": "open-drawer"}, False),
    ],
)
def test_the_published_schema_of_a_command_lets_in_what_a_till_does(more: dict[str, object], *, is_one: bool) -> None:
    command = json.dumps(command_of("check") | more).encode()
    assert valid("command", command) is is_one
