"""The calls about the till itself: its drawer, its devices, its event stream, its health, and letting a screen in."""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import asdict
from http import HTTPStatus

from aiohttp import web

from agent.checkout.state import TransactionFacts
from agent.kiosk.call import Call, answer, operator_name
from agent.kiosk.checkout_answers import CardAnswer, HistoryAnswer
from agent.kiosk.checkout_calls import card_in
from agent.kiosk.problems import Problem
from agent.kiosk.queries import EventsQuery, HistoryQuery, NoQuery, ReportQuery
from agent.kiosk.requests import CheckCardBody, Nothing, OpenDrawerBody, OperatorBody, SessionBody, TicketBody
from agent.kiosk.roles import Role
from agent.kiosk.stream import TooManyReaders
from agent.kiosk.tickets import COOKIES, OPERATOR_PAGE, TICKET_S, new_cookie
from agent.kiosk.till_answers import DeviceList, HealthAnswer, TerminalAnswer, TicketAnswer
from agent.kiosk.view import happened_answer, report_answer

logger = logging.getLogger("tillwire.kiosk")

EVENT_STREAM = "text/event-stream"
RETRY = b"retry: 1000\n\n"
"""Milliseconds until a browser comes back: a restarted agent is there again by then, and the customer hardly waits."""
WRITE_TIMEOUT_S = 30.0
"""A reader that takes not one byte for so long is dead or stopped."""


async def open_drawer(call: Call[OpenDrawerBody, NoQuery]) -> web.Response:
    """Open the drawer for a person; the same Idempotency-Key opens it once."""
    till, key = call.kiosk.till, call.key
    await till.open_drawer(call.body.reason, await operator_name(call), key)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def report(call: Call[Nothing, ReportQuery]) -> web.Response:
    """Tell what a day came to."""
    return answer(report_answer(await call.kiosk.till.lookup.day(call.query.day)))


async def history(call: Call[Nothing, HistoryQuery]) -> web.Response:
    """Tell what happened last at this till, with who did it."""
    newest = await call.kiosk.till.lookup.newest_events(call.query.limit)
    return answer(HistoryAnswer(events=tuple(map(happened_answer, newest))))


async def check_card(call: Call[CheckCardBody, NoQuery]) -> web.Response:
    """Tell whether a card may be used and what is on it, without a checkout. Nobody may try numbers for long."""
    kiosk = call.kiosk
    till, card = kiosk.till, card_in(call.body.value, kiosk)
    if kiosk.unknown_cards.too_many:
        raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "too-many-attempts")
    kiosk.unknown_cards.count()
    told = await till.check_card(card)
    if told is None or told.valid:
        kiosk.unknown_cards.take_back()
    if told is None:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "card-not-checked")
    return answer(CardAnswer(**asdict(told)))


async def end_of_day(call: Call[OperatorBody, NoQuery]) -> web.Response:
    """Have the terminal close its day, and wait for it. A caller that goes away does not stop it, and may ask again."""
    by = await operator_name(call)
    logger.info("end of day at the terminal, asked by %s", by)
    return _reported(await call.kiosk.till.terminal.close_day(by, call.key))


async def diagnosis(call: Call[OperatorBody, NoQuery]) -> web.Response:
    """Have the terminal check itself and its configuration. Waits for the terminal."""
    logger.info("diagnosis of the terminal, asked by %s", await operator_name(call))
    return _reported(await call.kiosk.till.terminal.diagnosis(call.key))


def _reported(facts: TransactionFacts) -> web.Response:
    return answer(
        TerminalAnswer(
            transaction_id=facts.id,
            status=facts.status,
            receipt=facts.receipt.customer,
            merchant_receipt=facts.receipt.merchant,
        )
    )


async def devices(call: Call[Nothing, NoQuery]) -> web.Response:
    stream = call.kiosk.stream
    return answer(DeviceList(devices=tuple(stream.devices.values()), drawer=stream.drawer))


async def health(call: Call[Nothing, NoQuery]) -> web.Response:
    """200 when business can be done, 503 when not. The reasons are for whoever is known, or sits on this machine."""
    reasons = call.kiosk.reasons()
    may_know = call.caller is not None or call.door.is_socket_file
    shown = HealthAnswer(ready=not reasons)
    if may_know:
        shown = HealthAnswer(ready=not reasons, reasons=tuple(reasons), warnings=tuple(call.kiosk.warnings()))
    return answer(shown, HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK)


async def events(call: Call[Nothing, EventsQuery]) -> web.StreamResponse:
    """Tell everything that happens, until the reader goes away or the agent stops."""
    kiosk, request, transport = call.kiosk, call.request, call.request.transport
    if transport is None:
        raise ConnectionResetError
    since = request.headers.get("Last-Event-ID") or call.query.since
    missed = kiosk.till.lookup.events_since
    response = web.StreamResponse(headers={"Content-Type": EVENT_STREAM, "X-Accel-Buffering": "no"})
    try:
        with kiosk.stream.reader(call.role, transport.abort) as reader:
            await response.prepare(request)
            await response.write(RETRY)
            async with aclosing(kiosk.stream.frames(reader, since, missed, kiosk.snapshot)) as frames:
                async for frame in frames:
                    async with asyncio.timeout(WRITE_TIMEOUT_S):
                        await response.write(frame)
    except TooManyReaders:
        raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, "too-many-readers", headers={"Retry-After": "5"}) from None
    except TimeoutError:
        transport.abort()
    return response


async def issue_ticket(call: Call[TicketBody, NoQuery]) -> web.Response:
    """Make a one-time address that logs a page's browser in."""
    url = call.kiosk.page_url
    if url is None:
        raise Problem(HTTPStatus.NOT_FOUND, "not-found", "the page is switched off, or is on no address of a browser")
    page = OPERATOR_PAGE if call.body.role is Role.OPERATOR else "/"
    ticket = call.kiosk.tickets.issue(call.body.role)
    shown = TicketAnswer(url=f"{url.rstrip('/')}{page}#ticket={ticket}", valid_s=TICKET_S)
    return answer(shown, HTTPStatus.CREATED)


async def begin_session(call: Call[SessionBody, NoQuery]) -> web.Response:
    """Exchange a ticket for the cookie of its role."""
    role = call.kiosk.tickets.redeem(call.body.ticket)
    if role is None:
        raise Problem(HTTPStatus.FORBIDDEN, "ticket-invalid")
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    kept = COOKIES[role]
    response.set_cookie(
        kept.name,
        new_cookie(call.kiosk.tokens, role),
        path=kept.path,
        max_age=kept.lasts_s,
        httponly=True,
        samesite="Strict",
        secure=call.door.scheme == "https",
    )
    return response


async def end_session(call: Call[Nothing, NoQuery]) -> web.Response:
    """Let the browser forget the cookie of the page that asks."""
    response = web.Response(status=HTTPStatus.NO_CONTENT)
    kept = COOKIES[call.role]
    response.del_cookie(kept.name, path=kept.path)
    return response
