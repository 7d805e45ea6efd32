"""The description of the local interface in OpenAPI 3.1, made of the table of calls and the models behind it. Pure."""

import re
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import get_args

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from agent.kiosk.adapter import PROBLEM_JSON
from agent.kiosk.answer import Answer
from agent.kiosk.call import IDEMPOTENCY_KEY, JSON, LONGEST_IDEMPOTENCY_KEY, Route
from agent.kiosk.described_refusals import refusals
from agent.kiosk.event_answers import EventData
from agent.kiosk.problem_answers import ProblemAnswer
from agent.kiosk.problems import TITLES, TYPE_PREFIX
from agent.kiosk.queries import NoQuery
from agent.kiosk.requests import Nothing

Schema = dict[str, object]

_DESCRIPTION = """Checkouts of a till with a cash drawer, for a screen or a register on the same machine.

A write answers as soon as the journal has it, with the checkout as it stands then; what comes of it is an event.
A call that had its effect already answers 200 with the checkout; one that the phase does not allow answers 409 with it.
Money is integer cents. Errors are problem documents (RFC 9457); programs decide by `type`."""

_TOLD: tuple[type[Answer], ...] = get_args(EventData)
"""Shapes that the event stream tells."""
_REF = "#/components/schemas/{model}"


def describe(routes: Iterable[Route], version: str) -> Schema:
    """Return the whole document."""
    table = tuple(routes)
    paths: dict[str, Schema] = {}
    for route in table:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tillwire", "version": version, "description": _DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": _schemas(table),
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "the screen's or the operator's token"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "tillwire_screen"},
            },
        },
    }


def _schemas(routes: Iterable[Route]) -> Mapping[str, object]:
    bodies = {route.body for route in routes if route.body is not Nothing}
    answers = {shape for route in routes for shape in route.answers.values() if shape is not None}
    models = _in_mode("validation", bodies) + _in_mode("serialization", {*answers, *_TOLD, ProblemAnswer})
    _, document = models_json_schema(models, ref_template=_REF)
    found = document["$defs"]
    return found if isinstance(found, dict) else {}


def _in_mode(mode: JsonSchemaMode, models: Iterable[type[BaseModel]]) -> list[tuple[type[BaseModel], JsonSchemaMode]]:
    return [(model, mode) for model in sorted(models, key=lambda model: model.__name__)]


def _operation(route: Route) -> Schema:
    operation: Schema = {
        "operationId": f"{route.method.lower()}{_in_camel_case(route.path)}",
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_header_parameters(route)],
        "responses": {
            **{str(status.value): _response(status, shape, route) for status, shape in route.answers.items()},
            **{
                str(status.value): _refusal(names, route.answers.get(status))
                for status, names in refusals(route).items()
            },
        },
    }
    if route.body is not Nothing:
        schema = {"$ref": _REF.format(model=route.body.__name__)}
        operation["requestBody"] = {"required": _is_required(route.body), "content": {JSON: {"schema": schema}}}
    if route.needs is not None:
        operation["security"] = [{"token": []}, {"cookie": []}]
        operation["x-role"] = route.needs
    return operation


def _refusal(names: Iterable[str], shape: type[Answer] | None) -> Schema:
    """A problem document of one of these names; `shape`: or another answer that has the same status."""
    types = {"type": {"enum": sorted({TYPE_PREFIX + name for name in names})}}
    problem = {"allOf": [{"$ref": _REF.format(model=ProblemAnswer.__name__)}, {"properties": types}]}
    content: Schema = {PROBLEM_JSON: {"schema": problem}}
    if shape is not None:
        content[JSON] = {"schema": {"$ref": _REF.format(model=shape.__name__)}}
    return {"description": "; ".join(dict.fromkeys(TITLES[name] for name in names)), "content": content}


def _is_required(body: type[BaseModel]) -> bool:
    return any(field.is_required() for field in body.model_fields.values())


def _in_camel_case(path: str) -> str:
    return "".join(word.capitalize() for word in re.findall(r"\w+", path))


def _path_parameters(route: Route) -> list[Schema]:
    names = re.findall(r"{(\w+)}", route.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_parameters(route: Route) -> list[Schema]:
    if route.query is NoQuery:
        return []
    schema = route.query.model_json_schema(ref_template=_REF)
    inlined = schema.get("$defs", {})
    return [
        {"name": name, "in": "query", "schema": _inline(each, inlined)} for name, each in schema["properties"].items()
    ]


def _inline(schema: object, definitions: Mapping[str, object]) -> object:
    """Put definitions where they are named: parameters are few and small."""
    if isinstance(schema, list):
        return [_inline(each, definitions) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(name := schema.get("$ref"), str):
        return definitions[name.rpartition("/")[2]]
    return {key: _inline(value, definitions) for key, value in schema.items()}


def _header_parameters(route: Route) -> list[Schema]:
    if route.method == "POST":
        schema: Schema = {"type": "string", "pattern": IDEMPOTENCY_KEY, "maxLength": LONGEST_IDEMPOTENCY_KEY}
        return [{"name": "Idempotency-Key", "in": "header", "schema": schema}]
    if route.path == "/v1/events":
        return [{"name": "Last-Event-ID", "in": "header", "schema": {"type": "string"}}]
    return []


def _response(status: HTTPStatus, shape: type[Answer] | None, route: Route) -> Schema:
    described: Schema = {"description": status.phrase}
    if status is HTTPStatus.NO_CONTENT:
        return described
    schema: Schema = {"type": "string"} if shape is None else {"$ref": _REF.format(model=shape.__name__)}
    described["content"] = {
        media_type: {"schema": schema if media_type == JSON or shape is None else {"type": "string"}}
        for media_type in route.media_types
    }
    return described
