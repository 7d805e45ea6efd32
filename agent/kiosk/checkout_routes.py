"""The calls of the local interface about checkouts: what each is, who may make it, and what carries it out."""

from http import HTTPStatus

from agent.kiosk import checkout_calls, receipt_call
from agent.kiosk.call import Route
from agent.kiosk.checkout_answers import CheckoutAnswer, CheckoutList, HistoryAnswer, ReceiptAnswer
from agent.kiosk.roles import Role

_CHECKOUT = {HTTPStatus.OK: CheckoutAnswer}
_NO_CONTENT = {HTTPStatus.NO_CONTENT: None}

CHECKOUT_ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/checkouts",
        "Begin a checkout. 409 with the active one while there is one",
        checkout_calls.create,
        {HTTPStatus.CREATED: CheckoutAnswer, **_CHECKOUT},
    ),
    Route(
        "GET",
        "/v1/checkouts",
        "The newest checkouts, of one phase or of all",
        checkout_calls.read_all,
        {HTTPStatus.OK: CheckoutList},
    ),
    Route("GET", "/v1/checkouts/{id}", "One checkout as it stands", checkout_calls.read, _CHECKOUT),
    Route(
        "GET",
        "/v1/checkouts/{id}/history",
        "All that happened to a checkout",
        checkout_calls.history,
        {HTTPStatus.OK: HistoryAnswer},
        needs=Role.OPERATOR,
    ),
    Route("PUT", "/v1/checkouts/{id}/basket", "Replace the product lines", checkout_calls.set_basket, _CHECKOUT),
    Route(
        "PUT",
        "/v1/checkouts/{id}/card",
        "Take a typed card: with the digits on its back, or by the operator",
        checkout_calls.set_card,
        _CHECKOUT,
    ),
    Route("DELETE", "/v1/checkouts/{id}/card", "Give the card back", checkout_calls.remove_card, _CHECKOUT),
    Route(
        "POST",
        "/v1/checkouts/{id}/apply",
        "Ask what is due, with or without the card's balance",
        checkout_calls.apply,
        _CHECKOUT,
    ),
    Route("POST", "/v1/checkouts/{id}/pay", "Pay exactly the amount due", checkout_calls.pay, _CHECKOUT),
    Route(
        "POST",
        "/v1/checkouts/{id}/confirm",
        "Say that the cash is in, where the drawer cannot",
        checkout_calls.confirm,
        _CHECKOUT,
        needs=Role.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/checkouts/{id}/cancel",
        "Give up; too late once the cash is confirmed",
        checkout_calls.cancel,
        _CHECKOUT,
    ),
    Route(
        "POST",
        "/v1/checkouts/{id}/retry",
        "Go on with a checkout that needs attention",
        checkout_calls.retry,
        _CHECKOUT,
        needs=Role.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/checkouts/{id}/resolve",
        "Close a checkout that needs attention, and say what became of it",
        checkout_calls.resolve,
        _CHECKOUT,
        needs=Role.OPERATOR,
    ),
    Route(
        "POST",
        "/v1/checkouts/{id}/reverse",
        "Take a completed checkout back: begins a reversal",
        checkout_calls.reverse,
        {HTTPStatus.CREATED: CheckoutAnswer, **_CHECKOUT},
        needs=Role.OPERATOR,
    ),
    Route(
        "GET",
        "/v1/checkouts/{id}/receipt",
        "The receipt, as lines, text, HTML or bytes for an ESC/POS printer",
        receipt_call.receipt,
        {HTTPStatus.OK: ReceiptAnswer},
        media_types=receipt_call.MEDIA_TYPES,
    ),
    Route(
        "POST",
        "/v1/checkouts/{id}/print",
        "Print a receipt on the till's printer, once more or for the first time",
        receipt_call.print_receipt,
        _NO_CONTENT,
    ),
)
