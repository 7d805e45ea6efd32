"""Who is let in: by which name and from which page a request came, and what its sender may do.

A local server is reached by every web page that its browser shows, so a token alone is not enough. A stranger's page
whose name was made to point here (DNS rebinding) is known by the `Host` header; one that calls us directly by the
`Origin` header, or by `Sec-Fetch-Site` where a browser sends no origin. There is no wildcard, and `null` is nobody.
A Unix socket is reached by no page; who may open the control socket is decided by the rights of its file.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from agent.kiosk.problems import Problem
from agent.kiosk.roles import Role
from agent.kiosk.tickets import OPERATOR_PAGE, has_cookie
from agent.kiosk.tokens import Tokens

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
PREFLIGHT_S = 600
"""How long a browser may remember what a page of an allowed origin may ask."""

_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9._-]{1,253})(?::[0-9]{1,5})?", re.IGNORECASE)
_OUR_OWN_SITE = frozenset({"same-origin", "none"})
_ALLOWED_METHODS = "GET, POST, PUT, DELETE"
_ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID"
_EXPOSED_HEADERS = "Location, Retry-After"

Headers = CIMultiDict[str] | CIMultiDictProxy[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One address where the interface listens.

    `hosts` are the names by which it may be called, in small letters and with the brackets of IPv6; None on a Unix
    socket. A request that is not complete by `request_timeout_s` (seconds) is cut off. `everyone` is the role of
    whoever gets here at all: that of the control socket.
    """

    hosts: frozenset[str] | None
    request_timeout_s: float
    origins: frozenset[str] = frozenset()
    scheme: str = "http"
    everyone: Role | None = None

    @property
    def is_socket_file(self) -> bool:
        return self.hosts is None


def check_host(door: Door, headers: Headers) -> None:
    """Raise Problem when this is not a name that we are called by."""
    if door.hosts is None:
        return
    given = headers.getall("Host", [])
    host = _HOST.fullmatch(given[0]) if len(given) == 1 else None
    if host is None or host[1].lower() not in door.hosts:
        raise Problem(HTTPStatus.FORBIDDEN, "host-not-allowed")


def check_origin(door: Door, headers: Headers) -> None:
    """Raise Problem when a page of another origin asks. Programs that are no browser send no origin."""
    given = headers.getall("Origin", [])
    if len(given) > 1 or (given and not _is_ours(door, given[0], headers) and given[0] not in door.origins):
        raise Problem(HTTPStatus.FORBIDDEN, "origin-not-allowed")


def check_site(door: Door, headers: Headers) -> None:
    """Raise Problem when a browser says that another site asks, and does not say which."""
    if is_from_another_site(door, headers):
        raise Problem(HTTPStatus.FORBIDDEN, "origin-not-allowed")


def is_from_another_site(door: Door, headers: Headers) -> bool:
    site = headers.get("Sec-Fetch-Site", "none")
    return "Origin" not in headers and site not in _OUR_OWN_SITE and not door.is_socket_file


def _is_ours(door: Door, origin: str, headers: Headers) -> bool:
    return not door.is_socket_file and origin == f"{door.scheme}://{headers.get('Host', '').lower()}"


def is_preflight(method: str, headers: Headers) -> bool:
    return method == "OPTIONS" and "Origin" in headers and "Access-Control-Request-Method" in headers


def cross_origin_headers(door: Door, headers: Headers) -> Mapping[str, str]:
    """What a page of an allowed origin needs to read the answer; nothing for anybody else."""
    origin = headers.get("Origin")
    if origin not in door.origins:
        return {}
    return {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _EXPOSED_HEADERS}


def preflight_headers(door: Door, headers: Headers) -> Mapping[str, str]:
    """What a page of an allowed origin is told before it asks. Private Network Access is answered where it is asked;
    its successor, Local Network Access, asks the user or the browser's policy instead of us.
    """
    if headers.get("Origin") not in door.origins:
        return {}
    answer = {
        "Access-Control-Allow-Methods": _ALLOWED_METHODS,
        "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_S),
    }
    if headers.get("Access-Control-Request-Private-Network") == "true":
        answer["Access-Control-Allow-Private-Network"] = "true"
    return answer


def caller(door: Door, tokens: Tokens, request: web.Request) -> Role | None:
    """Return what whoever sent this may do; None: we do not know him, or another site makes his browser ask."""
    if is_from_another_site(door, request.headers):
        return None
    page = Role.OPERATOR if request.path.startswith(f"{OPERATOR_PAGE}/") else Role.SCREEN
    return role_of(door, tokens, request.headers, request.cookies, page)


def role_of(door: Door, tokens: Tokens, headers: Headers, cookies: Mapping[str, str], page: Role) -> Role | None:
    """Return what this caller may do; None: we do not know him. A token that is wrong is not saved by a cookie, and a
    cookie counts for the calls of its own page only.
    """
    if door.everyone is not None:
        return door.everyone
    if proofs := headers.getall("Authorization", []):
        scheme, _, token = proofs[0].partition(" ")
        return tokens.role_of(token.strip()) if scheme.lower() == "bearer" and len(proofs) == 1 else None
    return page if has_cookie(cookies, tokens, page) else None
