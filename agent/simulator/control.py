"""The control interface: the ledger, the record and every knob over HTTP, under `/simulator`.

It is not part of the API. Faults do not touch it. Card numbers are masked in what it answers. A mistake is answered
with 400 and `{"problems": […]}`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from agent.simulator import wire
from agent.simulator.cards import Card
from agent.simulator.exchange import PORTAL
from agent.simulator.faults import fault_from, fault_from_text
from agent.simulator.ledger import Booking
from agent.simulator.messages import Answer
from agent.simulator.record import ANY, RecordedRequest, masked_number
from agent.simulator.routes import CALL_NAMES, UNKNOWN
from agent.simulator.simulator import Simulator
from agent.simulator.switches import UnknownSetting, nearest, switches_from
from agent.simulator.times import iso_milliseconds

PREFIX: Final = "/simulator"
_FURTHEST_SECONDS: Final = 366 * 86400.0  # times beyond a year are no use to a till
_MAX_WAIT_SECONDS: Final = 60.0  # how long a request to the control interface may wait for something to arrive


class CardBody(BaseModel):
    """What `POST /simulator/cards` takes: balances in cents, what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    number: Annotated[StrictStr, Field(min_length=1, max_length=40)] = Field(repr=False)
    cash_balance: Annotated[StrictInt, Field(ge=0)] | None = None
    bonus_balance: Annotated[StrictInt, Field(ge=0)] | None = None
    locked: StrictBool | None = None
    csc: StrictStr | None = None


class PairingBody(BaseModel):
    """What `POST /simulator/pairings` takes: the code that a device shows."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    user_code: StrictStr


class ClockBody(BaseModel):
    """What `POST /simulator/clock` takes: how far the simulator's time is moved."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    advance_seconds: Annotated[float, Field(ge=0, le=_FURTHEST_SECONDS, allow_inf_nan=False)]


