"""Where the interface listens, what needs no token, and what it says when it is not well."""

import asyncio
import logging
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from agent.kiosk.access import Door
from agent.kiosk.adapter import as_handler
from agent.kiosk.call import Call
from agent.kiosk.kiosk import Kiosk, KioskCall
from agent.kiosk.queries import NoQuery
from agent.kiosk.requests import Nothing
from agent.kiosk.roles import Role
from agent.kiosk.routes import ROUTES
from agent.kiosk.server import CannotListen, KioskSettings, serve
from agent.kiosk.stream import EventStream
from agent.kiosk.tokens import Tokens
from agent.metrics.metrics import Metrics
from agent.simulator.certificates import server_context
from tests.kiosk_bench import CARDS, ORDER, KioskBench, whole_agent

TOKENS = Tokens(screen="s" * 43, operator="o" * 43)
ANY_PORT = ("127.0.0.1", 0)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


def kiosk_without_till(*reasons: str) -> Kiosk:
    return Kiosk(
        till=None,
        stream=EventStream("0123456789j", 0),
        cards=CARDS,
        tokens=TOKENS,
        why_not_ready=lambda: reasons,
        clock=asyncio.get_running_loop().time,
        metrics=Metrics(asyncio.get_running_loop().time),
    )


def settings(directory: Path, listen: tuple[str, int] | Path = ANY_PORT) -> KioskSettings:
    return KioskSettings(listen=listen, control_socket=directory / "control.sock")


@asynccontextmanager
async def at_socket(path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession("http://x", connector=aiohttp.UnixConnector(str(path))) as session:
        yield session


# What is logged


def mistaken(_: KioskCall) -> None:
    raise KeyError("a mistake")


async def test_a_mistake_of_ours_beside_the_calls_is_logged_with_its_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kiosk = kiosk_without_till()
    kiosk.observer = mistaken
    async with serve(kiosk, settings(tmp_path)), at_socket(tmp_path / "control.sock") as session:
        assert (await session.post("/v1/checkouts")).status == 500
    [logged] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert logged.exc_info is not None
    assert isinstance(logged.exc_info[1], KeyError)


# Addresses


async def test_the_control_socket_is_for_its_owner_and_goes_with_the_agent(tmp_path: Path) -> None:
    async with serve(kiosk_without_till(), settings(tmp_path)):
        assert stat.S_IMODE((tmp_path / "control.sock").stat().st_mode) == 0o600
    assert not (tmp_path / "control.sock").exists()


async def test_a_socket_that_a_crash_left_behind_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / "control.sock"))
    async with serve(kiosk_without_till(), settings(tmp_path)), at_socket(tmp_path / "control.sock") as session:
        assert (await session.get("/health")).status == 503


async def test_a_file_that_is_no_socket_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("mine")
    with pytest.raises(CannotListen, match=r"control\.sock: Address already in use"):
        async with serve(kiosk_without_till(), settings(tmp_path)):
            pass
    assert (tmp_path / "control.sock").read_text() == "mine"


async def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=f"cannot listen on 127.0.0.1:{port}: "):
            async with serve(kiosk_without_till(), settings(tmp_path, ("127.0.0.1", port))):
                pass
    assert not (tmp_path / "control.sock").exists()


async def test_on_a_unix_socket_a_token_is_needed_all_the_same(bench: KioskBench, tmp_path: Path) -> None:
    path = tmp_path / "screen.sock"
    async with serve(bench.kiosk, settings(tmp_path, path)) as url, at_socket(path) as session:
        assert url is None
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert (await session.get("/v1/devices")).status == 401
        assert (await session.get("/v1/devices", headers=bench.headers(Role.SCREEN))).status == 200
        no_page = await session.post("/v1/tickets", headers=bench.headers(Role.OPERATOR))
        assert no_page.status == 404


async def test_behind_tls_the_cookie_is_for_tls_alone(bench: KioskBench, tmp_path: Path) -> None:
    tls = await server_context(tmp_path / "tls")
    with_tls = replace(settings(tmp_path, ("127.0.0.1", 0)), tls=tls, allowed_hosts=frozenset({"till.example"}))
    async with serve(bench.kiosk, with_tls) as url:
        assert url is not None
        assert url.startswith("https://127.0.0.1:")
        ticket = bench.kiosk.tickets.issue(Role.SCREEN)
        headers = {"Host": "till.example", "Origin": "https://till.example"}
        async with bench.session.post(
            url + "v1/session", json={"ticket": ticket}, headers=headers, ssl=False
        ) as answered:
            assert answered.status == 204
            assert "Secure" in answered.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("host", "allowed", "url"),
    [("0.0.0.0", {"till.example"}, "http://till.example:"), ("0.0.0.0", set(), "http://127.0.0.1:")],  # noqa: S104
)
async def test_the_page_is_opened_by_a_name_that_can_be_called(
    tmp_path: Path, host: str, allowed: set[str], url: str
) -> None:
    chosen = replace(settings(tmp_path, (host, 0)), allowed_hosts=frozenset(allowed))
    async with serve(kiosk_without_till(), chosen) as given:
        assert given is not None
        assert given.startswith(url)


