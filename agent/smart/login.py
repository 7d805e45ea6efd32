"""How the till logs in (smart-api.md, part 2), and how it is paired in the first place.

`device`: paired once by a person (`request_device_code`, `poll_device_token`); from then on each login uses the refresh
token, then the stored device code, and when both are refused the device must be paired again. `device-pin` and
`client-credentials` need nothing stored.

A login that fails for the network is *not sent*: nothing of the call that wanted the token has left. A login that the
API refuses is *not authorised*.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import SecretStr
from pydantic_core import to_json

from agent.smart.answer import parse_object, read_model
from agent.smart.credentials import CredentialsDamaged, CredentialStore, DeviceCredentials
from agent.smart.errors import ApiError, JsonObject, NotAuthorised, NotSent, Unknown
from agent.smart.models import DeviceCodeAnswer, TokenAnswer
from agent.smart.transport import Request, Transport

_log = logging.getLogger("tillwire.smart.login")

_REFUSALS = frozenset({400, 401, 403})  # with OAuth's error body; any other status is trouble on the way

Grant = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The vendor's credentials at the API."""

    client_id: str
    client_secret: SecretStr

    def grant(self, grant_type: str, **fields: str) -> Grant:
        return {
            "grant_type": grant_type,
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
            **fields,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLogin:
    """As the device with this uuid (`/vendor/…`), paired before."""

    client: Client
    device_uuid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DevicePinLogin:
    """As the device with this uuid, by the PIN that was set for merchant, store or device."""

    client: Client
    device_uuid: str
    device_pin: SecretStr


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialsLogin:
    """As the vendor: no device stands behind it."""

    client: Client


Login = DeviceLogin | DevicePinLogin | ClientCredentialsLogin


async def log_in(transport: Transport, login: Login, store: CredentialStore) -> TokenAnswer:
    """Get an access token. Raises NotSent or NotAuthorised."""
    match login:
        case DeviceLogin():
            return await _log_in_device(transport, login, store)
        case DevicePinLogin():
            pin = login.device_pin.get_secret_value()
            grant = login.client.grant("device_pin", uuid=login.device_uuid, device_pin=pin)
            return await _get_token(transport, grant)
        case ClientCredentialsLogin():
            return await _get_token(transport, login.client.grant("client_credentials"))


async def request_device_code(transport: Transport, login: DeviceLogin) -> DeviceCodeAnswer:
    """Ask for a code that a person enters to pair this device. Raises NotSent or NotAuthorised."""
    body = await _ask(transport, login.client.grant("device", uuid=login.device_uuid))
    try:
        return read_model(DeviceCodeAnswer, body)
    except Unknown as error:
        raise NotSent(f"no device code: {error}") from error


async def poll_device_token(
    transport: Transport,
    login: DeviceLogin,
    code: DeviceCodeAnswer,
    store: CredentialStore,
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> TokenAnswer:
    """Wait until a person has entered the code, and store the pairing.

    A network that fails meanwhile is waited out. Raises NotAuthorised when the API refuses the device or the code has
    expired, OSError when the pairing cannot be stored.
    """
    ends_at = clock() + code.expires_in
    while clock() + code.interval <= ends_at:
        await sleep(code.interval)
        if answer := await _poll_once(transport, login, code):
            await store.store(_pairing(transport, login, code, answer))
            return answer
    raise NotAuthorised("the code was not entered in time: start `tillwire pair` again")


async def _poll_once(transport: Transport, login: DeviceLogin, code: DeviceCodeAnswer) -> TokenAnswer | None:
    try:
        return await _get_token(transport, login.client.grant("device", code=code.device_code))
    except NotSent as error:
        _log.warning("the pairing is still being waited for: %s", error)
    except NotAuthorised as refusal:
        if refusal.error is None or refusal.error.error != "authorization_pending":
            raise
    return None


def _pairing(
    transport: Transport, login: DeviceLogin, code: DeviceCodeAnswer, answer: TokenAnswer
) -> DeviceCredentials:
    return DeviceCredentials(
        base_url=transport.base_url,
        client_id=login.client.client_id,
        device_uuid=login.device_uuid,
        device_code=SecretStr(code.device_code),
        refresh_token=SecretStr(answer.refresh_token) if answer.refresh_token else None,
    )


async def _log_in_device(transport: Transport, login: DeviceLogin, store: CredentialStore) -> TokenAnswer:
    credentials = await _load(store)
    if credentials is None:
        raise NotAuthorised("this device is not paired: run `tillwire pair`")
    if (credentials.base_url, credentials.client_id, credentials.device_uuid) != (
        transport.base_url,
        login.client.client_id,
        login.device_uuid,
    ):
        raise NotAuthorised("the stored pairing is for another address, client or device: run `tillwire pair`")
    answer = await _get_first_token(transport, _device_grants(login, credentials))
    await _keep_refresh_token(store, credentials, answer)
    return answer


def _device_grants(login: DeviceLogin, credentials: DeviceCredentials) -> Iterator[Grant]:
    if credentials.refresh_token:
        yield login.client.grant("refresh_token", refresh_token=credentials.refresh_token.get_secret_value())
    yield login.client.grant("device", code=credentials.device_code.get_secret_value())


async def _get_first_token(transport: Transport, grants: Iterator[Grant]) -> TokenAnswer:
    refusal: ApiError | None = None
    for grant in grants:
        try:
            return await _get_token(transport, grant)
        except NotAuthorised as refused:
            _log.warning("the login by %s was refused: %s", grant["grant_type"], refused.error)
            refusal = refused.error
    raise NotAuthorised("the API does not know this pairing any more: run `tillwire pair`", refusal)


async def _load(store: CredentialStore) -> DeviceCredentials | None:
    try:
        return await store.load()
    except CredentialsDamaged as damaged:
        raise NotAuthorised(str(damaged)) from damaged
    except OSError as error:
        raise NotAuthorised(f"the stored pairing cannot be read: {error.strerror}") from error


async def _keep_refresh_token(store: CredentialStore, credentials: DeviceCredentials, answer: TokenAnswer) -> None:
    """Have a new refresh token on the disk before anything is done with this login."""
    known = credentials.refresh_token
    if answer.refresh_token is None or (known and known.get_secret_value() == answer.refresh_token):
        return
    try:
        await store.store(credentials.renewed(answer.refresh_token))
    except OSError as error:
        raise NotSent(f"not sent: the new refresh token cannot be stored: {error.strerror}") from error


async def _get_token(transport: Transport, grant: Grant) -> TokenAnswer:
    body = await _ask(transport, grant)
    try:
        return read_model(TokenAnswer, body)
    except Unknown as error:
        raise NotSent(f"not sent: no login: {error}") from error


async def _ask(transport: Transport, grant: Grant) -> JsonObject:
    """Send one grant and return the body of a good answer. Raises NotSent or NotAuthorised."""
    request = Request(
        method="POST",
        path="/oauth/token",
        timeout_s=transport.timeouts.request_s,
        body=to_json(grant),
    )
    try:
        answer = await transport.send(request)
    except Unknown as error:
        raise NotSent(f"not sent: no login: {error}") from error
    body = parse_object(answer)
    if answer.status == 200 and body is not None:
        return body
    if answer.status in _REFUSALS and body is not None and isinstance(body.get("error"), str):
        raise NotAuthorised("the API refuses the login", ApiError.from_body(body))
    raise NotSent(f"not sent: no login: HTTP {answer.status} without an answer of the API")