class WaitQuery(BaseModel):
    """The parameters of `ledger` and `requests`: wait until `count` are there, or the time is over."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    call: str = ANY
    count: Annotated[int, Field(ge=0)] = 0
    wait_seconds: Annotated[float, Field(ge=0, le=_MAX_WAIT_SECONDS)] = 0


class Control:
    """Answers the requests below `/simulator`."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._handlers: dict[tuple[str, str], Callable[[web.BaseRequest], Awaitable[object]]] = {
            ("GET", ""): self._index,
            ("GET", "/ledger"): self._ledger,
            ("GET", "/requests"): self._requests,
            ("GET", "/switches"): self._switches,
            ("PUT", "/switches"): self._set_switches,
            ("GET", "/faults"): self._faults,
            ("POST", "/faults"): self._add_fault,
            ("DELETE", "/faults"): self._clear_faults,
            ("GET", "/cards"): self._cards,
            ("POST", "/cards"): self._set_card,
            ("POST", "/pairings"): self._confirm_device,
            ("DELETE", "/pairings"): self._remove_devices,
            ("POST", "/clock"): self._advance,
            ("POST", "/reset"): self._reset,
        }

    async def answer(self, request: web.BaseRequest) -> web.Response:
        handler = self._handlers.get((request.method, request.path.removeprefix(PREFIX).rstrip("/")))
        if handler is None:
            return _problem(404, f"there is no {request.method} {request.path}; GET {PREFIX} lists what there is")
        try:
            return wire.answered(Answer(body=await handler(request)))
        except ValidationError as error:
            problems = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
            return _problem(400, *problems)
        except ValueError as error:  # UnknownSetting, and JSON that is none
            return _problem(400, *str(error).splitlines())

    async def _index(self, _request: web.BaseRequest) -> object:
        return {
            "base_url": self._simulator.base_url,
            "calls": [f"{name} {PREFIX}{path}" for name, path in self._handlers],
        }

    async def _ledger(self, request: web.BaseRequest) -> object:
        query = WaitQuery.model_validate(dict(request.query))
        await _within(query, self._simulator.booked(query.count))
        return {"count": len(self._simulator.ledger), "bookings": [_booking(each) for each in self._simulator.ledger]}

    async def _requests(self, request: web.BaseRequest) -> object:
        query = WaitQuery.model_validate(dict(request.query))
        if query.call not in {ANY, UNKNOWN, PORTAL, *CALL_NAMES}:
            raise UnknownSetting(f"there is no call {query.call}{nearest(query.call, CALL_NAMES)}")
        await _within(query, self._simulator.request_arrived(query.call, query.count))
        found = self._simulator.requests_of(query.call)
        return {"count": len(found), "requests": [_recorded(each) for each in found]}

    async def _switches(self, _request: web.BaseRequest) -> object:
        return self._simulator.switches.model_dump(by_alias=True)

    async def _set_switches(self, request: web.BaseRequest) -> object:
        settings = await _json(request)
        if not isinstance(settings, dict):
            raise UnknownSetting('switches are an object, as {"second-start": "executes-again"}')
        self._simulator.switches = switches_from(settings, self._simulator.switches)
        return self._simulator.switches.model_dump(by_alias=True)

    async def _faults(self, _request: web.BaseRequest) -> object:
        return {"faults": [fault.settings() for fault in self._simulator.faults.left]}

    async def _add_fault(self, request: web.BaseRequest) -> object:
        body = await _json(request)
        for each in body if isinstance(body, list) else [body]:
            self._simulator.add_fault(fault_from_text(each) if isinstance(each, str) else fault_from(each))
        return await self._faults(request)

    async def _clear_faults(self, request: web.BaseRequest) -> object:
        self._simulator.faults.clear()
        return await self._faults(request)

    async def _cards(self, _request: web.BaseRequest) -> object:
        return {"cards": [_card(card) for card in self._simulator.api.state.cards.values()]}

    async def _set_card(self, request: web.BaseRequest) -> object:
        body = CardBody.model_validate(await _json(request))
        given = body.model_dump(exclude={"number"})
        return _card(self._simulator.set_card(body.number, **given))

    async def _confirm_device(self, request: web.BaseRequest) -> object:
        body = PairingBody.model_validate(await _json(request))
        if not self._simulator.confirm_device(body.user_code):
            raise UnknownSetting("no device shows this user code, or not any more")
        return {"confirmed": True}

    async def _remove_devices(self, _request: web.BaseRequest) -> object:
        self._simulator.api.logins.remove_devices()
        return {"removed": True}

    async def _advance(self, request: web.BaseRequest) -> object:
        body = ClockBody.model_validate(await _json(request))
        await self._simulator.clock.advance(body.advance_seconds)
        return {"now": iso_milliseconds(self._simulator.clock.now())}

    async def _reset(self, _request: web.BaseRequest) -> object:
        await self._simulator.reset()
        return {"reset": True}


async def _json(request: web.BaseRequest) -> object:
    """The body as JSON. Raises ValueError."""
    body: object = json.loads(await request.read())
    return body


async def _within(query: WaitQuery, reached: Awaitable[None]) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(query.wait_seconds):
            await reached


def _problem(status: int, *problems: str) -> web.Response:
    return wire.answered(Answer(status=status, reason=HTTPStatus(status).phrase, body={"problems": list(problems)}))


def _booking(booking: Booking) -> dict[str, object]:
    movement = booking.movement
    return {
        "number": booking.number,
        "at": iso_milliseconds(booking.at),
        "kind": booking.kind,
        "transaction": booking.transaction,
        "merchantRef": booking.merchantRef,
        "method": booking.method,
        "sum": booking.sum,
        "amount": booking.amount,
        "redeemed": movement.redeemed,
        "bonus_redeemed": movement.bonus_redeemed,
        "charged": movement.charged,
        "discharged": movement.discharged,
        "card": masked_number(booking.card) if booking.card else None,
        "request": booking.request,
        "reverses": booking.reverses,
    }


def _recorded(request: RecordedRequest) -> dict[str, object]:
    return {
        "number": request.number,
        "at": iso_milliseconds(request.at),
        "call": request.call,
        "method": request.method,
        "path": request.path,
        "query": request.masked_query,
        "x_action": request.x_action,
        "token_given": request.token_given,
        "body": request.masked_body,
        "faults": list(request.faults),
        "status": request.status,
    }


def _card(card: Card) -> dict[str, object]:
    return {
        "number": masked_number(card.number),
        "id": card.merchantcard_id,
        "cash_balance": card.cash_balance,
        "bonus_balance": card.bonus_balance,
        "locked": card.locked,
        "stock_status": card.stock_status,
    }
