"""What schemathesis is to know of the local interface beyond its description; loaded by SCHEMATHESIS_HOOKS."""

from typing import Any

import schemathesis

SYNTAX = ("invalid-request", "body-not-json", "idempotency-key-invalid")
"""Problems of what was sent, whatever the till's state."""


@schemathesis.hook
def map_body(_context: schemathesis.HookContext, body: object) -> object:
    """5.0 is an integer for JSON Schema, which cannot say otherwise; money and pieces are written 5 here."""
    match body:
        case float() if body.is_integer():
            return int(body)
        case dict():
            return {key: map_body(_context, value) for key, value in body.items()}
        case list():
            return [map_body(_context, value) for value in body]
        case _:
            return body


@schemathesis.check
def what_is_described_is_understood(
    _context: schemathesis.CheckContext,
    response: schemathesis.Response,
    case: schemathesis.Case[Any],
) -> None:
    """A request as it is described is never refused for its form."""
    if case.meta is None or case.meta.generation.mode != schemathesis.GenerationMode.POSITIVE:
        return
    if response.headers.get("content-type") == ["application/problem+json"]:
        problem = str(response.json()["type"]).rpartition(":")[2]
        assert problem not in SYNTAX, f"a valid request was refused as {problem}: {response.text}"


@schemathesis.check
def nothing_is_a_mistake_of_ours(
    _context: schemathesis.CheckContext,
    response: schemathesis.Response,
    _case: schemathesis.Case[Any],
) -> None:
    assert response.status_code != 500, response.text
