"""What `tillwire check` says of the drawer: its level now, and whether its last opening was seen as one. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from agent.checkout.state import Level
from agent.chosen_devices import DRAWER
from agent.commands.findings import Finding, note, ok, wrong
from agent.kiosk.checkout_answers import HappenedAnswer
from agent.till.listener import DrawerTold
from config.settings import Settings
from device.drawer_profile import DrawerProfile, StreamStatus

EVENTS_LOOKED_AT = 100
"""Of all kinds, the newest: the opening that an installer tried just now is among them."""

OpeningTrouble = Literal["did_not_open", "closed_instead"]
_LEARN = "`tillwire learn drawer`"


def drawer_findings(
    settings: Settings, profile: DrawerProfile | None, level: Level, trouble: OpeningTrouble | None
) -> Iterator[Finding]:
    """Yield what is to be said of a drawer whose port is there. `profile`: None where it cannot be read."""
    where = f"{settings.drawer.profile} at {settings.drawer.port}"
    if level == "open":
        yield wrong(DRAWER, f"{where} is open: close it; if it is closed, its polarity is wrong: {_LEARN}")
    elif level == "unknown" and profile is not None and isinstance(profile.status, StreamStatus):
        yield note(DRAWER, f"{where} tells no level while it is closed, until it was seen open: open it once")
    elif level == "unknown" and not {"drawer-closed", "drawer-opened"}.isdisjoint(settings.cash.confirmed_by):
        yield wrong(DRAWER, f"{where} tells no level and confirms no cash: connect its status line, then {_LEARN}")
    elif level == "unknown":
        yield note(DRAWER, f"{where} is there and tells no level")
    else:
        yield ok(DRAWER, f"{where} is closed")
    if trouble == "did_not_open":
        yield wrong(DRAWER, f"when last asked, it was not seen to open: if it did, mend its status line; {_LEARN}")
    elif trouble == "closed_instead":
        yield wrong(DRAWER, f"when last asked to open, it was seen to close: its polarity is wrong: {_LEARN}")


def opening_trouble(events: Sequence[HappenedAnswer], since: datetime, open_timeout_s: float) -> OpeningTrouble | None:
    """Judge the last opening that we asked for. `events`: the newest first; older ones than `since` do not count."""
    told = [each for each in events if each.event == DrawerTold.__name__ and each.at >= since]
    after: HappenedAnswer | None = None
    for each in told:
        match each.data:
            case {"event": "did_not_open"}:
                return "did_not_open"
            case {"event": "opened", "by": "till"}:
                return None
            case {"event": "asked"} if after is not None:
                return "closed_instead" if _closes_within(after, each.at, open_timeout_s) else None
        after = each
    return None


def _closes_within(event: HappenedAnswer, asked: datetime, open_timeout_s: float) -> bool:
    is_closing = isinstance(event.data, dict) and event.data.get("event") == "closed"
    return is_closing and event.at <= asked + timedelta(seconds=open_timeout_s)
