"""Which refusals a call may answer, for the OpenAPI document: by status and the names of their problems. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from http import HTTPStatus

from agent.kiosk.call import Route
from agent.kiosk.problems import CONFLICTS
from agent.kiosk.requests import Nothing, OperatorBody
from agent.kiosk.roles import Role

Refusals = Mapping[HTTPStatus, Iterable[str]]

_EVERY_CALL: Refusals = {
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
    HTTPStatus.BAD_REQUEST: ["body-not-json", "idempotency-key-invalid"],
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
_OF_ONE_CALL: Mapping[str, tuple[Refusals, ...]] = {
    "/v1/checkouts": (
        {
            HTTPStatus.CONFLICT: [*CONFLICTS, "handed-over-already"],
            HTTPStatus.UNPROCESSABLE_ENTITY: ["card-in-reference"],
        },
    ),
    "/v1/checkouts/{id}/card": (
        _CARD,
        {HTTPStatus.FORBIDDEN: ["csc-required", "csc-wrong"], HTTPStatus.SERVICE_UNAVAILABLE: ["csc-not-checked"]},
    ),
    "/v1/checkouts/{id}/receipt": (
        {HTTPStatus.NOT_FOUND: ["no-receipt"], HTTPStatus.NOT_ACCEPTABLE: ["not-acceptable"]},
    ),
    "/v1/checkouts/{id}/print": (
        {HTTPStatus.NOT_FOUND: ["no-receipt"], HTTPStatus.SERVICE_UNAVAILABLE: ["not-printed"]},
    ),
    "/v1/cards/check": (_CARD, {HTTPStatus.SERVICE_UNAVAILABLE: ["card-not-checked"]}),
    "/v1/terminal/end-of-day": (_API,),
    "/v1/terminal/diagnosis": (_API,),
    "/v1/drawer/open": ({HTTPStatus.CONFLICT: CONFLICTS, HTTPStatus.SERVICE_UNAVAILABLE: ["drawer-refused"]},),
    "/v1/events": ({HTTPStatus.SERVICE_UNAVAILABLE: ["too-many-readers"]},),
    "/v1/session": ({HTTPStatus.FORBIDDEN: ["ticket-invalid"]},),
    "/metrics": ({HTTPStatus.UNAUTHORIZED: ["token-required"]},),
}


def refusals(route: Route) -> dict[HTTPStatus, list[str]]:
    """Every status of a refusal of this call, with the names of the problems that it may be."""
    found: defaultdict[HTTPStatus, list[str]] = defaultdict(list)
    for kind in (_EVERY_CALL, *_kinds(route), *_OF_ONE_CALL.get(route.path, ())):
        for status, names in kind.items():
            found[status] += names
    return dict(sorted(found.items()))


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
        if route.method != "GET":
            yield {HTTPStatus.CONFLICT: CONFLICTS}
            if route.body is Nothing:
                yield {HTTPStatus.INSUFFICIENT_STORAGE: ["not-written"]}
