"""How the browser of the screen is let in without ever seeing a token: a one-time ticket for a cookie.

`tillwire kiosk url` asks for a ticket and puts it behind the `#` of the page's address, where it reaches no log. The
page gives it back once and gets a cookie that scripts cannot read. The cookie is signed with the screen's token, so it
outlives the agent, and a new token ends it.
"""

import hmac
import secrets
from collections.abc import Callable

from agent.kiosk.tokens import Tokens

TICKET_S = 300.0
"""An installer carries the address from one window to another; after that it is of no use to anybody."""
MOST_TICKETS = 16
"""Not yet used; the oldest gives way."""
COOKIE = "tillwire_screen"


class Tickets:
    """The tickets that are not used yet. `clock` counts monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._valid_until: dict[str, float] = {}

    def issue(self) -> str:
        ticket = secrets.token_urlsafe(32)
        while len(self._valid_until) >= MOST_TICKETS:
            del self._valid_until[next(iter(self._valid_until))]
        self._valid_until[ticket] = self._clock() + TICKET_S
        return ticket

    def redeem(self, ticket: str) -> bool:
        """Use a ticket up. False: it was used, is too old, or never was one."""
        until = self._valid_until.pop(ticket, None)
        return until is not None and self._clock() < until


def new_cookie(tokens: Tokens) -> str:
    """Return a cookie that only who knows the screen's token can make."""
    name = secrets.token_urlsafe(16)
    return f"{name}.{_signature(name, tokens)}"


def cookie_is_ours(cookie: str, tokens: Tokens) -> bool:
    name, _, signature = cookie.rpartition(".")
    return hmac.compare_digest(signature.encode(errors="surrogateescape"), _signature(name, tokens).encode())


def _signature(name: str, tokens: Tokens) -> str:
    return hmac.digest(tokens.screen.encode(), f"cookie {name}".encode(errors="surrogateescape"), "sha256").hex()
