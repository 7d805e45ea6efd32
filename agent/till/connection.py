"""Is the API there? Pure: what an answer says of the connection, and when to ask again.

The API is away from the first request that was certainly not sent until one succeeds (design 3.4). A request without a
usable answer says nothing about it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from agent.checkout.events import Answer, CallNotAuthorised, CallNotSent, CallUnknown
from agent.checkout.state import Api

FIRST_PAUSE_S = 1.0
"""Coming back is noticed within seconds."""
LONGEST_PAUSE_S = 10.0
"""After a day offline, too; and a request each ten seconds is no burden."""

MOST_DOUBLINGS = 10
"""After so many the pause is at its longest, and a power of two would outgrow a float within a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """What is known of the API, and the next time at which it is asked (monotonic seconds; None: not by itself)."""

    api: Api
    since: datetime
    tries: int = 0
    next_try_s: float | None = None


def told_by(answer: Answer) -> Api | None:
    """Return what an answer says of the connection; None: nothing."""
    match answer:
        case CallNotSent():
            return "offline"
        case CallNotAuthorised():
            return "not_authorised"
        case CallUnknown():
            return None
        case _:
            return "online"


def after(connection: Connection, told: Api | None, now_s: float, wall: datetime, jitter: float) -> Connection:
    """Return what is known now. `jitter` (0 to 1) keeps many tills from asking at the same time."""
    api = connection.api if told is None else told
    if api != connection.api:
        connection = Connection(api=api, since=wall)
    if api == "online":
        return replace(connection, tries=0, next_try_s=None)
    pause_s = min(FIRST_PAUSE_S * 2.0 ** min(connection.tries, MOST_DOUBLINGS), LONGEST_PAUSE_S) * (0.5 + jitter / 2)
    return replace(connection, tries=connection.tries + 1, next_try_s=now_s + pause_s)


def asking(connection: Connection) -> Connection:
    """The API is being asked: not again before that is answered."""
    return replace(connection, next_try_s=None)