# Health


async def test_health_is_a_yes_and_says_no_more_to_strangers(bench: KioskBench) -> None:
    stranger = await bench.call("GET", "/health", role=None)
    assert (stranger.status, stranger.body) == (200, {"ready": True})
    known = await bench.call("GET", "/health")
    assert known.body == {"ready": True, "reasons": [], "warnings": []}


async def test_an_agent_without_a_journal_does_no_business_and_says_why(tmp_path: Path) -> None:
    kiosk = kiosk_without_till("the journal is damaged: see journal.sqlite.damaged")
    async with serve(kiosk, settings(tmp_path)) as url, aiohttp.ClientSession(url) as session:
        stranger = await session.get("/health")
        assert (stranger.status, await stranger.json()) == (503, {"ready": False})
        screen = {"Authorization": f"Bearer {TOKENS.screen}"}
        known = await session.get("/health", headers=screen)
        assert (await known.json())["reasons"] == ["the journal is damaged: see journal.sqlite.damaged"]
        for path in ("/v1/checkouts", "/v1/events"):
            refused = await session.get(path, headers=screen)
            assert refused.status == 503
            body = await refused.json(content_type="application/problem+json")
            assert body["type"].endswith(":not-ready")
            assert "damaged" in body["detail"]
        async with at_socket(tmp_path / "control.sock") as control:
            assert "reasons" in await (await control.get("/health")).json()


async def test_a_login_that_the_api_refuses_is_a_reason(bench: KioskBench) -> None:
    bench.simulator.add_fault("create:expired-token:2")
    async with bench.events() as events:
        await events.next()
        checkout_id = (await bench.call("POST", "/v1/checkouts", ORDER)).body["id"]
        await bench.call("POST", f"/v1/checkouts/{checkout_id}/apply", {})
        await events.until(lambda told: told.name == "connection" and told.data["api"] == "not_authorised")
        answered = await bench.call("GET", "/health")
    assert (answered.status, answered.body["ready"]) == (503, False)
    assert "login" in answered.body["reasons"][0]


# What needs no token


async def test_the_page_is_whole_and_comes_again_only_when_it_changed(bench: KioskBench) -> None:
    for path, content_type in (("/", "text/html"), ("/screen.css", "text/css"), ("/screen.js", "text/javascript")):
        async with bench.session.get(bench.base_url + path) as answered:
            assert (answered.status, answered.content_type, answered.charset) == (200, content_type, "utf-8")
            policy = answered.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            tag = answered.headers["ETag"]
        async with bench.session.get(bench.base_url + path, headers={"If-None-Match": tag}) as answered:
            assert (answered.status, await answered.read()) == (304, b"")
        async with bench.session.get(bench.base_url + path, headers={"If-None-Match": '"old"'}) as answered:
            assert answered.status == 200


async def test_without_the_page_there_is_no_page_and_no_ticket_for_it(tmp_path: Path) -> None:
    async with whole_agent(tmp_path, page=False) as bench:
        assert (await bench.call("GET", "/", role=None)).status == 404
        assert (await bench.call("GET", "/screen.js", role=None)).status == 404
        assert (await bench.call("POST", "/v1/tickets", role=Role.OPERATOR)).status == 404
        assert (await bench.call("GET", "/openapi.json", role=None)).status == 200


# Mistakes of ours


async def test_a_mistake_of_ours_is_answered_as_such_and_logged(
    bench: KioskBench, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_call: Call[Nothing, NoQuery]) -> web.Response:
        raise ZeroDivisionError

    route = replace(next(route for route in ROUTES if route.path == "/v1/checkouts/{id}"), handler=fail)
    door = Door(hosts=None, everyone=Role.OPERATOR, request_timeout_s=1)
    app = web.Application()
    app.router.add_get(route.path, as_handler(bench.kiosk, door, route))
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        url = f"http://127.0.0.1:{site.port}/v1/checkouts/9276004429942845"
        async with bench.session.get(url) as answered:
            assert answered.status == 500
            assert (await answered.json(content_type=None))["type"].endswith(":internal")
    finally:
        await runner.cleanup()
    assert "a mistake of ours in GET /v1/checkouts/{id}" in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "9276004429942845" not in [
        record.getMessage() for record in caplog.records if record.name == "tillwire.kiosk"
    ]


async def test_a_caller_who_goes_away_changes_nothing(bench: KioskBench) -> None:
    """The request is done or not done, and the agent goes on."""
    host, _, port = bench.base_url.removeprefix("http://").partition(":")
    token = bench.headers(Role.SCREEN)["Authorization"]
    for _ in range(20):
        _reader, writer = await asyncio.open_connection(host, int(port))
        head = f"POST /v1/checkouts HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nIdempotency-Key: k\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        writer.transport.abort()
    answered = await bench.call("POST", "/v1/checkouts", headers={"Idempotency-Key": "k"})
    assert answered.status in {200, 201}
    assert (await bench.call("POST", "/v1/checkouts", ORDER)).status == 409
