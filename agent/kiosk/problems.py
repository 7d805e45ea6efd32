"""What a caller is told when something is refused: RFC 9457 problem documents.

`type` is `urn:tillwire:problem:` and a name of this table. Programs decide by it, so a name is never changed; a title
is for people and may be.
"""

from collections.abc import Mapping
from dataclasses import asdict
from http import HTTPStatus

from pydantic import ValidationError

from agent.card import mask_numbers
from agent.checkout.state import Checkout
from agent.checkout.step import NotAllowed
from agent.journal.errors import JournalError, NotWritten
from agent.kiosk.checkout_answers import ErrorAnswer
from agent.kiosk.problem_answers import FieldProblem, ProblemAnswer
from agent.kiosk.roles import Role
from agent.kiosk.view import checkout_answer
from agent.smart.errors import ApiError, NotAuthorised, NotSent, Refused, SmartError
from agent.smart.facts import known_problem
from agent.till.inbox import Overloaded
from agent.till.outlets import NoSuchReceipt, NotPrinted
from agent.till.refusals import AnotherIsActive, HandedOverAlready, KeyReused, NoSuchCheckout, TerminalBusy
from device.interface import DrawerRefused

TYPE_PREFIX = "urn:tillwire:problem:"
LONGEST_FIELD = 100
MOST_FIELD_PROBLEMS = 50

CONFLICTS = {
    "amount-differs": "This is not the amount due.",
    "balance-in-use": "Another checkout uses the balance of this card: take the payment back when that one is over.",
    "busy": "The checkout is waiting for the API.",
    "card-present": "The checkout has another card already.",
    "card-waiting": "A payment with this card is not booked, or not taken back, yet: its balance cannot be used.",
    "charge-without-balance": "Money is loaded onto a card only without using its balance.",
    "discharge-not-supported": "This till does not take money off a card by a discharge line.",
    "drawer-in-use": "The cash of another checkout is awaited: the drawer is opened for that one.",
    "drawer-open": "The drawer is open: close it first.",
    "empty-basket": "The basket is empty.",
    "executed": "It was executed, so it is not sent again.",
    "handed-over": "A register created this transaction: change it there, and hand it over again.",
    "no-card": "There is no card.",
    "not-allowed": "The checkout does not allow this now.",
    "no-receipt-number": "The API told no receipt number: take the payment back at the terminal.",
    "not-confirmed": "The cash was never confirmed: confirm it first.",
    "not-reversible": "A reversal cannot be reversed.",
    "not-same-day": "A terminal takes back only payments of the same day, before its end-of-day report.",
    "no-room": "The disk is full: cash could not be recorded.",
    "offline": "The API is away, and this cannot be done without it.",
    "operator-not-needed": "The drawer confirms this payment by itself.",
    "read-first": "What became of the transaction must be read before another one takes its place.",
    "something-due": "The card does not cover the sum: choose how the rest is paid.",
    "too-early": "What was sent to the API may still be carried out: decide a little later.",
    "too-late": "It is too late for this.",
}
"""What the checkout table refuses a caller for, with - for _."""

TITLES = CONFLICTS | {
    "another-is-active": "Another checkout is active.",
    "api-away": "The API is away: nothing was sent.",
    "api-no-answer": "No usable answer came from the API: it may have worked all the same.",
    "api-not-authorised": "The API does not accept this till.",
    "api-refused": "The API refused this.",
    "body-not-json": "The body is not JSON.",
    "card-in-product": "A product line must not hold a card number.",
    "card-in-reference": "A reference must not hold a card number.",
    "card-not-checked": "The card could not be checked: the API did not answer.",
    "csc-not-checked": "The digits on the back could not be checked: the API did not answer.",
    "csc-required": "A typed card number needs the four digits on its back, or the operator.",
    "csc-wrong": "The digits do not belong to this card.",
    "drawer-refused": "The drawer was not asked to open.",
    "headers-too-large": "The headers are too large.",
    "host-not-allowed": "This interface is not called by that name.",
    "http-version-not-supported": "HTTP/1.1 is spoken here.",
    "handed-over-already": "A checkout has this transaction already: one of its own, or for another amount.",
    "idempotency-key-invalid": "An Idempotency-Key is 1 to 255 printable characters and holds no loyalty card number.",
    "idempotency-key-reused": "The key was used for another request.",
    "internal": "A mistake of ours. It is in the log.",
    "invalid-request": "The request is not as described.",
    "journal-unusable": "The journal cannot be read.",
    "method-not-allowed": "There is no such call here.",
    "name-required": "Say who does this: the field `by`.",
    "no-receipt": "This checkout has no such receipt.",
    "no-such-checkout": "There is no such checkout.",
    "not-acceptable": "None of the accepted types can be given.",
    "not-a-card": "This is not a card number that is taken here.",
    "not-found": "There is no such thing here.",
    "not-ready": "The agent is not ready.",
    "not-written": "The disk refuses to record this, so it was not done.",
    "not-printed": "The receipt was not printed, or not whole.",
    "operator-required": "Only the operator may do this.",
    "origin-not-allowed": "Pages of this origin may not call.",
    "overloaded": "Too much is waiting. Try again.",
    "payment-card": "This looks like a bank card. It was not read.",
    "request-too-large": "The body is too large.",
    "request-too-slow": "The request was not complete in time.",
    "terminal-busy": "The terminal is busy.",
    "ticket-invalid": "The ticket is not valid (any more). Ask for a new address.",
    "token-required": "A valid token is needed.",
    "too-many-attempts": "Too many wrong attempts. Try again later.",
    "too-many-requests": "Too many requests. Try again later.",
    "too-many-readers": "Too many readers of the event stream.",
    "unsupported-media-type": "The body must be application/json.",
}


