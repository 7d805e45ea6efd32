"""The calls for a receipt: in the form that the caller accepts, or on the till's printer."""

from http import HTTPStatus

from aiohttp import web

from agent.checkout.receipts import receipt_lines
from agent.kiosk.call import JSON, Call, answer
from agent.kiosk.checkout_answers import ReceiptAnswer
from agent.kiosk.media_type import best_media_type
from agent.kiosk.problems import Problem
from agent.kiosk.queries import NoQuery, ReceiptQuery
from agent.kiosk.requests import Nothing, PrintBody
from agent.receipt import Line, as_escpos, as_html, as_json, as_text

ESCPOS = "application/octet-stream"
MEDIA_TYPES = (JSON, "text/plain", "text/html", ESCPOS)


async def receipt(call: Call[Nothing, ReceiptQuery]) -> web.Response:
    lines = await _lines(call)
    width = call.query.width
    match best_media_type(call.request.headers.get("Accept", "*/*"), MEDIA_TYPES):
        case "text/plain":
            return web.Response(text=as_text(lines, width), content_type="text/plain")
        case "text/html":
            return web.Response(text=as_html(lines), content_type="text/html")
        case "application/octet-stream":
            return web.Response(body=as_escpos(lines, width, call.query.code_page), content_type=ESCPOS)
        case "application/json":
            return answer(ReceiptAnswer(lines=tuple(as_json(lines))))
        case _:
            raise Problem(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", f"given are {', '.join(MEDIA_TYPES)}")


async def print_receipt(call: Call[PrintBody, NoQuery]) -> web.Response:
    """Print a receipt on the till's printer; the same Idempotency-Key prints it once."""
    await call.kiosk.till.print_receipt(call.checkout_id, call.body.receipt, call.key)
    return web.Response(status=HTTPStatus.NO_CONTENT)


async def _lines(call: Call[Nothing, ReceiptQuery]) -> tuple[Line, ...]:
    lines = receipt_lines(await call.kiosk.till.lookup.find(call.checkout_id), call.query.receipt)
    if not lines:
        raise Problem(HTTPStatus.NOT_FOUND, "no-receipt")
    return lines
