"""The documented grants on the wire, the order of renewal, and the pairing."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from agent.smart.access import Access
from agent.smart.credentials import FILE_NAME, CredentialStore, DeviceCredentials
from agent.smart.errors import JsonObject, NotAuthorised, NotSent
from agent.smart.login import (
    Client,
    ClientCredentialsLogin,
    DeviceLogin,
    DevicePinLogin,
    log_in,
    poll_device_token,
    request_device_code,
)
from agent.smart.models import LONGEST_LIFE_S, DeviceCodeAnswer
from agent.smart.transport import Timeouts, Transport, open_transport
from tests.moved_clock import MovedClock
from tests.smart_server import Reply, Server, answer, cut, raw, smart_server, stall, token

SECRET = "s" * 64
CLIENT = Client(client_id="c" * 32, client_secret=SecretStr(SECRET))
UUID = "/vendor/unknown/cashier/dotnettest1"
DEVICE = DeviceLogin(client=CLIENT, device_uuid=UUID)
DEVICE_CODE = "2429e1d92f2f76cc3bbdc0333457ef25"
REFRESH_TOKEN = "d3aece0996cee981609cab15653db0e9bc9ef804"
STEP_1 = {
    "device_code": DEVICE_CODE,
    "user_code": "aa63q9k9",
    "verification_url": "http://www.secuoffice.com",
    "expires_in": 1200,
    "interval": 5,
}
WITH_CLIENT = {"client_id": "c" * 32, "client_secret": SECRET}
DEFAULT = Timeouts()
BY_REFRESH_TOKEN = {"grant_type": "refresh_token", **WITH_CLIENT, "refresh_token": REFRESH_TOKEN}
BY_DEVICE_CODE = {"grant_type": "device", **WITH_CLIENT, "code": DEVICE_CODE}


def refused(error: str, status: int = 400, description: str = "") -> Reply:
    return answer({"error": error, "error_description": description}, status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with smart_server() as server:
        yield server


@pytest.fixture
async def transport(server: Server) -> AsyncIterator[Transport]:
    async with open_transport(server.base_url, DEFAULT) as transport:
        yield transport


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return CredentialStore(tmp_path)


@pytest.fixture
async def paired(server: Server, store: CredentialStore) -> CredentialStore:
    await store.store(pairing(server))
    return store


def pairing(server: Server, refresh_token: str | None = REFRESH_TOKEN) -> DeviceCredentials:
    return DeviceCredentials(
        base_url=server.base_url,
        client_id=CLIENT.client_id,
        device_uuid=UUID,
        device_code=SecretStr(DEVICE_CODE),
        refresh_token=SecretStr(refresh_token) if refresh_token else None,
    )


def grants(server: Server) -> list[object]:
    return [each.json for each in server.login_requests]


async def test_client_credentials_go_out_as_documented(
    server: Server, transport: Transport, store: CredentialStore
) -> None:
    server.login(answer({**token("qb56tjj1bcvo9n2nj4u38k84lo"), "scope": "https://scope.secucard.com/e/api"}))
    came = await log_in(transport, ClientCredentialsLogin(client=CLIENT), store)
    assert (came.access_token, came.expires_in) == ("qb56tjj1bcvo9n2nj4u38k84lo", 1200)
    assert grants(server) == [{"grant_type": "client_credentials", **WITH_CLIENT}]
    sent = server.login_requests[0]
    assert (sent.method, sent.target) == ("POST", "/oauth/token")
    assert sent.headers["content-type"] == "application/json"
    assert "authorization" not in sent.headers


async def test_a_device_pin_goes_out_as_documented(
    server: Server, transport: Transport, store: CredentialStore
) -> None:
    login = DevicePinLogin(client=CLIENT, device_uuid=UUID, device_pin=SecretStr("CxajtF94uLi4s7d3"))
    await log_in(transport, login, store)
    assert grants(server) == [
        {"grant_type": "device_pin", **WITH_CLIENT, "uuid": UUID, "device_pin": "CxajtF94uLi4s7d3"}
    ]


async def test_a_device_logs_in_by_its_refresh_token_first(
    server: Server, transport: Transport, paired: CredentialStore
) -> None:
    await log_in(transport, DEVICE, paired)
    assert grants(server) == [BY_REFRESH_TOKEN]


async def test_a_refused_refresh_token_is_followed_by_the_device_code_and_replaced(
    server: Server, transport: Transport, paired: CredentialStore
) -> None:
    server.login(refused("invalid_grant"), answer({**token("t"), "refresh_token": "new"}))
    came = await log_in(transport, DEVICE, paired)
    assert came.access_token == "t"
    assert grants(server) == [BY_REFRESH_TOKEN, BY_DEVICE_CODE]
    assert await paired.load() == pairing(server, "new")


async def test_a_device_without_refresh_token_logs_in_by_its_code(
    server: Server, transport: Transport, store: CredentialStore
) -> None:
    await store.store(pairing(server, refresh_token=None))
    await log_in(transport, DEVICE, store)
    assert grants(server) == [BY_DEVICE_CODE]


async def test_a_device_that_is_refused_both_ways_must_be_paired_again(
    server: Server, transport: Transport, paired: CredentialStore
) -> None:
    server.login(refused("invalid_grant"), refused("invalid_device", 401, "device with given uuid not configured"))
    with pytest.raises(NotAuthorised, match="tillwire pair") as unauthorised:
        await log_in(transport, DEVICE, paired)
    assert unauthorised.value.error is not None
    assert unauthorised.value.error.error == "invalid_device"
    assert await paired.load() == pairing(server)


async def test_a_device_that_was_never_paired_asks_nothing_and_says_so(
    server: Server, transport: Transport, store: CredentialStore
) -> None:
    with pytest.raises(NotAuthorised, match="not paired: run `tillwire pair`"):
        await log_in(transport, DEVICE, store)
    assert grants(server) == []


@pytest.mark.parametrize(
    "change", [{"base_url": "https://connect.secucard.com"}, {"client_id": "x"}, {"device_uuid": "/vendor/y"}]
)
async def test_a_pairing_is_used_for_no_other_address_client_or_device(
    server: Server, transport: Transport, store: CredentialStore, change: dict[str, str]
) -> None:
    await store.store(pairing(server).model_copy(update=change))
    with pytest.raises(NotAuthorised, match="another address, client or device"):
        await log_in(transport, DEVICE, store)
    assert grants(server) == []


async def test_a_damaged_pairing_is_not_authorised_and_says_what_to_do(
    transport: Transport, store: CredentialStore, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).write_text("{")
    with pytest.raises(NotAuthorised, match="tillwire pair"):
        await log_in(transport, DEVICE, store)


async def test_a_pairing_that_cannot_be_read_is_not_authorised(
    transport: Transport, store: CredentialStore, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(NotAuthorised, match="cannot be read: Is a directory"):
        await log_in(transport, DEVICE, store)


async def test_a_new_refresh_token_that_cannot_be_stored_is_not_used(
    server: Server, transport: Transport, paired: CredentialStore, tmp_path: Path
) -> None:
    (tmp_path / FILE_NAME).with_suffix(".new").mkdir()
    server.login(answer({**token("t"), "refresh_token": "new"}))
    with pytest.raises(NotSent, match="cannot be stored"):
        await log_in(transport, DEVICE, paired)
    assert await paired.load() == pairing(server)


@pytest.mark.parametrize(
    "trouble",
    [
        cut(),
        raw(b"HTTP/1.1 302 Found\r\nLocation: /portal\r\nContent-Length: 0\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"),
        answer([], 200),
        answer({}, 200),
        answer({**token("a b")}, 200),
        answer({"error": "busy"}, 503),
        answer("no", 400),
    ],
)
async def test_a_login_without_a_usable_answer_is_not_sent(
    server: Server, transport: Transport, paired: CredentialStore, trouble: Reply
) -> None:
    """Nothing of the call that wanted the token has left. And it is no reason to try the device code."""
    server.login(trouble)
    with pytest.raises(NotSent):
        await log_in(transport, DEVICE, paired)
    assert grants(server) == [BY_REFRESH_TOKEN]


JSON_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
TOKEN_ANSWERS = st.fixed_dictionaries(
    {"access_token": st.just("t") | JSON_VALUES, "expires_in": JSON_VALUES | st.integers(1, 10**12)},
    optional={"refresh_token": JSON_VALUES, "token_type": JSON_VALUES, "scope": JSON_VALUES},
)


@given(TOKEN_ANSWERS)
@example({**token("t"), "expires_in": 10**400})
@example({**token("t"), "expires_in": LONGEST_LIFE_S})
@settings(deadline=None, max_examples=30)
async def test_any_answer_to_a_login_is_a_token_that_a_clock_can_count_or_none(answered: JsonObject) -> None:
    async with smart_server() as server, open_transport(server.base_url, DEFAULT) as transport:
        server.login(answer(answered))
        login = ClientCredentialsLogin(client=CLIENT)
        access = Access(lambda: log_in(transport, login, CredentialStore(Path("unused"))), lambda: 1000.0, 30.0)
        async with aclosing(access):
            try:
                async with access.held(15) as token:
                    assert 1000.0 < token.due_at(15) < token.expires_at <= 1000.0 + LONGEST_LIFE_S
            except NotSent:
                pass


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"])
async def test_a_login_that_is_not_answered_in_time_is_not_sent(
    server: Server, transport: Transport, paired: CredentialStore, clock: MovedClock, beginning: bytes
) -> None:
    server.login(stall(beginning))
    logging_in = asyncio.create_task(log_in(transport, DEVICE, paired))
    await server.until_logins(1)
    clock.advance(DEFAULT.request_s)
    with pytest.raises(NotSent):
        await logging_in
    assert grants(server) == [BY_REFRESH_TOKEN]


@pytest.mark.parametrize(
    "refusal",
    [
        (400, "invalid_client", "The client credentials are invalid"),
        (400, "invalid_client", "Client credentials were not found in the headers or body"),
        (400, "unsupported_grant_type", 'Grant type "foo" not supported'),
        (400, "invalid_request", "The grant type was not specified in the request"),
        (401, "invalid_device", "device with given uuid not configured"),
    ],
)
async def test_every_documented_refusal_of_a_login_is_not_authorised(
    server: Server, transport: Transport, store: CredentialStore, refusal: tuple[int, str, str]
) -> None:
    status, error, description = refusal
    server.login(refused(error, status, description))
    with pytest.raises(NotAuthorised) as unauthorised:
        await log_in(transport, ClientCredentialsLogin(client=CLIENT), store)
    assert unauthorised.value.error is not None
    assert (unauthorised.value.error.error, unauthorised.value.error.error_details) == (error, description)


async def test_a_device_code_is_asked_for_as_documented(server: Server, transport: Transport) -> None:
    server.login(answer(STEP_1))
    code = await request_device_code(transport, DEVICE)
    assert (code.user_code, code.verification_url) == ("aa63q9k9", "http://www.secuoffice.com")
    assert grants(server) == [{"grant_type": "device", **WITH_CLIENT, "uuid": UUID}]


async def test_a_device_nobody_configured_gets_no_code(server: Server, transport: Transport) -> None:
    server.login(refused("invalid_device", 401))
    with pytest.raises(NotAuthorised):
        await request_device_code(transport, DEVICE)


async def test_a_code_without_its_times_is_no_code(server: Server, transport: Transport) -> None:
    server.login(answer({**STEP_1, "interval": 0}))
    with pytest.raises(NotSent):
        await request_device_code(transport, DEVICE)


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


async def pair(transport: Transport, store: CredentialStore, clock: Clock, **changes: object) -> None:
    code = DeviceCodeAnswer.model_validate({**STEP_1, **changes})
    await poll_device_token(transport, DEVICE, code, store, clock=clock, sleep=clock.sleep)


async def test_pairing_polls_at_the_given_interval_until_the_code_was_entered(
    server: Server, transport: Transport, store: CredentialStore
) -> None:
    pending = refused("authorization_pending", 401)
    server.login(pending, pending, answer({**token("t"), "refresh_token": REFRESH_TOKEN}))
    clock = Clock()
    await pair(transport, store, clock)
    assert grants(server) == [BY_DEVICE_CODE] * 3
    assert clock.slept == [5, 5, 5]
    assert await store.load() == pairing(server)


async def test_pairing_goes_on_through_a_network_that_fails(
    server: Server, transport: Transport, store: CredentialStore
) -> None:
    server.login(cut(), answer({"error": "x"}, 502), answer({**token("t"), "refresh_token": REFRESH_TOKEN}))
    await pair(transport, store, Clock())
    assert await store.load() == pairing(server)


@pytest.mark.parametrize(
    ("error", "status"), [("invalid_device", 401), ("invalid_client", 400), ("access_denied", 400)]
)
async def test_any_refusal_but_pending_ends_the_pairing(
    server: Server, transport: Transport, store: CredentialStore, error: str, status: int
) -> None:
    server.login(refused(error, status))
    with pytest.raises(NotAuthorised) as unauthorised:
        await pair(transport, store, Clock())
    assert unauthorised.value.error is not None
    assert unauthorised.value.error.error == error
    assert await store.load() is None


async def test_pairing_ends_when_the_code_expires(server: Server, transport: Transport, store: CredentialStore) -> None:
    server.login(*[refused("authorization_pending", 401)] * 10)
    clock = Clock()
    with pytest.raises(NotAuthorised, match="not entered in time"):
        await pair(transport, store, clock, expires_in=18, interval=5)
    assert clock.slept == [5, 5, 5]


async def test_no_login_and_no_pairing_logs_a_secret(
    server: Server, transport: Transport, paired: CredentialStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.login(refused("invalid_grant"), refused("invalid_grant"), cut(), answer(token("the-access-token")))
    with pytest.raises(NotAuthorised) as unauthorised:
        await log_in(transport, DEVICE, paired)
    await pair(transport, paired, Clock())
    text = caplog.text + repr(unauthorised.value) + repr(DEVICE)
    assert "refused" in caplog.text
    for secret in (SECRET, REFRESH_TOKEN, DEVICE_CODE, "the-access-token"):
        assert secret not in text
