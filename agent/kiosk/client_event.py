"""One event of the stream, as a client gets it: its name, and its data in the shape that belongs to the name."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import TypeAdapter

from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.event_answers import (
    BusyAnswer,
    CardCheckedAnswer,
    CardRefusedAnswer,
    ConnectionAnswer,
    DeviceAnswer,
    DrawerAnswer,
    EventData,
    EventName,
    NotRecordedAnswer,
    ScanAnswer,
    SnapshotAnswer,
)

DATA: Mapping[EventName, type[EventData]] = {
    "snapshot": SnapshotAnswer,
    "checkout": CheckoutAnswer,
    "scan": ScanAnswer,
    "card_checked": CardCheckedAnswer,
    "card_refused": CardRefusedAnswer,
    "drawer": DrawerAnswer,
    "device": DeviceAnswer,
    "connection": ConnectionAnswer,
    "busy": BusyAnswer,
    "not_recorded": NotRecordedAnswer,
}
_NAME: TypeAdapter[EventName] = TypeAdapter(EventName)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event of the stream. `id` is None for what is state and no journal entry: devices, connection, busy."""

    name: EventName
    data: EventData
    id: str | None


def event_of(fields: Mapping[str, str]) -> Event:
    """Understand the fields of a server-sent event."""
    name = _NAME.validate_python(fields["event"])
    return Event(name=name, data=DATA[name].model_validate_json(fields["data"]), id=fields.get("id"))
