"""What an HTTP answer of the API means: a JSON object, or one of the kinds of error. Pure.

The API answers 200 with an object, or another status with its error body; the guide asks to be ready for anything else
that a proxy or a firewall may send (smart-api.md, part 6). Whatever is neither proves nothing, so it is *unknown*.
A redirect is such an answer too: somebody between us and the API wrote it, and it is not followed.
"""

from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from agent.smart.errors import ApiError, JsonObject, Refused, Unknown

_TOKEN_NOT_VALID = (2003, "2003")  # the guide has a number, the vendor's SDK a string
_FORBIDDEN = (403, "403")
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    body: bytes = field(repr=False)


def token_was_rejected(answer: Answer) -> bool:
    """Say whether the API did not accept the token: 401 (the SDKs), or 403 with code 2003 (the guide).

    Of an API whose `code` is the HTTP status, as the SDK has it, a 403 is known by the exception's name.
    """
    if answer.status == 401:
        return True
    body = parse_object(answer) if answer.status == 403 else None
    if body is None:
        return False
    code = body.get("code")
    return code in _TOKEN_NOT_VALID or (code in _FORBIDDEN and body.get("error") == "ProductNotAllowedException")


def read_object(answer: Answer) -> JsonObject:
    """Return the object of a good answer. Raises Refused or Unknown."""
    body = parse_object(answer)
    if body is not None and _is_error_body(answer.status, body):
        raise Refused(ApiError.from_body(body), answer.status)
    if answer.status != 200:
        raise Unknown(f"HTTP {answer.status} without an error body of the API")
    if body is None:
        raise Unknown("the answer is not a JSON object")
    return body


def read_model(model: type[_Model], body: JsonObject) -> _Model:
    """Return the body as this model. Raises Unknown, naming the fields that are missing or make no sense."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        fields = sorted({str(problem["loc"][0]) for problem in error.errors(include_input=False) if problem["loc"]})
    raise Unknown(f"the answer is not a {model.__name__}: {', '.join(fields)}")


def parse_object(answer: Answer) -> JsonObject | None:
    """Return the body if it is a JSON object."""
    try:
        body = from_json(answer.body, allow_inf_nan=False)
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _is_error_body(status: int, body: JsonObject) -> bool:
    if body.get("status") == "error":
        return status == 200 or status >= 400
    return status >= 400 and isinstance(body.get("error"), str) and isinstance(body.get("error_description"), str)
