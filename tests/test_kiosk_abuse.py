"""What strangers try against a local server, each over the wire, and each is refused.

Others may run the same against their bridges: forged names and origins, requests that a page can send unasked, broken
and oversized ones, slow ones, and looking for secrets in what was logged.
"""

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.kiosk.roles import Role
from agent.kiosk.tickets import COOKIES
from tests.kiosk_bench import ALLOWED_ORIGIN, ORDER, KioskBench, whole_agent

JSON = {"Content-Type": "application/json"}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


async def raw(bench: KioskBench, request: bytes) -> bytes:
    """Send these bytes and return everything that comes back until the connection is closed."""
    host, _, port = bench.base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        return await reader.read()
    finally:
        writer.close()


async def nothing_was_sold(bench: KioskBench) -> bool:
    return (await bench.call("GET", "/v1/checkouts")).body == {"checkouts": []}


async def test_a_forged_host_is_refused_everywhere(bench: KioskBench) -> None:
    """DNS rebinding: the page of a stranger whose name now points to this machine."""
    for path in ("/v1/checkouts", "/v1/events", "/health", "/openapi.json", "/", "/nothing"):
        for host in ("evil.example", "evil.example:8377", "127.0.0.1.evil.example"):
            answered = await bench.call("GET", path, headers={"Host": host})
            assert (answered.status, answered.problem) == (403, "host-not-allowed")


async def test_a_request_without_a_host_or_with_two_is_refused(bench: KioskBench) -> None:
    token = bench.headers(Role.OPERATOR)["Authorization"]
    for host in ("", "Host: 127.0.0.1\r\nHost: evil.example\r\n"):
        request = f"GET /v1/checkouts HTTP/1.1\r\n{host}Authorization: {token}\r\nConnection: close\r\n\r\n"
        answered = await raw(bench, request.encode())
        assert answered.split(b" ")[1] in {b"400", b"403"}
        assert b"checkouts" not in answered


async def test_a_forged_origin_is_refused_even_with_the_operators_token(bench: KioskBench) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1", "http://localhost:8377", "*"):
        for method, path, body in (("POST", "/v1/checkouts", ORDER), ("GET", "/v1/events", None), ("GET", "/", None)):
            answered = await bench.call(method, path, body, role=Role.OPERATOR, headers={"Origin": origin})
            assert (answered.status, answered.problem) == (403, "origin-not-allowed")
            assert "Access-Control-Allow-Origin" not in answered.headers
    assert await nothing_was_sold(bench)


