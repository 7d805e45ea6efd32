"""What strangers try against what only Tillwire has: roles, tickets, cookies; and how each refusal is named.

What any bridge can be attacked with is in tests/abuse, and test_abuse runs it.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.kiosk.rate_limit import Rate
from agent.kiosk.roles import Role
from agent.kiosk.routes import ROUTES
from agent.kiosk.server import REQUEST_TIMEOUT_S
from agent.kiosk.tickets import COOKIES, OPERATOR_PAGE
from tests.kiosk_bench import ALLOWED_ORIGIN, ORDER, KioskBench, whole_agent
from tests.moved_clock import MovedClock

JSON = {"Content-Type": "application/json"}


LOOK_S = 0.02


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    async with whole_agent(tmp_path) as bench:
        yield bench


@asynccontextmanager
async def connected(bench: KioskBench) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = bench.base_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def raw(bench: KioskBench, request: bytes) -> bytes:
    """Send these bytes and return everything that comes back until the connection is closed."""
    async with connected(bench) as (reader, writer):
        writer.write(request)
        try:
            return await reader.read()
        except ConnectionResetError:  # closed before all that was sent was read
            return b""


async def nothing_was_sold(bench: KioskBench) -> bool:
    return (await bench.call("GET", "/v1/checkouts")).body == {"checkouts": []}


async def test_a_forged_host_is_refused_everywhere(bench: KioskBench) -> None:
    """DNS rebinding: the page of a stranger whose name now points to this machine."""
    for path in ("/v1/checkouts", "/v1/events", "/health", "/openapi.json", "/", "/nothing"):
        for host in ("evil.example", "evil.example:8377", "127.0.0.1.evil.example"):
            answered = await bench.call("GET", path, headers={"Host": host})
            assert (answered.status, answered.problem) == (403, "host-not-allowed")


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


@pytest.fixture
async def patient_bench(tmp_path: Path) -> AsyncIterator[KioskBench]:
    """An agent that never finds that too much is asked."""
    async with whole_agent(tmp_path, rate=Rate(per_s=1e6, burst=1_000_000)) as bench:
        yield bench


async def test_without_a_token_nothing_is_told_and_nothing_is_done(patient_bench: KioskBench) -> None:
    """Every call of the table that needs a role, at both of its addresses, by nobody."""
    bench = patient_bench
    wrong = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic " + bench.tokens.operator}]
    for cookie in COOKIES.values():
        wrong += [{"Cookie": f"{cookie.name}=forged.0000"}, {"Cookie": f"{cookie.name}={bench.tokens.operator}"}]
    for headers in wrong:
        for method, path in calls(*Role):
            answered = await bench.call(method, path, {}, role=None, headers=headers)
            assert (answered.status, answered.problem) == (401, "token-required"), (method, path)
            assert answered.headers["WWW-Authenticate"] == "Bearer"
    assert bench.drawer.pulses == 0


def calls(*needs: Role) -> list[tuple[str, str]]:
    """Method and path of every call that needs one of these roles, as each page reaches it."""
    found = [(route.method, route.path.replace("{id}", "co_1")) for route in ROUTES if route.needs in needs]
    return [(method, page + path) for method, path in found for page in ("", OPERATOR_PAGE)]


async def test_the_screen_can_do_nothing_that_only_the_operator_may(bench: KioskBench) -> None:
    """Every call of the table that needs the operator, with the screen's token and with its cookie."""
    cookie = {"Cookie": await logged_in(bench), "Origin": bench.base_url}
    for method, path in calls(Role.OPERATOR):
        by_token = await bench.call(method, path, {}, role=Role.SCREEN)
        assert (by_token.status, by_token.problem) == (403, "operator-required"), (method, path)
        by_cookie = await bench.call(method, path, {}, role=None, headers=cookie)
        assert by_cookie.status in {401, 403}, (method, path)  # below /operator its cookie is nobody's
    assert bench.drawer.pulses == 0
    assert await nothing_was_sold(bench)


