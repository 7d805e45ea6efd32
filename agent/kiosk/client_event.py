"""One event of the stream, as a client gets it: its name, and its data in the shape that belongs to the name."""

from collections.abc import Mapping
from dataclasses import dataclass

from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.event_answers import (
    BusyAnswer,
    CardCheckedAnswer,
    CardRefusedAnswer,
    ConnectionAnswer,
    DeviceAnswer,
    DrawerAnswer,
    DrawerLevelAnswer,
    EventData,
    EventName,
    NotRecordedAnswer,
    ScanAnswer,
    SnapshotAnswer,
    UnexpectedAnswer,
)

DATA: Mapping[EventName, type[EventData]] = {
    "snapshot": SnapshotAnswer,
    "checkout": CheckoutAnswer,
    "scan": ScanAnswer,
    "card_checked": CardCheckedAnswer,
    "card_refused": CardRefusedAnswer,
    "drawer": DrawerAnswer,
    "drawer_level": DrawerLevelAnswer,
    "device": DeviceAnswer,
    "connection": ConnectionAnswer,
    "busy": BusyAnswer,
    "not_recorded": NotRecordedAnswer,
    "unexpected": UnexpectedAnswer,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the stream. `id` is None for what is state and no journal entry, as a device."""

    name: EventName
    data: EventData
    id: str | None


def event_of(fields: Mapping[str, str]) -> Event | None:
    """Understand the fields of a server-sent event; None: a later agent has it, and this client does not know it."""
    name = next((known for known in DATA if known == fields["event"]), None)
    if name is None:
        return None
    return Event(name=name, data=DATA[name].model_validate_json(fields["data"]), id=fields.get("id"))
