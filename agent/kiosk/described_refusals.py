"""Which refusals a call may answer, for the OpenAPI document: by status and the names of their problems. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from agent.checkout.events import (
    ApplyAsked,
    BasketSet,
    CancelAsked,
    CardRemoved,
    CardSet,
    ConfirmAsked,
    DrawerOpenAsked,
    PayAsked,
    Request,
    ResolveAsked,
    RetryAsked,
    ReverseAsked,
)
from agent.checkout.table import TABLE
from agent.kiosk.call import Route
from agent.kiosk.requests import OperatorBody
from agent.kiosk.roles import Role

Refusals = Mapping[HTTPStatus, Iterable[str]]

_EVERY_CALL: Refusals = {
    HTTPStatus.BAD_REQUEST: ["idempotency-key-invalid"],
    HTTPStatus.FORBIDDEN: ["host-not-allowed", "origin-not-allowed"],
    HTTPStatus.NOT_FOUND: ["not-found"],
    HTTPStatus.UNPROCESSABLE_ENTITY: ["invalid-request"],
    HTTPStatus.TOO_MANY_REQUESTS: ["too-many-requests"],
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: ["headers-too-large"],
    HTTPStatus.INTERNAL_SERVER_ERROR: ["internal"],
    HTTPStatus.SERVICE_UNAVAILABLE: ["not-ready", "journal-unusable", "overloaded"],
    HTTPStatus.HTTP_VERSION_NOT_SUPPORTED: ["http-version-not-supported"],
}
_BODY: Refusals = {
    HTTPStatus.BAD_REQUEST: ["body-not-json"],
    HTTPStatus.REQUEST_TIMEOUT: ["request-too-slow"],
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ["request-too-large"],
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ["unsupported-media-type"],
    HTTPStatus.UNPROCESSABLE_ENTITY: ["idempotency-key-reused"],
    HTTPStatus.INSUFFICIENT_STORAGE: ["not-written"],
}
_CARD: Refusals = {
    HTTPStatus.UNPROCESSABLE_ENTITY: ["not-a-card", "payment-card"],
    HTTPStatus.TOO_MANY_REQUESTS: ["too-many-attempts"],
}
_API: Refusals = {
    HTTPStatus.CONFLICT: ["terminal-busy"],
    HTTPStatus.BAD_GATEWAY: ["api-refused"],
    HTTPStatus.SERVICE_UNAVAILABLE: ["api-away", "api-not-authorised"],
    HTTPStatus.GATEWAY_TIMEOUT: ["api-no-answer"],
}
_ASKED: Mapping[str, type[Request]] = {
    "PUT /v1/checkouts/{id}/basket": BasketSet,
    "PUT /v1/checkouts/{id}/card": CardSet,
    "DELETE /v1/checkouts/{id}/card": CardRemoved,
    "POST /v1/checkouts/{id}/apply": ApplyAsked,
    "POST /v1/checkouts/{id}/pay": PayAsked,
    "POST /v1/checkouts/{id}/confirm": ConfirmAsked,
    "POST /v1/checkouts/{id}/cancel": CancelAsked,
    "POST /v1/checkouts/{id}/retry": RetryAsked,
    "POST /v1/checkouts/{id}/resolve": ResolveAsked,
    "POST /v1/checkouts/{id}/reverse": ReverseAsked,
}
"""What a call asks the checkout table."""


def _conflicts(event: type[Request]) -> list[str]:
    """What the table refuses this event for."""
    reasons = {row.refuse for row in TABLE if row.event is event and row.refuse is not None}
    return sorted(reason.replace("_", "-") for reason in reasons)


_OF_ONE_CALL: Mapping[str, tuple[Refusals, ...]] = {
    "POST /v1/checkouts": (
        {
            HTTPStatus.CONFLICT: ["another-is-active", "handed-over-already"],
            HTTPStatus.UNPROCESSABLE_ENTITY: ["card-in-reference", "card-in-product"],
        },
    ),
    "PUT /v1/checkouts/{id}/basket": ({HTTPStatus.UNPROCESSABLE_ENTITY: ["card-in-product"]},),
    "PUT /v1/checkouts/{id}/card": (
        _CARD,
        {HTTPStatus.FORBIDDEN: ["csc-required", "csc-wrong"], HTTPStatus.SERVICE_UNAVAILABLE: ["csc-not-checked"]},
    ),
    "GET /v1/checkouts/{id}/receipt": (
        {HTTPStatus.NOT_FOUND: ["no-receipt"], HTTPStatus.NOT_ACCEPTABLE: ["not-acceptable"]},
    ),
    "POST /v1/checkouts/{id}/print": (
        {HTTPStatus.NOT_FOUND: ["no-receipt"], HTTPStatus.SERVICE_UNAVAILABLE: ["not-printed"]},
    ),
    "POST /v1/cards/check": (_CARD, {HTTPStatus.SERVICE_UNAVAILABLE: ["card-not-checked"]}),
    "POST /v1/terminal/end-of-day": (_API,),
    "POST /v1/terminal/diagnosis": (_API,),
    "POST /v1/drawer/open": (
        {HTTPStatus.CONFLICT: _conflicts(DrawerOpenAsked), HTTPStatus.SERVICE_UNAVAILABLE: ["drawer-refused"]},
    ),
    "GET /v1/events": ({HTTPStatus.SERVICE_UNAVAILABLE: ["too-many-readers"]},),
    "POST /v1/session": ({HTTPStatus.FORBIDDEN: ["ticket-invalid"]},),
    "GET /metrics": ({HTTPStatus.UNAUTHORIZED: ["token-required"]},),
}


def refusals(route: Route) -> dict[HTTPStatus, list[str]]:
    """Every status of a refusal of this call, with the names of the problems that it may be."""
    found: defaultdict[HTTPStatus, list[str]] = defaultdict(list)
    for kind in (_EVERY_CALL, *_kinds(route), *_OF_ONE_CALL.get(_name(route), ())):
        for status, names in kind.items():
            found[status] += names
    return dict(sorted(found.items()))


def _name(route: Route) -> str:
    return f"{route.method} {route.path}"


def _kinds(route: Route) -> Iterable[Refusals]:
    if route.needs is not None:
        yield {HTTPStatus.UNAUTHORIZED: ["token-required"]}
    if route.needs is Role.OPERATOR:
        yield {HTTPStatus.FORBIDDEN: ["operator-required"]}
    if route.method in {"POST", "PUT"}:
        yield _BODY
    if issubclass(route.body, OperatorBody):
        yield {HTTPStatus.UNPROCESSABLE_ENTITY: ["name-required"]}
    if "{id}" in route.path:
        yield {HTTPStatus.NOT_FOUND: ["no-such-checkout"]}
    if (event := _ASKED.get(_name(route))) is not None:
        yield {
            HTTPStatus.CONFLICT: [*_conflicts(event), "not-allowed"],
            HTTPStatus.INSUFFICIENT_STORAGE: ["not-written"],
        }
