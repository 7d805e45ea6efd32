"""One call of the local interface: where it goes, what it must bring, and who makes it."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Generic, Literal, TypeVar, get_args, get_type_hints

from aiohttp import web
from pydantic import BaseModel

from agent.card import CardRules, names_loyalty_card
from agent.journal.records import IdempotencyKey
from agent.kiosk.access import Door
from agent.kiosk.answer import Answer
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.peer import peer_name
from agent.kiosk.problems import Problem
from agent.kiosk.requests import OperatorBody
from agent.kiosk.roles import Role

JSON = "application/json"
IDEMPOTENCY_KEY = "^[!-~]([ -~]*[!-~])?$"
"""Printable, and no space where HTTP takes it off."""
LONGEST_IDEMPOTENCY_KEY = 255
B = TypeVar("B", bound=BaseModel)
Q = TypeVar("Q", bound=BaseModel)
OB = TypeVar("OB", bound=OperatorBody)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[B, Q]):
    """A request that was let in and understood. `caller` is None where a public call does not say who it is."""

    kiosk: Kiosk
    door: Door
    request: web.Request
    caller: Role | None
    body: B
    query: Q

    @property
    def role(self) -> Role:
        return self.caller or Role.SCREEN

    @property
    def checkout_id(self) -> str:
        return self.request.match_info["id"]

    @property
    def key(self) -> IdempotencyKey | None:
        """The Idempotency-Key with a digest of what was asked. Raises Problem."""
        key = idempotency_key(self.request, self.kiosk.cards)
        if key is None:
            return None
        asked = f"{self.request.method} {self.request.path}\n{self.body.model_dump_json()}"
        return IdempotencyKey(key=key, digest=hashlib.sha256(asked.encode()).hexdigest())


def idempotency_key(request: web.Request, cards: CardRules) -> str | None:
    """The Idempotency-Key as it was sent: it goes into the journal, so it holds no loyalty number.

    What looks like a bank card's is let pass: of the numbers that are drawn for keys one in a hundred does.
    Raises Problem.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _is_key(key, cards):
        raise Problem(HTTPStatus.BAD_REQUEST, "idempotency-key-invalid")
    return key


def _is_key(key: str, cards: CardRules) -> bool:
    is_well_formed = len(key) <= LONGEST_IDEMPOTENCY_KEY and re.fullmatch(IDEMPOTENCY_KEY, key) is not None
    return is_well_formed and not names_loyalty_card(key, cards)


async def operator_name(call: Call[OB, Q]) -> str:
    """The name of the person who asks. Raises Problem where it is not said and cannot be known."""
    if call.body.by is not None:
        return call.body.by
    if call.door.everyone is not Role.OPERATOR:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "name-required")
    return await peer_name(call.request.transport)


@dataclass(frozen=True)
class Route:
    """One call, as it is described and carried out. What it takes stands in its handler's signature.

    `answers` has each good status with the shape of its JSON body; None: it has none.
    `needs`: the role of the caller; None: nobody is asked.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    summary: str
    handler: Callable[[Call[Any, Any]], Awaitable[web.StreamResponse]]
    answers: Mapping[HTTPStatus, type[Answer] | None]
    needs: Role | None = field(default=Role.SCREEN, kw_only=True)
    media_types: tuple[str, ...] = field(default=(JSON,), kw_only=True)

    @property
    def body(self) -> type[BaseModel]:
        return self._takes[0]

    @property
    def query(self) -> type[BaseModel]:
        return self._takes[1]

    @cached_property
    def _takes(self) -> tuple[type[BaseModel], type[BaseModel]]:
        call, *_ = get_type_hints(self.handler).values()
        body, query = get_args(call)
        return body, query


def answer(shown: Answer, status: HTTPStatus = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(body=shown.as_json(), status=status, content_type=JSON, headers=headers)
