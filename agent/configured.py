"""What the configuration says to the parts of the agent that know no configuration: till, login, local interface."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar, assert_never

from agent.card import CardRules
from agent.checkout.evidence_state import DrawerRules
from agent.checkout.offline import OfflineLimits
from agent.checkout.state import Rules
from agent.kiosk.server import KioskSettings
from agent.smart.login import Client, ClientCredentialsLogin, DeviceLogin, DevicePinLogin, Login
from agent.till.settings import TillSettings
from config.addresses import UnixAddress
from config.problems import Problem, WrongConfig
from config.secret_files import read_secrets
from config.settings import Kiosk, Offline, Settings

T = TypeVar("T")
_NO_PAIR = "not a certificate in PEM with its own key, or the key has a passphrase"


def till_settings(settings: Settings, settling_s: float) -> TillSettings:
    """Return what the configuration says to the till."""
    return TillSettings(
        rules=Rules(
            confirmed_by=settings.cash.confirmed_by,
            late_window_s=settings.api.late_window_s,
            at_terminal_s=settings.api.terminal_timeout_s,
            idle_s=settings.kiosk.idle_s,
        ),
        offline=offline_limits(settings.offline),
        cards=CardRules(prefixes=settings.cards.prefixes, lengths=settings.cards.lengths),
        drawer=DrawerRules(
            opened_by=settings.drawer.opened_by,
            confirmed_by=settings.cash.confirmed_by,
            open_timeout_s=settings.drawer.open_timeout_s,
            minimum_open_s=settings.cash.minimum_open_s,
            open_warning_s=settings.drawer.open_warning_s,
            settling_s=settling_s,
        ),
        forwarding=frozenset(scanner.name for scanner in settings.scanner if scanner.other_codes == "forward"),
        show_balance=settings.cards.show_balance,
        repeated_within_s=settings.cards.repeated_within_s,
        provisional_after_s=_provisional_after_s(settings),
    )


def _provisional_after_s(settings: Settings) -> float | None:
    printer = settings.printer
    by_itself = printer.connection != "none" and printer.provisional == "automatic"
    return printer.provisional_after_s if by_itself else None


def offline_limits(offline: Offline) -> OfflineLimits:
    """Return what the configuration says of cash while the API is away."""
    return OfflineLimits(
        accept_cash=offline.accept_cash,
        max_payments=offline.max_payments,
        max_total=offline.max_total,
        stop_when_oldest_h=offline.stop_when_oldest_h,
    )


def login_of(settings: Settings, environment: Mapping[str, str]) -> Login:
    """Return how this till logs in. Raises WrongConfig when a secret cannot be read."""
    api = settings.api
    found = read_secrets(api, environment)
    client = Client(client_id=api.client_id, client_secret=found.client_secret)
    match api.login:
        case "client-credentials":
            return ClientCredentialsLogin(client=client)
        case "device":
            return DeviceLogin(client=client, device_uuid=_needed(api.device_uuid))
        case "device-pin":
            return DevicePinLogin(
                client=client, device_uuid=_needed(api.device_uuid), device_pin=_needed(found.device_pin)
            )
        case _:
            assert_never(api.login)


def trust_of(settings: Settings) -> ssl.SSLContext | None:
    """Return the system's authorities and `[api] ca_file`; None without one. Raises WrongConfig. Reads files."""
    ca_file = settings.api.ca_file
    if ca_file is None:
        return None
    trust = ssl.create_default_context()
    try:
        trust.load_verify_locations(ca_file)
    except OSError as error:
        problem = f"{ca_file} cannot be used as a CA: {error.strerror or error}"
        raise WrongConfig([Problem("[api]", "ca_file", problem)]) from None
    return trust


def tls_of(kiosk: Kiosk) -> ssl.SSLContext | None:
    """Return the local interface's certificate with its key; None without one. Raises WrongConfig. Reads files."""
    certificate, key = kiosk.tls_certificate_file, kiosk.tls_key_file
    if certificate is None:
        return None
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        tls.load_cert_chain(certificate, key, password="")  # else a key with a passphrase asks for it at the terminal
    except OSError as error:
        why = _NO_PAIR if isinstance(error, ssl.SSLError) else error.strerror
        problem = f"{certificate} with its key {key} cannot be used: {why}"
        raise WrongConfig([Problem("[kiosk]", "tls_certificate_file", problem)]) from None
    return tls


def kiosk_settings(settings: Settings) -> KioskSettings:
    """Return what the configuration says of the local interface. Raises WrongConfig when its certificate is none."""
    kiosk, address = settings.kiosk, settings.kiosk.address
    return KioskSettings(
        listen=Path(address.path) if isinstance(address, UnixAddress) else (address.host, address.port),
        control_socket=settings.control_socket,
        allowed_origins=frozenset(kiosk.allowed_origins),
        allowed_hosts=frozenset(kiosk.allowed_hosts),
        tls=tls_of(kiosk),
        page=kiosk.page,
    )


def _needed(value: T | None) -> T:
    """The configuration was checked: with this login it is there."""
    if value is None:
        raise AssertionError("the configuration was not checked")
    return value