async def test_the_operator_is_let_in_to_every_call(bench: KioskBench) -> None:
    """The refusals above are for the role: the same calls by the operator fail for another reason, or not at all."""
    for method, path in calls(Role.OPERATOR):
        answered = await bench.call(method, path, {}, role=Role.OPERATOR)
        assert answered.status not in {401, 403, 404} or answered.problem == "no-such-checkout", (method, path)


async def test_a_line_end_in_a_text_is_refused_wherever_a_text_goes(bench: KioskBench) -> None:
    """A reference reaches the register's line and the receipt, a reason the log and the journal."""
    checkout_id = (await bench.call("POST", "/v1/checkouts", {})).body["id"]
    for end in ("\r\nSet-Cookie: x=1", "\n", "\x00", "\x1b@", "\x7f"):
        for field in ("merchantRef", "transactionRef"):
            answered = await bench.call("POST", "/v1/checkouts", {field: f"A-17{end}"})
            assert (answered.status, answered.problem) == (422, "invalid-request")
        for field in ("reason", "by"):
            body = {"reason": "change", "by": "Ada"} | {field: f"x{end}"}
            answered = await bench.call("POST", "/v1/drawer/open", body, role=Role.OPERATOR)
            assert (answered.status, answered.problem) == (422, "invalid-request")
        note = {"outcome": "executed", "note": f"x{end}", "by": "Ada"}
        answered = await bench.call("POST", f"/v1/checkouts/{checkout_id}/resolve", note, role=Role.OPERATOR)
        assert (answered.status, answered.problem) == (422, "invalid-request")
    assert bench.drawer.pulses == 0


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


async def test_a_body_that_does_not_come_to_its_end_is_told_and_cut_off(bench: KioskBench, clock: MovedClock) -> None:
    token = bench.headers(Role.SCREEN)["Authorization"]
    head = f"POST /v1/checkouts HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\nExpect: 100-continue\r\n"
    async with connected(bench) as (reader, writer):
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{{".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"  # the body is waited for
        clock.advance(REQUEST_TIMEOUT_S)
        assert (await reader.read()).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("begun", [b"", b"GET /health HTTP/1.1\r\nHost: local"])
async def test_a_request_that_does_not_come_to_its_end_is_cut_off(
    bench: KioskBench, clock: MovedClock, begun: bytes
) -> None:
    asking = asyncio.create_task(raw(bench, begun))
    while not asking.done():
        clock.advance(REQUEST_TIMEOUT_S)
        await asyncio.wait([asking], timeout=LOOK_S)
    assert await asking == b""


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


async def test_a_guessed_or_used_ticket_opens_nothing_and_spoils_none(bench: KioskBench) -> None:
    ticket = (await bench.call("POST", "/v1/tickets", {}, role=Role.OPERATOR)).body["url"].partition("=")[2]
    for guess in (
        "",
        "x",
        "x" * 201,
        ticket[:-1],
        f"{ticket}x",
        ticket.swapcase(),
        f" {ticket}",
        bench.tokens.operator,
    ):
        answered = await bench.call("POST", "/v1/session", {"ticket": guess}, role=None)
        assert answered.status in {403, 422}
        assert "Set-Cookie" not in answered.headers
    racing = (bench.call("POST", "/v1/session", {"ticket": ticket}, role=None) for _ in range(20))
    answers = await asyncio.gather(*racing)
    assert sorted(answered.status for answered in answers) == [204] + 19 * [403]


async def test_a_ticket_of_the_screen_makes_no_operator(bench: KioskBench) -> None:
    for role, cookie in COOKIES.items():
        ticket = bench.kiosk.tickets.issue(role)
        answered = await bench.call("POST", "/operator/v1/session", {"ticket": ticket}, role=None)
        assert answered.headers["Set-Cookie"].startswith(f"{cookie.name}=")
        assert f"Path={cookie.path}" in answered.headers["Set-Cookie"]
