"""A request to the simulated API and its answer, as values. Pure."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl

from agent.simulator.refusals import invalid


@dataclass(frozen=True, kw_only=True)
class Request:
    """`headers` have names in lower case; `number` counts the requests of a simulator.

    `arrived` (seconds since 1970) is when its token is judged, also where it is executed later than that.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    number: int = 0
    arrived: float = math.inf

    @cached_property
    def json(self) -> object:
        """The body; an empty one is `{}`, as none of the API's calls needs one. Raises Refused."""
        try:
            return json.loads(self.body) if self.body.strip() else {}
        except (ValueError, RecursionError):
            raise invalid("The body is not JSON") from None

    @cached_property
    def form(self) -> Mapping[str, object]:
        """The body of a token request: JSON or form fields. Raises Refused."""
        if "json" not in self.headers.get("content-type", ""):
            return dict(parse_qsl(self.body.decode("utf-8", "replace")))
        return self.json if isinstance(self.json, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer with a JSON body. `reason` is the reason phrase: OK, or the name of the exception."""

    status: int = 200
    reason: str = "OK"
    body: object = field(repr=False)

    @property
    def is_good(self) -> bool:
        return self.status == 200