async def test_a_strangers_preflight_is_refused_and_a_friends_is_answered(bench: KioskBench) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Private-Network": "true"}
    stranger = await bench.call(
        "OPTIONS", "/v1/checkouts", role=None, headers=asks | {"Origin": "https://evil.example"}
    )
    assert stranger.status == 403
    assert not [name for name in stranger.headers if name.startswith("Access-Control")]
    friend = await bench.call("OPTIONS", "/v1/checkouts", role=None, headers=asks | {"Origin": ALLOWED_ORIGIN})
    assert friend.status == 204
    assert friend.headers["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN
    assert friend.headers["Access-Control-Allow-Private-Network"] == "true"
    assert "Access-Control-Allow-Credentials" not in friend.headers
    assert "*" not in "".join(friend.headers.values())


async def test_a_page_of_an_allowed_origin_still_needs_a_token(bench: KioskBench) -> None:
    headers = {"Origin": ALLOWED_ORIGIN}
    without = await bench.call("POST", "/v1/checkouts", ORDER, role=None, headers=headers)
    assert (without.status, without.problem) == (401, "token-required")
    created = await bench.call("POST", "/v1/checkouts", ORDER, headers=headers)
    assert created.status == 201
    assert created.headers["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN
    assert created.headers["Vary"] == "Origin"


async def test_without_a_token_nothing_is_told_and_nothing_is_done(bench: KioskBench) -> None:
    calls: list[tuple[str, str, object]] = [
        ("POST", "/v1/checkouts", ORDER),
        ("GET", "/v1/checkouts", None),
        ("GET", "/v1/checkouts/co_1", None),
        ("GET", "/v1/checkouts/co_1/receipt", None),
        ("PUT", "/v1/checkouts/co_1/basket", ORDER["basket"]),
        ("GET", "/v1/events", None),
        ("GET", "/v1/devices", None),
        ("POST", "/v1/drawer/open", {"reason": "x", "by": "y"}),
        ("POST", "/v1/tickets", {}),
    ]
    wrong = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic " + bench.tokens.operator}]
    for cookie in COOKIES.values():
        wrong += [{"Cookie": f"{cookie.name}=forged.0000"}, {"Cookie": f"{cookie.name}={bench.tokens.operator}"}]
    for headers in wrong:
        for method, path, body in calls:
            answered = await bench.call(method, path, body, role=None, headers=headers)
            assert (answered.status, answered.problem) == (401, "token-required")
            assert answered.headers["WWW-Authenticate"] == "Bearer"
    assert bench.drawer.pulses == 0


async def test_a_token_in_the_address_is_no_token(bench: KioskBench) -> None:
    answered = await bench.call("GET", f"/v1/checkouts?access_token={bench.tokens.operator}", role=None)
    assert answered.status == 401


async def test_what_a_form_or_a_script_can_send_unasked_is_refused(bench: KioskBench) -> None:
    """Requests that a browser sends across origins without a preflight: text, forms, and no type at all."""
    body = json.dumps(ORDER).encode()
    for content_type in (
        "text/plain",
        "text/plain; charset=application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json-patch+json",
        "application/json; charset=utf-16",
        "",
    ):
        headers = {"Content-Type": content_type} if content_type else {}
        answered = await bench.call("POST", "/v1/checkouts", data=body, headers=headers)
        assert (answered.status, answered.problem) == (415, "unsupported-media-type")
    assert await nothing_was_sold(bench)


async def test_a_page_of_the_same_machine_cannot_use_the_screens_cookie(bench: KioskBench) -> None:
    """Another port of this host is the same site, and cookies know no ports."""
    cookie = await logged_in(bench)
    for headers in (
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://127.0.0.1:1"},
    ):
        answered = await bench.call("GET", "/v1/checkouts", role=None, headers={"Cookie": cookie} | headers)
        assert (answered.status, answered.problem) == (403, "origin-not-allowed")


async def test_a_packed_body_is_refused(bench: KioskBench) -> None:
    packed = gzip.compress(b" " * 10_000_000 + json.dumps(ORDER).encode())
    answered = await bench.call("POST", "/v1/checkouts", data=packed, headers=JSON | {"Content-Encoding": "gzip"})
    assert (answered.status, answered.problem) == (415, "unsupported-media-type")


async def test_a_body_that_is_too_large_is_refused_announced_or_not(bench: KioskBench) -> None:
    large = json.dumps(ORDER | {"merchantRef": "x" * 70_000}).encode()
    answered = await bench.call("POST", "/v1/checkouts", data=large, headers=JSON)
    assert (answered.status, answered.problem) == (413, "request-too-large")
    token = bench.headers(Role.SCREEN)["Authorization"]
    head = f"POST /v1/checkouts HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n".encode()
    head += b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = await raw(bench, head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large))
    assert chunked.startswith(b"HTTP/1.1 413")
    assert await nothing_was_sold(bench)


async def test_headers_that_are_too_large_are_refused(bench: KioskBench) -> None:
    answered = await bench.call("GET", "/health", headers={f"X-{number}": "x" * 1000 for number in range(9)})
    assert (answered.status, answered.problem) == (431, "headers-too-large")
    assert (await raw(bench, b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 9000 + b"\r\n\r\n"))[9:12] == b"400"


async def test_broken_json_is_named_as_such(bench: KioskBench) -> None:
    for data in (b"{", b"[" * 5000, b"nope", b"\xff\xfe", b'{"a":1}{}', b'{"merchantRef":"\\ud800"}'):
        answered = await bench.call("POST", "/v1/checkouts", data=data, headers=JSON)
        assert (answered.status, answered.problem) == (400, "body-not-json")
    for data in (b"[]", b"null", b"1", b'"text"'):
        answered = await bench.call("POST", "/v1/checkouts", data=data, headers=JSON)
        assert (answered.status, answered.problem) == (422, "invalid-request")


async def test_what_is_not_there_and_not_that_way_is_a_problem_document(bench: KioskBench) -> None:
    for path in ("/v2/checkouts", "/v1", "/v1/checkouts/co_1/steal", "/..%2f..%2fetc/passwd", "/screen.js/..%2f"):
        answered = await bench.call("GET", path)
        assert (answered.status, answered.problem) == (404, "not-found")
    answered = await bench.call("DELETE", "/v1/checkouts")
    assert (answered.status, answered.problem) == (405, "method-not-allowed")
    assert answered.headers["Allow"] == "GET,POST"


async def test_every_answer_forbids_what_it_does_not_need(bench: KioskBench) -> None:
    for path in ("/v1/checkouts", "/health", "/nothing", "/openapi.json", "/operator", "/"):
        ancestors = ALLOWED_ORIGIN if path == "/" else "'none'"
        headers = (await bench.call("GET", path)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert f"frame-ancestors {ancestors}" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Server"] == "tillwire"


async def test_a_request_that_does_not_come_to_its_end_is_cut_off(tmp_path: Path) -> None:
    token_of = "Host: localhost\r\nAuthorization: {}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{"
    async with whole_agent(tmp_path, request_timeout_s=0.05) as bench:
        body = token_of.format(bench.headers(Role.SCREEN)["Authorization"])
        async with asyncio.timeout(10):  # far below what an agent with its usual time would take
            assert (await raw(bench, f"POST /v1/checkouts HTTP/1.1\r\n{body}".encode())).startswith(b"HTTP/1.1 408")
            assert await raw(bench, b"GET /health HTTP/1.1\r\nHost: local") == b""
            assert await raw(bench, b"") == b""


async def test_no_secret_is_ever_logged(bench: KioskBench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    cookie = await logged_in(bench)
    ticket = (await bench.call("POST", "/v1/tickets", {}, role=Role.OPERATOR)).body["url"].partition("=")[2]
    card = {"value": "9276004429942845", "csc": "4471"}
    checkout_id = (await bench.call("POST", "/v1/checkouts", ORDER)).body["id"]
    await bench.call("PUT", f"/v1/checkouts/{checkout_id}/card", card)
    await bench.call("PUT", f"/v1/checkouts/{checkout_id}/card", card | {"9276004429942845": 1})
    await bench.call("POST", "/v1/session", {"ticket": ticket}, role=None)
    secrets = [bench.tokens.screen, bench.tokens.operator, cookie.partition("=")[2], ticket, card["value"], "4471"]
    for secret in secrets[:4]:
        for request in (
            f"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {secret}\x00\r\n\r\n",
            f"GET /{secret} HTTP/9.9\r\n\r\n",
            f"{secret} / HTTP/1.1\r\n\r\n",
            f"GET / HTTP/1.1\r\nAuthorization {secret}\r\n\r\n",
        ):
            assert b" 400 " in await raw(bench, request.encode())
    assert "could not be read" in caplog.text
    logged = [record for record in caplog.records if record.name.startswith(("tillwire", "aiohttp", "asyncio"))]
    text = "".join(f"{record.getMessage()}{record.exc_text}{record.exc_info}" for record in logged)
    assert [secret for secret in secrets if secret in text] == []


# Letting a screen in


async def logged_in(bench: KioskBench) -> str:
    """Exchange a ticket for a cookie, as the page does."""
    url = (await bench.call("POST", "/v1/tickets", {}, role=Role.OPERATOR)).body["url"]
    assert url.startswith(f"{bench.base_url}/#ticket=")
    ticket = {"ticket": url.partition("=")[2]}
    answered = await bench.call("POST", "/v1/session", ticket, role=None, headers={"Origin": bench.base_url})
    assert answered.status == 204
    cookie, *attributes = answered.headers["Set-Cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(attributes)
    again = await bench.call("POST", "/v1/session", ticket, role=None)
    assert (again.status, again.problem) == (403, "ticket-invalid")
    return cookie


async def test_a_ticket_makes_a_screen_and_no_more(bench: KioskBench) -> None:
    cookie = {"Cookie": await logged_in(bench), "Origin": bench.base_url, "Sec-Fetch-Site": "same-origin"}
    created = await bench.call("POST", "/v1/checkouts", ORDER, role=None, headers=cookie)
    assert created.status == 201
    operator = await bench.call("POST", "/v1/tickets", {}, role=None, headers=cookie)
    assert (operator.status, operator.problem) == (403, "operator-required")


async def test_a_made_up_ticket_opens_nothing(bench: KioskBench) -> None:
    for ticket in ("", "x", "x" * 201):
        answered = await bench.call("POST", "/v1/session", {"ticket": ticket}, role=None)
        assert answered.status in {403, 422}
        assert "Set-Cookie" not in answered.headers
