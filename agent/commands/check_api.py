"""What `tillwire check` asks the API: is it there, is it the API, does our clock agree, does the login work."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import aiohttp
from pydantic_core import from_json

from agent.commands.findings import Finding, note, ok, wrong
from agent.configured import trust_of
from agent.smart.client import connect
from agent.smart.credentials import CredentialStore
from agent.smart.errors import SmartError
from agent.smart.login import ClientCredentialsLogin, Login
from agent.smart.network_errors import failure_of
from agent.smart.transport import LARGEST_BODY, Timeouts
from config.problems import WrongConfig
from config.settings import Settings

LARGEST_CLOCK_ERROR = timedelta(seconds=60)
"""Receipts, evidence and the limits of offline cash name the minute."""
WHO_AM_I = "/api/v2/General/Merchants/me"
"""Without a token the API refuses it in its own words, a JSON object; anybody else answers something else."""

_SET_THE_CLOCK = "timedatectl set-ntp true, after apt install systemd-timesyncd where there is no time service"

_WHAT_TO_DO: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "check cable, network and DNS"),
    (aiohttp.ClientConnectorCertificateError, "look at the clock; a proxy that looks into TLS needs [api] ca_file"),
    (Exception, "check network, firewall and [api] base_url"),
)


async def check_reachable(settings: Settings) -> list[Finding]:
    """Ask the API something that needs no login. The first finding says whether it answers."""
    api = settings.api
    try:
        trust = await asyncio.to_thread(trust_of, settings)
    except WrongConfig as problems:
        return [wrong("api", str(problem)) for problem in problems.problems]
    timeout = aiohttp.ClientTimeout(total=api.request_timeout_s, connect=api.connect_timeout_s)
    try:
        async with (
            aiohttp.ClientSession(api.base_url, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(WHO_AM_I, ssl=trust or True, allow_redirects=False) as response,
        ):
            body = await _bounded(response.content)
    except (aiohttp.ClientError, OSError) as error:
        return [_unreachable(api.base_url, error)]
    return [_answerer(api.base_url, response, body), compare_clocks(response.headers.get("Date"), datetime.now(UTC))]


async def _bounded(content: aiohttp.StreamReader) -> bytes:
    try:
        return await content.readexactly(LARGEST_BODY)
    except asyncio.IncompleteReadError as whole:
        return whole.partial


def _unreachable(base_url: str, error: Exception) -> Finding:
    what_to_do = next(text for kind, text in _WHAT_TO_DO if isinstance(error, kind))
    return wrong("api", f"{base_url}: {failure_of(error, begun=False)}: {what_to_do}")


def _answerer(base_url: str, response: aiohttp.ClientResponse, body: bytes) -> Finding:
    """Say who answered: the API, or somebody on the way to it."""
    if 300 <= response.status < 400:
        return wrong(
            "api",
            f"{base_url} sends us elsewhere (HTTP {response.status}): log in to the network, "
            "if it wants that, or correct [api] base_url",
        )
    if response.status == HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED:
        return wrong("api", f"the network wants a login before it lets us to {base_url}: log in to it")
    if response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        return wrong("api", f"a proxy on the way to {base_url} wants a login: let this box pass without one")
    if response.status >= 500:
        return wrong("api", f"{base_url} is out of order (HTTP {response.status}): wait, or ask the help desk")
    try:
        is_the_api = isinstance(from_json(body), dict)
    except ValueError:
        is_the_api = False
    if not is_the_api:
        return wrong(
            "api",
            f"at {base_url} something else than the API answers (HTTP {response.status}): "
            "a proxy or the network's login page, or another [api] base_url is meant",
        )
    return ok("api", f"{base_url} answers")


def compare_clocks(date: str | None, now: datetime) -> Finding:
    """Compare the Date of the API's answer (RFC 9110, seconds) with this box's clock."""
    try:
        told = parsedate_to_datetime(date or "")
    except ValueError:
        told = None
    if told is None or told.tzinfo is None:
        return note("clock", "the API tells no time, so this box's clock was not compared")
    error = now - told
    if abs(error) > LARGEST_CLOCK_ERROR:
        which_way = "ahead of" if error > timedelta() else "behind"
        seconds = round(abs(error).total_seconds())
        return wrong("clock", f"this box's clock is {seconds} s {which_way} the API's: {_SET_THE_CLOCK}")
    return ok("clock", "as the API's")


async def check_login(settings: Settings, login: Login) -> list[Finding]:
    """Log in as the agent does, and ask who we are. Only for who owns the token: no agent may run."""
    api = settings.api
    timeouts = Timeouts(connect_s=api.connect_timeout_s, request_s=api.request_timeout_s)
    store = CredentialStore(settings.state.directory)
    trust = await asyncio.to_thread(trust_of, settings)
    try:
        async with connect(api.base_url, login, store, timeouts=timeouts, trust=trust) as smart:
            merchant = await smart.merchant()
    except SmartError as error:
        return [wrong("login", str(error))]
    return [
        ok("login", f'by login = "{api.login}"'),
        merchant_finding(settings, merchant.id, merchant.companyname),
        *_warning(login),
    ]


def merchant_finding(settings: Settings, merchant_id: str | None, name: str | None) -> Finding:
    """Say whose money it would be."""
    shop, meant = f"{name or 'without a name'} ({merchant_id})", settings.api.merchant_id
    if meant is not None and merchant_id != meant:
        mend = "pair the till with the right shop, or correct it"
        return wrong("merchant", f"{shop} is the wrong shop, [api] merchant_id is {meant}: {mend}")
    return ok("merchant", shop)


def _warning(login: Login) -> list[Finding]:
    if not isinstance(login, ClientCredentialsLogin):
        return []
    return [note("login", 'the API derives the SDV from the device login: a till wants login = "device"')]
