"""What every answer of the local interface is: a frozen shape, from which the OpenAPI document is made.

Money is integer cents, times for people are ISO 8601 with an offset, spans are seconds. No shape has room for a whole
card number. A client passes over fields that it does not know: a later agent may tell more.
"""

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    def as_json(self) -> bytes:
        return self.model_dump_json().encode()


class SparseAnswer(Answer):
    """Leaves out what it has nothing to say about."""

    def as_json(self) -> bytes:
        nothing = {name for name in type(self).model_fields if getattr(self, name) is None}
        return self.model_dump_json(exclude=nothing).encode()
