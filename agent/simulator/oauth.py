"""Who may call: the grants of `/oauth/token`, device sessions and access tokens. Pure.

A device has one session and a session one access token: a new one invalidates the former. Error replies are not the
API's error body. Where the documentation has no text or error name for a case, the ones of OAuth 2.0 stand in:
`invalid_grant` for a wrong device PIN or refresh token, the text of `authorization_pending`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from agent.simulator.identifiers import Identifiers
from agent.simulator.switches import Switches
from agent.simulator.world import Device, World

TOKEN_LIFETIME_SECONDS: Final = 1200  # documented
PAIRING_LIFETIME_SECONDS: Final = 1200  # documented: of user code and of a device code that is not confirmed
POLL_INTERVAL_SECONDS: Final = 5  # documented
VERIFICATION_URL: Final = "http://www.secuoffice.com"
SCOPE: Final = "https://scope.secucard.com/e/api"
_MAX_TOKENS: Final = 10_000  # the oldest are forgotten then
_MAX_PAIRINGS: Final = 10_000  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Whom an access token stands for; `device` is None for client credentials."""

    device: str | None
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairing:
    """A device registration: begun with a uuid, confirmed by a person who enters the user code."""

    device: Device
    user_code: str
    expires: float
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshToken:
    """Which device may renew its session with it, and when it was answered."""

    device: str
    since: float


