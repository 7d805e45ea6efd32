"""What the event stream tells, and the snapshot that it begins with."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from agent.checkout.state import Api, Level
from agent.kiosk.answer import Answer, SparseAnswer
from agent.kiosk.checkout_answers import CardAnswer, CheckoutAnswer
from agent.till.listener import CardRefusal, DrawerEvent, ScanRefusal

EventName = Literal[
    "snapshot",
    "checkout",
    "scan",
    "card_checked",
    "card_refused",
    "drawer",
    "device",
    "connection",
    "busy",
    "not_recorded",
]
DeviceKind = Literal["scanner", "drawer", "printer"]
Presence = Literal["present", "missing", "lost", "fault"]


class DeviceAnswer(SparseAnswer):
    name: str
    kind: DeviceKind
    state: Presence
    reason: str | None = None


class DrawerLevelAnswer(Answer):
    """What is known of the drawer now. A reader of the stream learns of changes by `drawer` events."""

    drawer: str
    state: Level


class MerchantAnswer(Answer):
    id: str
    name: str | None


class ConnectionAnswer(SparseAnswer):
    """`merchant`: whose till the API takes this for, as it said last; left out until it was asked."""

    api: Api
    since: datetime
    merchant: MerchantAnswer | None = None


class BusyAnswer(Answer):
    busy: bool


class SnapshotAnswer(Answer):
    """Everything that a screen must know to show the right thing; `checkouts` are those that are not over."""

    checkouts: tuple[CheckoutAnswer, ...]
    devices: tuple[DeviceAnswer, ...]
    drawer: DrawerLevelAnswer | None
    connection: ConnectionAnswer
    busy: bool
    recording: bool = Field(description="false while a confirmed payment could not be written: call staff")


class ScanAnswer(SparseAnswer):
    scanner: str
    card: str | None = Field(None, description="masked")
    code: str | None = None
    symbology: str | None = None
    refused: ScanRefusal | None = None


class CardCheckedAnswer(Answer):
    """A card that was scanned while there was no checkout, with its balance. It belongs to no checkout."""

    scanner: str
    card: CardAnswer


class CardRefusedAnswer(Answer):
    scanner: str | None
    reason: CardRefusal


class DrawerAnswer(SparseAnswer):
    drawer: str
    state: Level
    event: DrawerEvent
    by: Literal["till", "register", "key", "unasked"] | None = None
    reason: str | None = None
    asked_by: str | None = Field(None, description="for the operator only")
    checkout: str | None = None
    open_s: float | None = None


class NotRecordedAnswer(Answer):
    """Cash was confirmed and the disk refuses the record: a person must look."""

    checkout: str


EventData = (
    SnapshotAnswer
    | CheckoutAnswer
    | ScanAnswer
    | CardCheckedAnswer
    | CardRefusedAnswer
    | DrawerAnswer
    | DeviceAnswer
    | ConnectionAnswer
    | BusyAnswer
    | NotRecordedAnswer
)
