"""What an attack is, and when it was withstood."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus

from tests.abuse.target import Target
from tests.abuse.wire import Reply, send

BAD_SYNTAX = frozenset({HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.HTTP_VERSION_NOT_SUPPORTED})
SHOWN_BYTES = 300

Verdict = Callable[[Reply], str | None]
"""What is wrong with a reply; None: nothing."""


Run = Callable[[Target], Awaitable[str | None]]
"""Tries something, and returns what went wrong; None: it was withstood."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing to try, in words and in deeds."""

    group: str
    tries: str
    run: Run


def attacks(group: str, *tried: tuple[str, Run]) -> tuple[Attack, ...]:
    return tuple(Attack(group, tries, run) for tries, run in tried)


def refused(reply: Reply) -> str | None:
    """Each answer is a refusal that no page of another origin can read; or the connection was closed without one."""
    if not reply.answers and not reply.closed:
        return "was neither answered nor cut off"
    for answer in reply.answers:
        if not (400 <= answer.status < 500 or answer.status in BAD_SYNTAX):
            return f"was answered {answer.status}"
        if "Access-Control-Allow-Origin" in answer.headers:
            return "a page of another origin may read the answer"
    return None


def not_upgraded(reply: Reply) -> str | None:
    """The protocol was not changed; a server may answer as if it had not been asked to (RFC 9110, 7.8)."""
    statuses = {answer.status for answer in reply.answers}
    return "the protocol was changed" if HTTPStatus.SWITCHING_PROTOCOLS in statuses else None


def sending(requests: Callable[[Target], Iterable[bytes]], verdict: Verdict = refused) -> Run:
    """Send each of these requests on a connection of its own, and judge each reply."""

    async def run(target: Target) -> str | None:
        for request in requests(target):
            if (wrong := verdict(await send(target, request))) is not None:
                return f"{_shown(request, target)} {wrong}"
        return None

    return run


def _shown(request: bytes, target: Target) -> str:
    """The beginning of a request, without the token."""
    return repr(request.replace(target.token.encode(), b"TOKEN")[:SHOWN_BYTES])
