"""The call of a Prometheus server: what this agent counted, and how the till stands."""

import asyncio
from datetime import datetime
from http import HTTPStatus
from importlib import import_module
from importlib.metadata import version

from aiohttp import web

from agent.checkout.state import Checkout
from agent.checkout.waiting import needs_person, waiting_in, waits_since
from agent.kiosk.call import Call
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.problems import Problem
from agent.kiosk.queries import NoQuery
from agent.kiosk.requests import Nothing
from agent.metrics.gauges import Gauges

PROMETHEUS = "text/plain"


async def metrics(call: Call[Nothing, NoQuery]) -> web.Response:
    """With a token; on a Unix socket whoever may open it."""
    if call.caller is None and not call.door.is_socket_file:
        raise Problem(HTTPStatus.UNAUTHORIZED, "token-required", headers={"WWW-Authenticate": "Bearer"})
    await asyncio.to_thread(import_module, "agent.metrics.exposition")  # reads many files the first time
    from agent.metrics.exposition import CONTENT_TYPE, exposition  # noqa: PLC0415 - a till nobody scrapes spares it

    body = exposition(call.kiosk.metrics, _gauges(call.kiosk))
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


def _gauges(kiosk: Kiosk) -> Gauges:
    till, now = kiosk.till, kiosk.till.wall()
    waiting = waiting_in(till.open_checkouts)
    drawer = kiosk.stream.drawer
    return Gauges(
        version=version("tillwire"),
        ready=not kiosk.reasons(),
        busy=till.active is not None,
        api=till.connection.api,
        drawer=drawer.state if drawer is not None else "unknown",
        waiting_payments=len(waiting),
        oldest_waiting_s=max((_age_s(checkout, now) for checkout in waiting), default=0.0),
        attention=sum(needs_person(each, now) for each in waiting),
        event_readers=kiosk.stream.reader_count,
        devices={(device.name, device.kind): device.state for device in kiosk.stream.devices.values()},
    )


def _age_s(checkout: Checkout, now: datetime) -> float:
    return max(0.0, (now - waits_since(checkout)).total_seconds())
