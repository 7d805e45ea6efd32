"""How the browser of a page is let in without ever seeing a token: a one-time ticket for a cookie.

`tillwire kiosk url` asks for a ticket and puts it behind the `#` of the page's address, where it reaches no log. The
page gives it back once and gets a cookie that scripts cannot read. The cookie is signed with the token of its role, so
it outlives the agent, and a new token ends it. The operator's goes to the operator's page and its calls only, so the
screen in the same browser stays a screen.
"""

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.kiosk.roles import Role
from agent.kiosk.tokens import Tokens

TICKET_S = 300.0
"""An installer carries the address from one window to another; after that it is of no use to anybody."""
MOST_TICKETS = 16
"""Not yet used; the oldest gives way."""
OPERATOR_PAGE = "/operator"
SHIFT_S = 12 * 60 * 60
"""The operator's browser forgets its cookie after the longest shift; the screen's stays while the browser runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cookie:
    """Where a role's cookie is kept, and which calls it goes to. `lasts_s`: seconds; None: while the browser runs."""

    name: str
    path: str
    lasts_s: int | None


COOKIES = {
    Role.OPERATOR: Cookie(name="tillwire_operator", path=OPERATOR_PAGE, lasts_s=SHIFT_S),
    Role.SCREEN: Cookie(name="tillwire_screen", path="/", lasts_s=None),
}


class Tickets:
    """The tickets that are not used yet. `clock` counts monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: dict[str, tuple[Role, float]] = {}

    def issue(self, role: Role) -> str:
        ticket = secrets.token_urlsafe(32)
        while len(self._issued) >= MOST_TICKETS:
            del self._issued[next(iter(self._issued))]
        self._issued[ticket] = role, self._clock() + TICKET_S
        return ticket

    def redeem(self, ticket: str) -> Role | None:
        """Use a ticket up and return what it lets its bearer be. None: it was used, is too old, or never was one."""
        role, until = self._issued.pop(ticket, (None, 0.0))
        return role if self._clock() < until else None


def new_cookie(tokens: Tokens, role: Role) -> str:
    """Return a cookie that only who knows the token of this role can make."""
    name = secrets.token_urlsafe(16)
    return f"{name}.{_signature(name, tokens, role)}"


def has_cookie(cookies: Mapping[str, str], tokens: Tokens, role: Role) -> bool:
    """Whether these cookies prove this role."""
    name, _, signature = cookies.get(COOKIES[role].name, "").rpartition(".")
    return hmac.compare_digest(signature.encode(errors="surrogateescape"), _signature(name, tokens, role).encode())


def _signature(name: str, tokens: Tokens, role: Role) -> str:
    return hmac.digest(tokens.of(role).encode(), f"cookie {name}".encode(errors="surrogateescape"), "sha256").hex()
