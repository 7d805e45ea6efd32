"""The description of what goes between a till and its fleet, in AsyncAPI 3.0 and JSON schema, made of the models. Pure.

`docs/fleet/` holds what this gives; a test keeps it fresh.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from agent.fleet.payloads import COMMAND, Answer, Event, Presence, State

Document = dict[str, object]

_DESCRIPTION = """What a till tells an MQTT 5 broker, and the commands that it may be sent. QoS 1 everywhere: a message
may come twice. An event's id and a command's id tell that. Fields that a consumer does not know are passed over.
Money is integer cents, times are ISO 8601 by the till's clock, spans are seconds."""


class Channel(NamedTuple):
    """One topic of a till. `action` is what the till does there."""

    address: str
    action: str
    shape: TypeAdapter[Any]  # of whatever is told there
    retained: bool
    summary: str


CHANNELS: Mapping[str, Channel] = {
    "presence": Channel("presence", "send", TypeAdapter(Presence), True, "is it there? also the last will"),  # noqa: FBT003 - a table
    "state": Channel("state", "send", TypeAdapter(State), True, "how it stands, told when that changes"),  # noqa: FBT003 - a table
    "event": Channel("event", "send", TypeAdapter(Event), False, "every entry of its journal, in order"),  # noqa: FBT003 - a table
    "answer": Channel("answer", "send", TypeAdapter(Answer), False, "what it says to a command"),  # noqa: FBT003 - a table
    "command": Channel("command/{sender}", "receive", COMMAND, False, "what it is asked to do"),  # noqa: FBT003 - a table
}
_PARAMETERS: Mapping[str, str] = {
    "prefix": "`topic_prefix`, tillwire where nothing else is configured",
    "till": "the till's name, as the broker knows it",
    "sender": "who sends the command: the broker lets nobody else write here",
}


def documents(version: str) -> dict[str, Document]:
    """Return each document by the name of its file."""
    schemas = {f"{name}.schema.json": _schema(name, channel) for name, channel in CHANNELS.items()}
    return {"asyncapi.json": _asyncapi(version), **schemas}


def _schema(name: str, channel: Channel) -> Document:
    schema = channel.shape.json_schema(mode=_mode(channel))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name.capitalize(), **schema}


def _mode(channel: Channel) -> JsonSchemaMode:
    return "serialization" if channel.action == "send" else "validation"


def _asyncapi(version: str) -> Document:
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Tillwire fleet", "version": version, "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "channels": {name: _channel(name, channel) for name, channel in CHANNELS.items()},
        "operations": {name: _operation(name, channel) for name, channel in CHANNELS.items()},
        "components": {
            "messages": {name: {"payload": {"$ref": f"#/components/schemas/{name}"}} for name in CHANNELS},
            "schemas": _schemas(),
        },
    }


def _channel(name: str, channel: Channel) -> Document:
    address = f"{{prefix}}/{{till}}/{channel.address}"
    parameters = {each: {"description": text} for each, text in _PARAMETERS.items() if f"{{{each}}}" in address}
    messages = {name: {"$ref": f"#/components/messages/{name}"}}
    return {"address": address, "summary": channel.summary, "parameters": parameters, "messages": messages}


def _operation(name: str, channel: Channel) -> Document:
    bindings = {"mqtt": {"qos": 1, "retain": channel.retained, "bindingVersion": "0.2.0"}}
    return {"action": channel.action, "channel": {"$ref": f"#/channels/{name}"}, "bindings": bindings}


def _schemas() -> Document:
    shapes = [(name, _mode(channel), channel.shape) for name, channel in CHANNELS.items()]
    roots, shared = TypeAdapter.json_schemas(shapes, ref_template="#/components/schemas/{model}")
    definitions = shared.get("$defs")
    named = {name: _for_asyncapi(schema) for (name, _), schema in roots.items()}
    return {**(definitions if isinstance(definitions, dict) else {}), **named}


def _for_asyncapi(schema: Mapping[str, object]) -> Document:
    """AsyncAPI's discriminator is a word where OpenAPI's is a table; the `const` of each command says it as well."""
    return {key: value for key, value in schema.items() if key != "discriminator"}
