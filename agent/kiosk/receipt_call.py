"""The call for a receipt, in the form that the caller accepts."""

from http import HTTPStatus

from aiohttp import web

from agent.kiosk.answers import ReceiptAnswer
from agent.kiosk.call import JSON, Call, answer
from agent.kiosk.media_type import best_media_type
from agent.kiosk.problems import Problem
from agent.kiosk.queries import ReceiptQuery
from agent.kiosk.requests import Nothing
from agent.receipt import Line, as_escpos, as_html, as_json, as_text, parse_lines

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


async def _lines(call: Call[Nothing, ReceiptQuery]) -> tuple[Line, ...]:
    kept = (await call.kiosk.till.find(call.checkout_id)).receipt
    lines = parse_lines(list(kept.customer if call.query.receipt == "customer" else kept.merchant))
    if not lines:
        raise Problem(HTTPStatus.NOT_FOUND, "no-receipt")
    return lines
