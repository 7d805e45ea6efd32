"""The calls of the local interface about the till: cards, terminal, drawer, report, events, sessions, health."""

from http import HTTPStatus
from typing import Any

from agent.kiosk import metrics_call, till_calls
from agent.kiosk.call import Route
from agent.kiosk.checkout_answers import CardAnswer, HistoryAnswer
from agent.kiosk.queries import EventsQuery, HistoryQuery, NoQuery, ReportQuery
from agent.kiosk.report_answers import ReportAnswer
from agent.kiosk.requests import CheckCardBody, Nothing, OpenDrawerBody, OperatorBody, SessionBody, TicketBody
from agent.kiosk.roles import Role
from agent.kiosk.till_answers import DeviceList, HealthAnswer, TerminalAnswer, TicketAnswer

_NO_CONTENT = {HTTPStatus.NO_CONTENT: None}

TILL_ROUTES: tuple[Route[Any, Any], ...] = (
    Route(
        method="POST",
        path="/v1/cards/check",
        summary="Whether a card may be used, and what is on it",
        handler=till_calls.check_card,
        body=CheckCardBody,
        query=NoQuery,
        answers={HTTPStatus.OK: CardAnswer},
    ),
    Route(
        method="POST",
        path="/v1/terminal/end-of-day",
        summary="Have the card terminal close its day; answers when it has",
        handler=till_calls.end_of_day,
        body=OperatorBody,
        query=NoQuery,
        needs=Role.OPERATOR,
        answers={HTTPStatus.OK: TerminalAnswer},
    ),
    Route(
        method="POST",
        path="/v1/terminal/diagnosis",
        summary="Have the card terminal check itself; answers when it has",
        handler=till_calls.diagnosis,
        body=OperatorBody,
        query=NoQuery,
        needs=Role.OPERATOR,
        answers={HTTPStatus.OK: TerminalAnswer},
    ),
    Route(
        method="POST",
        path="/v1/drawer/open",
        summary="Open the drawer without a sale, or once more while its cash is awaited",
        handler=till_calls.open_drawer,
        body=OpenDrawerBody,
        query=NoQuery,
        needs=Role.OPERATOR,
        answers=_NO_CONTENT,
    ),
    Route(
        method="GET",
        path="/v1/report",
        summary="The sheet of a day: cash confirmed, booked, waiting, and the drawer's openings with their reasons",
        handler=till_calls.report,
        body=Nothing,
        query=ReportQuery,
        needs=Role.OPERATOR,
        answers={HTTPStatus.OK: ReportAnswer},
    ),
    Route(
        method="GET",
        path="/v1/history",
        summary="What happened last at this till, the newest first",
        handler=till_calls.history,
        body=Nothing,
        query=HistoryQuery,
        needs=Role.OPERATOR,
        answers={HTTPStatus.OK: HistoryAnswer},
    ),
    Route(
        method="GET",
        path="/v1/devices",
        summary="The readers, the drawer and the printer, and how they are",
        handler=till_calls.devices,
        body=Nothing,
        query=NoQuery,
        answers={HTTPStatus.OK: DeviceList},
    ),
    Route(
        method="GET",
        path="/v1/events",
        summary="Everything that happens, as server-sent events",
        handler=till_calls.events,
        body=Nothing,
        query=EventsQuery,
        answers={HTTPStatus.OK: None},
        media_types=(till_calls.EVENT_STREAM,),
    ),
    Route(
        method="POST",
        path="/v1/tickets",
        summary="A one-time address that logs the browser of the screen or of the operator in",
        handler=till_calls.issue_ticket,
        body=TicketBody,
        query=NoQuery,
        needs=Role.OPERATOR,
        answers={HTTPStatus.CREATED: TicketAnswer},
    ),
    Route(
        method="POST",
        path="/v1/session",
        summary="Exchange a one-time ticket for the cookie of its page",
        handler=till_calls.begin_session,
        body=SessionBody,
        query=NoQuery,
        needs=None,
        answers=_NO_CONTENT,
    ),
    Route(
        method="DELETE",
        path="/v1/session",
        summary="Forget the cookie",
        handler=till_calls.end_session,
        body=Nothing,
        query=NoQuery,
        answers=_NO_CONTENT,
    ),
    Route(
        method="GET",
        path="/metrics",
        summary="What was counted, for Prometheus. With a token, or on a Unix socket",
        handler=metrics_call.metrics,
        body=Nothing,
        query=NoQuery,
        needs=None,
        answers={HTTPStatus.OK: None},
        media_types=(metrics_call.PROMETHEUS,),
    ),
    Route(
        method="GET",
        path="/health",
        summary="Can business be done? With a token, or on a Unix socket, also why not",
        handler=till_calls.health,
        body=Nothing,
        query=NoQuery,
        needs=None,
        answers={HTTPStatus.OK: HealthAnswer, HTTPStatus.SERVICE_UNAVAILABLE: HealthAnswer},
    ),
)