_OF_THE_TILL: Mapping[type[Exception], tuple[HTTPStatus, str]] = {
    NoSuchCheckout: (HTTPStatus.NOT_FOUND, "no-such-checkout"),
    NoSuchReceipt: (HTTPStatus.NOT_FOUND, "no-receipt"),
    KeyReused: (HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused"),
    TerminalBusy: (HTTPStatus.CONFLICT, "terminal-busy"),
    NotWritten: (HTTPStatus.INSUFFICIENT_STORAGE, "not-written"),
    DrawerRefused: (HTTPStatus.SERVICE_UNAVAILABLE, "drawer-refused"),
    NotPrinted: (HTTPStatus.SERVICE_UNAVAILABLE, "not-printed"),
    JournalError: (HTTPStatus.SERVICE_UNAVAILABLE, "journal-unusable"),
}
"""The first that fits counts: a kind stands before what it is a kind of."""
_SAYS_WHY = frozenset({DrawerRefused, NotPrinted})


class Problem(Exception):
    """A refusal on its way to the caller. `name` is one of TITLES."""

    def __init__(
        self,
        status: HTTPStatus,
        name: str,
        detail: str | None = None,
        *,
        checkout: Checkout | None = None,
        error: ApiError | None = None,
        fields: tuple[FieldProblem, ...] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.detail = detail
        self.checkout = checkout
        self.error = error
        self.fields = fields
        self.headers = headers or {}

    def answer(self, role: Role) -> ProblemAnswer:
        return ProblemAnswer(
            type=TYPE_PREFIX + self.name,
            title=TITLES[self.name],
            status=self.status,
            detail=self.detail,
            checkout=None if self.checkout is None else checkout_answer(self.checkout, role),
            error=None if self.error is None else ErrorAnswer(**asdict(known_problem(self.error))),
            problems=self.fields,
        )


def conflict(error: NotAllowed | AnotherIsActive | HandedOverAlready) -> Problem:
    """The table refuses, or another checkout is in the way: 409 with the checkout as it stands."""
    match error:
        case AnotherIsActive():
            name = "another-is-active"
        case HandedOverAlready():
            name = "handed-over-already"
        case NotAllowed(reason=reason):
            name = reason.replace("_", "-")
            name = name if name in CONFLICTS else "not-allowed"
    return Problem(HTTPStatus.CONFLICT, name, checkout=error.checkout)


def problem_of(error: Exception) -> Problem | None:
    """What a caller is told about an error of the till; None: it is a mistake of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotAllowed | AnotherIsActive | HandedOverAlready):
        return conflict(error)
    if isinstance(error, SmartError):
        return _of_the_api(error)
    if isinstance(error, Overloaded):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", headers={"Retry-After": "1"})
    kind = next((kind for kind in _OF_THE_TILL if isinstance(error, kind)), None)
    return Problem(*_OF_THE_TILL[kind], str(error) if kind in _SAYS_WHY else None) if kind is not None else None


def _of_the_api(error: SmartError) -> Problem:
    match error:
        case Refused(error=told):
            return Problem(HTTPStatus.BAD_GATEWAY, "api-refused", error=told)
        case NotSent():
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "api-away")
        case NotAuthorised(error=told):
            return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "api-not-authorised", error=told)
        case _:
            return Problem(HTTPStatus.GATEWAY_TIMEOUT, "api-no-answer")


def invalid_request(error: ValidationError) -> Problem:
    """Every problem of a body at once. What was in it is not repeated."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(each["type"] == "json_invalid" for each in found):
        return Problem(HTTPStatus.BAD_REQUEST, "body-not-json")
    fields = tuple(_field_problem(each["loc"], each["msg"]) for each in found[:MOST_FIELD_PROBLEMS])
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request", fields=fields)


def _field_problem(place: tuple[int | str, ...], message: str) -> FieldProblem:
    """A field that is not known may be called anything, even by a card number."""
    name = mask_numbers(".".join(map(str, place)))[:LONGEST_FIELD]
    return FieldProblem(field=name, message=message.removeprefix("Value error, "))
