"""One HTTP request from its arrival to its answer: recorded, struck by its faults, executed, answered."""

import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from aiohttp import web

from agent.simulator import wire
from agent.simulator.api import Begun, SimulatedApi
from agent.simulator.clock import Clock
from agent.simulator.faults import TIMES, Fault, FaultPlan, Kind
from agent.simulator.messages import Answer, Request
from agent.simulator.record import Counts, Record, RecordedRequest, masked
from agent.simulator.routes import match
from agent.simulator.tasks import Tasks

_log = logging.getLogger("tillwire.simulator")

BOOKED: Final = "booked"
"""The name under which executions are counted."""

PORTAL: Final = "captive-portal"
"""The name of a request that followed a redirect of the fault `captive-portal`."""

_NOT_EXECUTED: Final = frozenset({Kind.NO_ANSWER_BEFORE_EXECUTING, Kind.EXECUTED_LATE, Kind.CAPTIVE_PORTAL})
_ANSWERED: Final = frozenset({Kind.SERVER_ERROR, Kind.BARE_SERVER_ERROR, Kind.NOT_JSON, Kind.ERROR_IN_GOOD_ANSWER})
"""Faults that answer something of their own, executed or not as their option says."""


class HttpRequest(Protocol):
    """A request as it came over the wire, aiohttp's or another server's."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query(self) -> Mapping[str, str]: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    async def read(self) -> bytes: ...


class Exchange:
    """Answers the requests of the API; `outage` begins a time of refused connections."""

    def __init__(
        self,
        *,
        api: SimulatedApi,
        faults: FaultPlan,
        record: Record,
        clock: Clock,
        outage: Callable[[float], None],
    ) -> None:
        self._api = api
        self._faults = faults
        self._record = record
        self._clock = clock
        self._outage = outage
        self._answering = Tasks()
        self._late = Tasks()
        self.counts = Counts()

    async def answer(self, http_request: HttpRequest) -> web.StreamResponse:
        with self._answering.joined():
            return await self._answer(http_request)

    async def _answer(self, http_request: HttpRequest) -> web.StreamResponse:
        request = await self._arrived(http_request)
        call = match(request.method, request.path).name
        faults = self._faults.take(call)
        recorded = self._recorded(request, call, faults)
        await self._wait(faults, Kind.LATENCY)
        response = await self._struck(request, call, faults)
        await self._wait(faults, Kind.SLOW_ANSWER)
        recorded.status = wire.status_of(response)
        _log.info("request %d: %s", recorded.number, recorded.status or "no answer")
        return response

    async def at_the_portal(self, http_request: HttpRequest) -> web.StreamResponse:
        """Answers a client that followed the redirect of a captive portal; the record keeps what it gave away."""
        recorded = self._recorded(await self._arrived(http_request), PORTAL, [])
        recorded.status = 200
        return wire.page("Welcome")

    async def forget_late(self) -> None:
        """What was to be executed late is never executed."""
        await self._late.end()

    async def close(self) -> None:
        """What waits to be executed or answered never is."""
        await self._late.end()
        await self._answering.end()

    async def _arrived(self, http_request: HttpRequest) -> Request:
        return Request(
            method=http_request.method,
            path=http_request.path,
            query=dict(http_request.query),
            headers={name.lower(): value for name, value in http_request.headers.items()},
            body=await http_request.read(),
            number=self._record.next_number(),
            arrived=self._clock.now(),
        )

    def _recorded(self, request: Request, call: str, faults: list[Fault]) -> RecordedRequest:
        recorded = RecordedRequest(
            number=request.number,
            at=request.arrived,
            call=call,
            method=request.method,
            path=request.path,
            query=request.query,
            x_action=request.headers.get("x-action"),
            token_given="authorization" in request.headers,
            body=request.body,
            faults=tuple(fault.kind.value for fault in faults),
        )
        self._record.add(recorded)
        struck = "".join(f" [{kind}]" for kind in recorded.faults)
        _log.info("request %d: %s %s %s%s", recorded.number, call, request.method, masked(request.path), struck)
        return recorded

    async def _wait(self, faults: list[Fault], kind: Kind) -> None:
        seconds = sum(fault.seconds for fault in faults if fault.kind is kind)
        await self._clock.sleep_until(self._clock.now() + seconds)

    async def _struck(self, request: Request, call: str, faults: list[Fault]) -> web.StreamResponse:
        fault = next((fault for fault in faults if fault.kind not in TIMES), None)
        if fault is None:
            return wire.answered(await self._execute(request, call, faults))
        if fault.kind in _NOT_EXECUTED:
            return self._not_executed(request, call, fault)
        if fault.kind is Kind.EXPIRED_TOKEN:
            self._api.expire_token(request)
        if fault.kind in _ANSWERED and not fault.executes:
            return self._answered(fault)
        answer = await self._execute(request, call, faults)
        return self._answered(fault) if fault.kind in _ANSWERED else self._spoiled(fault, answer)

    def _not_executed(self, request: Request, call: str, fault: Fault) -> web.StreamResponse:
        if fault.kind is Kind.CAPTIVE_PORTAL:
            return wire.redirected(fault)
        if fault.kind is Kind.EXECUTED_LATE:
            self._late.spawn(self._execute_late(request, call, self._clock.now() + fault.seconds))
        return wire.no_answer(fault)

    def _answered(self, fault: Fault) -> web.StreamResponse:
        answers: dict[Kind, Callable[[], web.StreamResponse]] = {
            Kind.SERVER_ERROR: lambda: wire.answered(self._api.error(fault.status)),
            Kind.BARE_SERVER_ERROR: lambda: wire.bare_error(fault),
            Kind.NOT_JSON: lambda: wire.page("Proxy"),
            Kind.ERROR_IN_GOOD_ANSWER: lambda: wire.answered(self._api.error(200)),
        }
        return answers[fault.kind]()

    def _spoiled(self, fault: Fault, answer: Answer) -> web.StreamResponse:
        if fault.kind is Kind.NO_ANSWER_AFTER_EXECUTING:
            return wire.no_answer(fault)
        if fault.kind is Kind.REFUSED_CONNECTION:
            self._outage(fault.seconds)
            return wire.last_answer(answer)
        if fault.kind is Kind.ANOTHER_TRANSACTION:
            answer = self._api.about_another(answer)
        return wire.spoiled(fault, answer)

    async def _execute_late(self, request: Request, call: str, at: float) -> None:
        await self._clock.sleep_until(at)
        await self._execute(request, call, [])

    async def _execute(self, request: Request, call: str, faults: list[Fault]) -> Answer:
        is_start = call.startswith("start/")
        if not is_start:
            await self._wait(faults, Kind.SLOW_EXECUTION)
        begun = self._api.begin(request, self._clock.now())
        if isinstance(begun, Begun):
            await self._wait(faults, Kind.SLOW_EXECUTION)
            fails = any(fault.kind is Kind.FAILED for fault in faults)
            finish = self._api.fail if fails else self._api.finish
            begun = finish(begun, self._clock.now())
        self._count_bookings()
        return begun

    def _count_bookings(self) -> None:
        while self.counts[BOOKED] < len(self._api.ledger):
            self.counts.add(BOOKED)
