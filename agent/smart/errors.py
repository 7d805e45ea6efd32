"""What can come of a call besides a good answer, named by what the caller must do.

    SmartError
    ├── Refused         the API said no, in its own words. On start and cancel that is no proof: read the transaction
    ├── NotSent         nothing of the request left this machine. Send it when the API is back
    ├── Unknown         no usable answer: it may have worked, or may still be carried out. Read; never repeat blindly
    └── NotAuthorised   rejected for its token, twice, and not executed. A person must pair or configure the till

Nothing else comes out of `agent.smart` for anything a server or a network can do. The texts hold no token, no body, no
address with a query and no card number, and an error is raised without its cause: aiohttp's own texts hold addresses.
"""

import re
from dataclasses import dataclass
from typing import Self

from agent.smart.text import presentable

JsonObject = dict[str, object]

_LONGEST_NAME = 100  # characters: exception names and ids
_LONGEST_TEXT = 500  # characters: sentences for logs and people
_LARGEST_CODE = 999_999  # the documented ones have four digits
_SUPPORT_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiError:
    """The API's error body (smart-api.md, part 6), or OAuth's (smart-api 2.3). `error_user` is the text for people.

    All texts are printable, capped and masked. `code` is a number in the guide and a string in the vendor's SDK.
    """

    error: str | None = None
    error_details: str | None = None
    error_user: str | None = None
    code: int | str | None = None
    supportId: str | None = None

    @classmethod
    def from_body(cls, body: JsonObject) -> Self:
        return cls(
            error=_text(body.get("error"), _LONGEST_NAME),
            error_details=_text(body.get("error_details", body.get("error_description")), _LONGEST_TEXT),
            error_user=_text(body.get("error_user"), _LONGEST_TEXT),
            code=_code(body.get("code")),
            supportId=_support_id(body.get("supportId")),
        )

    def __str__(self) -> str:
        parts = (self.error, self.error_details, self.error_user, self.code and f"code {self.code}", self.supportId)
        return ", ".join(str(part) for part in parts if part) or "no details"


class SmartError(Exception):
    """A call has no good answer. The text is one line for logs and people."""


class Refused(SmartError):
    """The API answered with an error body."""

    def __init__(self, error: ApiError, http_status: int) -> None:
        super().__init__(f"the API refused (HTTP {http_status}): {error}")
        self.error = error
        self.http_status = http_status


class NotSent(SmartError):
    """Certainly nothing of the request left this machine."""


class Unknown(SmartError):
    """The request may have been carried out, or may still be."""


class NotAuthorised(SmartError):
    """The API does not accept this till; the request was not executed. `error` is what it said, where it said so."""

    def __init__(self, text: str, error: ApiError | None = None) -> None:
        super().__init__(f"{text} ({error})" if error else text)
        self.error = error


def _text(value: object, limit: int) -> str | None:
    return presentable(value, limit) if isinstance(value, str) else None


def _code(value: object) -> int | str | None:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST_CODE:
        return value
    return _text(value, _LONGEST_NAME)


def _support_id(value: object) -> str | None:
    """Return the 32 hex digits as they are: a long run of decimal ones among them is no card number."""
    if isinstance(value, str) and _SUPPORT_ID.fullmatch(value):
        return value
    return _text(value, _LONGEST_NAME)
