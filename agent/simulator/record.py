"""Every request that arrived, and waiting for one without polling.

Bodies are kept in memory only and whole, so that a test can compare them; what leaves through the control interface
has card numbers masked and secrets replaced. The record is bounded: the oldest entries go first, the counts stay.
"""

import asyncio
import json
import re
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl

ANY: Final = "*"
"""Instead of the name of a call: whatever arrived."""
_MAX_REQUESTS: Final = 20_000  # about 2 KB each
_NUMBER: Final = re.compile(r"[0-9]{14,19}")  # longer than an EAN
_CARD_FIELDS: Final = frozenset({"value", "cardnumber"})
_SECRETS: Final = frozenset(
    {"client_secret", "client_id", "code", "refresh_token", "device_pin", "pin", "user_pin", "csc"}
)


@dataclass(slots=True, kw_only=True)
class RecordedRequest:
    """One request. `status` is None until it is answered, and stays so when no answer was sent."""

    number: int
    at: float  # seconds since 1970
    call: str
    method: str
    path: str
    query: Mapping[str, str] = field(repr=False)
    x_action: str | None
    token_given: bool
    body: bytes = field(repr=False)
    faults: tuple[str, ...] = ()
    status: int | None = None

    @property
    def json(self) -> object:
        """The body as JSON, with card numbers. Raises ValueError."""
        return json.loads(self.body)

    @property
    def masked_body(self) -> object:
        """The body for other eyes: None if there was none."""
        if not self.body:
            return None
        try:
            return _masked(self.json)
        except (ValueError, RecursionError):
            return _masked(dict(parse_qsl(self.body.decode("utf-8", "replace"))))

    @property
    def masked_query(self) -> object:
        return _masked(dict(self.query))


@dataclass(slots=True)
class _Wait:
    """Somebody waits until this many were counted."""

    name: str
    count: int
    reached: asyncio.Future[None]


class Counts:
    """Counts what happens by name, and wakes whoever waits for a number."""

    def __init__(self) -> None:
        self._counter: Counter[str] = Counter()
        self._waits: list[_Wait] = []

    def __getitem__(self, name: str) -> int:
        return self._counter[name]

    def add(self, name: str) -> None:
        self._counter[name] += 1
        for wait in self._waits:
            if wait.name == name and self._counter[name] >= wait.count and not wait.reached.done():
                wait.reached.set_result(None)

    def clear(self) -> None:
        self._counter.clear()

    async def reach(self, name: str, count: int) -> None:
        """Returns when `name` was counted `count` times since the start or the last reset."""
        if self._counter[name] >= count:
            return
        wait = _Wait(name, count, asyncio.get_running_loop().create_future())
        self._waits.append(wait)
        try:
            await wait.reached
        finally:
            self._waits.remove(wait)


class Record:
    """The requests that arrived, oldest first."""

    def __init__(self) -> None:
        self.requests: deque[RecordedRequest] = deque(maxlen=_MAX_REQUESTS)
        self.arrived = Counts()
        self._number = 0

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def add(self, request: RecordedRequest) -> None:
        self.requests.append(request)
        self.arrived.add(request.call)
        self.arrived.add(ANY)

    def of(self, call: str) -> list[RecordedRequest]:
        """The requests of one call, or of any."""
        return [request for request in self.requests if call in {ANY, request.call}]

    def clear(self) -> None:
        """Forgets the requests; numbers go on, so that an old one is never mistaken for a new one."""
        self.requests.clear()
        self.arrived.clear()


def masked_number(number: str) -> str:
    """`9276********2845`."""
    return f"{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}" if len(number) > 8 else "*" * len(number)


def masked(text: str) -> str:
    """The text with its card numbers masked."""
    return _NUMBER.sub(lambda found: masked_number(found[0]), text)


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {key: _masked_field(key, member) for key, member in value.items()}
    if isinstance(value, list):
        return [_masked(member) for member in value]
    return masked(value) if isinstance(value, str) else value


def _masked_field(key: str, value: object) -> object:
    if key in _SECRETS:
        return "***"
    return masked_number(value) if key in _CARD_FIELDS and isinstance(value, str) else _masked(value)
