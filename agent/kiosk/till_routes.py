"""The calls of the local interface about the till: cards, terminal, drawer, report, events, sessions, health."""

from http import HTTPStatus

from agent.kiosk import metrics_call, till_calls
from agent.kiosk.call import Route
from agent.kiosk.checkout_answers import CardAnswer, HistoryAnswer
from agent.kiosk.report_answers import ReportAnswer
from agent.kiosk.roles import Role
from agent.kiosk.till_answers import DeviceList, HealthAnswer, TerminalAnswer, TicketAnswer

_NO_CONTENT = {HTTPStatus.NO_CONTENT: None}

TILL_ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/cards/check",
        "Whether a card may be used, and what is on it",
        till_calls.check_card,
        {HTTPStatus.OK: CardAnswer},
    ),
    Route(
        "POST",
        "/v1/terminal/end-of-day",
        "Have the card terminal close its day; answers when it has",
        till_calls.end_of_day,
        {HTTPStatus.OK: TerminalAnswer},
        needs=Role.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/terminal/diagnosis",
        "Have the card terminal check itself; answers when it has",
        till_calls.diagnosis,
        {HTTPStatus.OK: TerminalAnswer},
        needs=Role.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/drawer/open",
        "Open the drawer without a sale, or once more while its cash is awaited; where the register opens it, "
        "what is asked while cash is awaited begins the evidence anew and opens nothing",
        till_calls.open_drawer,
        _NO_CONTENT,
        needs=Role.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/report",
        "The sheet of a day: cash confirmed, booked, waiting, and the drawer's openings with their reasons",
        till_calls.report,
        {HTTPStatus.OK: ReportAnswer},
        needs=Role.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/history",
        "What happened last at this till, the newest first",
        till_calls.history,
        {HTTPStatus.OK: HistoryAnswer},
        needs=Role.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/devices",
        "The readers, the drawer and the printer, and how they are",
        till_calls.devices,
        {HTTPStatus.OK: DeviceList},
    ),
    Route(
        "GET",
        "/v1/events",
        "Everything that happens, as server-sent events",
        till_calls.events,
        {HTTPStatus.OK: None},
        media_types=(till_calls.EVENT_STREAM,),
    ),
    Route(
        "POST",
        "/v1/tickets",
        "A one-time address that logs the browser of the screen or of the operator in",
        till_calls.issue_ticket,
        {HTTPStatus.CREATED: TicketAnswer},
        needs=Role.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/session",
        "Exchange a one-time ticket for the cookie of its page",
        till_calls.begin_session,
        _NO_CONTENT,
        needs=None,
    ),
    Route("DELETE", "/v1/session", "Forget the cookie", till_calls.end_session, _NO_CONTENT),
    Route(
        "GET",
        "/metrics",
        "What was counted, for Prometheus. With a token, or on a Unix socket",
        metrics_call.metrics,
        {HTTPStatus.OK: None},
        needs=None,
        media_types=(metrics_call.PROMETHEUS,),
    ),
    Route(
        "GET",
        "/health",
        "Can business be done? With a token, or on a Unix socket, also why not",
        till_calls.health,
        {HTTPStatus.OK: HealthAnswer, HTTPStatus.SERVICE_UNAVAILABLE: HealthAnswer},
        needs=None,
    ),
)
