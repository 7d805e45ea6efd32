"""Who takes up time and room: slow clients, many of them, and floods."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus

from tests.abuse.attack import Run, attacks
from tests.abuse.target import Target, head, reading, writing
from tests.abuse.wire import ANSWER_S, Reply, connected, read_all, send

SLOW = "Slow clients"
MANY = "Many connections and requests"

LATE_S = 5.0
"""So much later than announced a slow client may be cut off: the machine may be busy."""
DRIPS = 20
"""A slow client sends a byte as often as this within the time that it has."""
MANY_CONNECTIONS = 400
MANY_REQUESTS = 1000
Begun = Callable[[Target], bytes]


def _nothing(_target: Target) -> bytes:
    return b""


def _half_a_head(target: Target) -> bytes:
    return reading(target)[:-2]


def _half_a_body(target: Target) -> bytes:
    return writing(target)[:-1]


def _half_a_chunk(target: Target) -> bytes:
    return writing(target, b"ffff\r\n{", Content_Length=None, Transfer_Encoding="chunked")


def _after_an_answer(target: Target) -> bytes:
    return reading(target, Connection="keep-alive")


def stopping(begun: Begun, drip: bytes = b"") -> Run:
    """Begin a request, go on byte by byte or not at all, and expect to be cut off."""

    async def run(target: Target) -> str | None:
        async with connected(target) as (reader, writer):
            writer.write(begun(target))
            dripping = asyncio.create_task(_drip(writer, drip, target.cut_off_s / DRIPS))
            try:
                reply = await read_all(reader, target.cut_off_s + LATE_S)
            finally:
                dripping.cancel()
                await asyncio.gather(dripping, return_exceptions=True)
        return None if reply.closed else f"was still connected after {target.cut_off_s + LATE_S:g} s"

    return run


async def _drip(writer: asyncio.StreamWriter, drip: bytes, every_s: float) -> None:
    with suppress(ConnectionError):
        while drip:
            await asyncio.sleep(every_s)
            writer.write(drip)


async def idle_crowd(target: Target) -> str | None:
    """A friend is answered although hundreds of connections are held open, idle or with half a request."""
    async with AsyncExitStack() as stack:
        for number in range(MANY_CONNECTIONS):
            with suppress(ConnectionError):
                _, writer = await stack.enter_async_context(connected(target))
                writer.write((_nothing, _half_a_head, _a_strangers_body)[number % 3](target))
        return await is_answered(target)


def _a_strangers_body(target: Target) -> bytes:
    return writing(target, Authorization=None)[:-1]


async def flood(target: Target) -> str | None:
    """A stranger's requests are turned away at some time, and a friend's are answered all the same."""
    stranger = {"Host": target.name}
    requests = head(f"GET {target.read} HTTP/1.1", stranger) * MANY_REQUESTS
    requests += head(f"GET {target.read} HTTP/1.1", stranger | {"Connection": "close"})
    reply = await send(target, requests, within_s=ANSWER_S + target.cut_off_s)
    return _limited(reply) or await is_answered(target)


async def flood_of_a_friend(target: Target) -> str | None:
    """Who has a token may not take all the time either."""
    requests = reading(target, Connection="keep-alive") * MANY_REQUESTS + reading(target)
    return _limited(await send(target, requests, within_s=ANSWER_S + target.cut_off_s))


def _limited(reply: Reply) -> str | None:
    too_many = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
    turned_away = [answer for answer in reply.answers if answer.status in too_many]
    if not turned_away and len(reply.answers) >= MANY_REQUESTS:
        return f"{len(reply.answers)} requests at once were all answered"
    return None if all("Retry-After" in answer.headers for answer in turned_away) else "not said when to try again"


async def is_answered(target: Target) -> str | None:
    """What a friend asks is answered: nothing was lost, and the refusals were not for everybody."""
    reply = await send(target, reading(target))
    statuses = [answer.status for answer in reply.answers]
    return None if statuses == [HTTPStatus.OK] else f"a friend was answered {statuses}"


ATTACKS = (
    *attacks(
        SLOW,
        ("a connection on which nothing comes", stopping(_nothing)),
        ("a connection that is kept after an answer", stopping(_after_an_answer)),
        ("headers that stop", stopping(_half_a_head)),
        ("headers that come byte by byte (slowloris)", stopping(_half_a_head, b"X")),
        ("a body that stops", stopping(_half_a_body)),
        ("a body in chunks that comes byte by byte", stopping(_half_a_chunk, b" ")),
    ),
    *attacks(
        MANY,
        (f"{MANY_CONNECTIONS} connections with nothing, half a head, half a body", idle_crowd),
        (f"{MANY_REQUESTS} requests of a stranger at once", flood),
        (f"{MANY_REQUESTS} requests at once with a token", flood_of_a_friend),
    ),
)