class OAuthError(Exception):
    """A refused login: HTTP status, `error` and `error_description`."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.status = status
        self.error = error
        self.description = description

    def body(self) -> dict[str, object]:
        return {"error": self.error, "error_description": self.description}


_INVALID_GRANT: Final = "invalid_grant"
_T = TypeVar("_T")


@dataclass(slots=True)
class Logins:
    """What the login server holds. Device PINs are set through the API or given by the test."""

    world: World
    switches: Switches
    identifiers: Identifiers
    sessions: dict[str, Session] = field(default_factory=dict, repr=False)
    pairings: dict[str, Pairing] = field(default_factory=dict, repr=False)  # by device code
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict, repr=False)
    device_pins: dict[str, str] = field(default_factory=dict, repr=False)  # SDV -> PIN

    def answer(self, form: Mapping[str, object], now: float) -> dict[str, object]:
        """The answer to a token request whose client credentials are in the form. Raises OAuthError."""
        grant_type = form.get("grant_type")
        if not grant_type:
            raise OAuthError(400, "invalid_request", "The grant type was not specified in the request")
        grant = self._grants().get(str(grant_type))
        if grant is None:
            raise OAuthError(400, "unsupported_grant_type", f'Grant type "{grant_type}" not supported')
        self._check_client(form)
        return grant(form, now)

    def session(self, access_token: str, now: float) -> Session | None:
        """Whom the token stands for; None if it is unknown or has expired."""
        session = self.sessions.get(access_token)
        return session if session and now < session.expires else None

    def expire(self, access_token: str, now: float) -> None:
        """Ends the token's life before its time."""
        session = self.session(access_token, now)
        if session:
            self.sessions[access_token] = replace(session, expires=now)

    def confirm(self, user_code: str, now: float) -> bool:
        """A person entered the user code; False if it is unknown or too old."""
        for device_code, pairing in self.pairings.items():
            if pairing.user_code == user_code and now < pairing.expires:
                self.pairings[device_code] = replace(pairing, confirmed=True)
                return True
        return False

    def remove_devices(self) -> None:
        """Every device is removed: what it logged in with, and its session, count no more. Client credentials stay."""
        self.pairings.clear()
        self.refresh_tokens.clear()
        self.device_pins.clear()
        self.sessions = {token: session for token, session in self.sessions.items() if session.device is None}

    def _grants(self) -> dict[str, Callable[[Mapping[str, object], float], dict[str, object]]]:
        return {
            "client_credentials": self._client_credentials,
            "device": self._device,
            "refresh_token": self._refresh_token,
            "device_pin": self._device_pin,
        }

    def _check_client(self, form: Mapping[str, object]) -> None:
        client_id, secret = form.get("client_id"), form.get("client_secret")
        if not client_id or not secret:
            raise OAuthError(400, "invalid_client", "Client credentials were not found in the headers or body")
        if (client_id, secret) != (self.world.client_id, self.world.client_secret):
            raise OAuthError(400, "invalid_client", "The client credentials are invalid")

    def _client_credentials(self, _form: Mapping[str, object], now: float) -> dict[str, object]:
        return self._token(None, now) | {"scope": SCOPE}

    def _device(self, form: Mapping[str, object], now: float) -> dict[str, object]:
        if form.get("code"):
            return self._device_session(str(form["code"]), now)
        if form.get("uuid"):
            return self._registration(str(form["uuid"]), now)
        raise OAuthError(400, "invalid_request", 'Missing parameters: "uuid" or "code" required')

    def _registration(self, uuid: str, now: float) -> dict[str, object]:
        pairing = Pairing(
            device=self._configured(uuid),
            user_code=self.identifiers.user_code(),
            expires=now + PAIRING_LIFETIME_SECONDS,
        )
        device_code = self.identifiers.device_code()
        _keep(self.pairings, device_code, pairing, _MAX_PAIRINGS)
        return {
            "device_code": device_code,
            "user_code": pairing.user_code,
            "verification_url": VERIFICATION_URL,
            "expires_in": PAIRING_LIFETIME_SECONDS,
            "interval": POLL_INTERVAL_SECONDS,
        }

    def _device_session(self, device_code: str, now: float) -> dict[str, object]:
        pairing = self.pairings.get(device_code)
        if pairing is None or (now >= pairing.expires and not pairing.confirmed):
            raise _not_configured()
        if not pairing.confirmed:
            raise OAuthError(401, "authorization_pending", "The user code was not entered yet")
        device = pairing.device.id
        answer = self._token(device, now)
        return answer | {"scope": None, "refresh_token": self._new_refresh_token(device, now)}

    def _refresh_token(self, form: Mapping[str, object], now: float) -> dict[str, object]:
        known = self.refresh_tokens.get(str(form.get("refresh_token")))
        lifetime = self.switches.refresh_token_lifetime_seconds
        if known is None or (lifetime and now - known.since >= lifetime):
            raise OAuthError(400, _INVALID_GRANT, "Invalid refresh token")
        answer = self._token(known.device, now) | {"scope": None}
        if self.switches.renewal == "replaces-refresh-token":
            answer["refresh_token"] = self._new_refresh_token(known.device, now)
        return answer

    def _device_pin(self, form: Mapping[str, object], now: float) -> dict[str, object]:
        device = self._configured(str(form.get("uuid")))
        pin = form.get("device_pin")
        if not pin or self.device_pins.get(device.id) != pin:
            raise OAuthError(400, _INVALID_GRANT, "The device PIN is invalid")
        return self._token(device.id, now) | {"scope": None}

    def _configured(self, uuid: str) -> Device:
        for device in self.world.devices:
            if device.uuid == uuid:
                return device
        raise _not_configured()

    def _token(self, device: str | None, now: float) -> dict[str, object]:
        if device is not None:
            self._end_session(device, now)
        token = self.identifiers.access_token()
        session = Session(device=device, expires=now + TOKEN_LIFETIME_SECONDS)
        _keep(self.sessions, token, session, _MAX_TOKENS)
        return {"access_token": token, "expires_in": TOKEN_LIFETIME_SECONDS, "token_type": "bearer"}

    def _end_session(self, device: str, now: float) -> None:
        for token in [token for token, session in self.sessions.items() if session.device == device]:
            self.expire(token, now)

    def _new_refresh_token(self, device: str, now: float) -> str:
        for former in [token for token, known in self.refresh_tokens.items() if known.device == device]:
            del self.refresh_tokens[former]
        token = self.identifiers.refresh_token()
        self.refresh_tokens[token] = RefreshToken(device=device, since=now)
        return token


def _not_configured() -> OAuthError:
    return OAuthError(401, "invalid_device", "device with given uuid not configured")


def _keep(values: dict[str, _T], key: str, value: _T, most: int) -> None:
    values[key] = value
    if len(values) > most:
        del values[next(iter(values))]
