"""How commands reach the running agent: when there is none, when it answers nonsense, and what its refusals become."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from agent.control import RunningAgent, SaidNo, Unreachable, agent_at, in_shape
from agent.kiosk.event_answers import BusyAnswer
from agent.kiosk.till_answers import HealthAnswer
from config.settings import Settings, load
from tests.command_bench import Box

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


@pytest.fixture
def settings(box: Box) -> Settings:
    return load(box.config, {})


@asynccontextmanager
async def answering(settings: Settings, handler: Handler) -> AsyncIterator[RunningAgent]:
    """Something at the control socket that answers every request so."""
    server = web.ServerRunner(web.Server(handler, access_log=None))  # type: ignore[arg-type]  # a Request is a BaseRequest
    await server.setup()
    await web.UnixSite(server, str(settings.control_socket)).start()
    try:
        async with agent_at(settings) as agent:
            assert agent is not None
            yield agent
    finally:
        await server.cleanup()


def says(body: bytes, content_type: str = "application/json", status: int = 200) -> Handler:
    async def handler(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type=content_type, status=status)

    return handler


async def test_no_socket_is_no_agent(settings: Settings) -> None:
    async with agent_at(settings) as agent:
        assert agent is None


async def test_a_socket_that_a_killed_agent_left_is_no_agent(settings: Settings) -> None:
    left = await asyncio.start_unix_server(lambda _reader, _writer: None, settings.control_socket)
    os.rename(settings.control_socket, f"{settings.control_socket}.left")  # noqa: PTH104 - closing would remove it
    left.close()
    await left.wait_closed()
    os.rename(f"{settings.control_socket}.left", settings.control_socket)  # noqa: PTH104 - likewise
    async with agent_at(settings) as agent:
        assert agent is None


async def test_a_path_that_leads_nowhere_is_said(box: Box, settings: Settings) -> None:
    box.state.rmdir()
    box.state.write_text("a file where the directory should be")
    with pytest.raises(Unreachable, match="does not answer"):
        async with agent_at(settings):
            pass


async def test_a_real_agent_answers(box: Box, settings: Settings) -> None:
    async with box.agent(), agent_at(settings) as agent:
        assert agent is not None
        health = in_shape(HealthAnswer, await agent.get("/health"))
        told = await agent.snapshot()
    assert health.ready
    assert told["checkouts"] == []


async def test_a_refusal_becomes_one_line_with_its_name(settings: Settings) -> None:
    problem = b"""{"type": "urn:tillwire:problem:invalid-request", "title": "The request is not as described.",
        "status": 422, "detail": "Twice.", "problems": [{"field": "reason", "message": "too short"}],
        "checkout": {"phase": "draft"}}"""
    async with answering(settings, says(problem, "application/problem+json", 422)) as agent:
        with pytest.raises(SaidNo) as refused:
            await agent.post("/v1/drawer/open", {})
    assert str(refused.value) == "The request is not as described. Twice. reason: too short It is draft."
    assert refused.value.name == "invalid-request"


async def test_an_answer_that_is_no_problem_is_an_answer_whatever_its_status(settings: Settings) -> None:
    async with answering(settings, says(b'{"ready": false, "reasons": ["x"]}', status=503)) as agent:
        assert await agent.get("/health") == {"ready": False, "reasons": ["x"]}


async def test_nothing_to_say_is_an_empty_object(settings: Settings) -> None:
    async with answering(settings, says(b"", status=204)) as agent:
        assert await agent.post("/v1/drawer/open", {"reason": "x"}) == {}


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"\xff", b'{"a": '])
async def test_an_answer_that_is_no_object_is_unreachable(settings: Settings, body: bytes) -> None:
    async with answering(settings, says(body)) as agent:
        with pytest.raises(Unreachable, match="restart the agent"):
            await agent.get("/health")


async def test_an_agent_that_dies_meanwhile_is_unreachable(settings: Settings) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with answering(settings, handler) as agent:
        with pytest.raises(Unreachable):
            await agent.post("/v1/tickets", {})
        with pytest.raises(Unreachable):
            async with aclosing(agent.events()) as events:
                await anext(events)


async def test_the_events_of_a_till_that_is_not_ready_are_refused(settings: Settings) -> None:
    problem = b'{"type": "urn:tillwire:problem:not-ready", "title": "The agent is not ready.", "status": 503}'
    async with answering(settings, says(problem, "application/problem+json", 503)) as agent:
        with pytest.raises(SaidNo, match="not ready"):
            async with aclosing(agent.events()) as events:
                await anext(events)


async def test_an_agent_that_stops_before_it_has_said_anything(settings: Settings) -> None:
    async with answering(settings, says(b"retry: 1000\n\n", "text/event-stream")) as agent:
        with pytest.raises(Unreachable, match="is being stopped"):
            await agent.snapshot()


async def test_events_are_read_by_name_and_pings_are_passed_over(settings: Settings) -> None:
    stream = b"""retry: 1000\n\n: ping\n\nid: x-1\nevent: busy\ndata: {"busy": true}\n\n"""
    stream += b"""event: scan\ndata: {"code": "a: b"}\n\n"""
    async with answering(settings, says(stream, "text/event-stream")) as agent, aclosing(agent.events()) as events:
        assert [event async for event in events] == [("busy", {"busy": True}), ("scan", {"code": "a: b"})]


async def test_a_long_snapshot_is_read_whole(settings: Settings) -> None:
    note = "x" * 1_000_000
    stream = f'event: snapshot\ndata: {{"note": "{note}"}}\n\n'.encode()
    async with answering(settings, says(stream, "text/event-stream")) as agent, aclosing(agent.events()) as events:
        assert await anext(events) == ("snapshot", {"note": note})


def test_an_answer_of_another_release_says_what_to_do() -> None:
    assert in_shape(BusyAnswer, {"busy": True}).busy
    with pytest.raises(Unreachable, match="another release than this command: restart the agent"):
        in_shape(BusyAnswer, {"free": True})
