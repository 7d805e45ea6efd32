"""What the event stream tells, and the snapshot that it begins with."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from agent.checkout.evidence_state import OpenedBy
from agent.checkout.state import Api, Level, Phase
from agent.kiosk.answer import Answer, SparseAnswer
from agent.kiosk.checkout_answers import CardAnswer, CheckoutAnswer
from agent.till.listener import CardRefusal, DrawerEvent, ScanRefusal, UnexpectedThing
from device.interface import DeviceKind, Presence

EventName = Literal[
    "snapshot",
    "checkout",
    "scan",
    "card_checked",
    "card_refused",
    "drawer",
    "drawer_level",
    "device",
    "connection",
    "busy",
    "not_recorded",
    "unexpected",
]


class DeviceAnswer(SparseAnswer):
    name: str
    kind: DeviceKind
    state: Presence
    reason: str | None = None


class DrawerLevelAnswer(Answer):
    """What is known of the drawer now, whatever caused it."""

    drawer: str
    state: Level


class MerchantAnswer(Answer):
    id: str
    name: str | None


class ConnectionAnswer(SparseAnswer):
    """`merchant`: whose till the API takes this for, as it said last. It stands in a snapshot, once it was asked; what
    tells a change, and the state that a fleet is told, leave it out.
    """

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
    by: OpenedBy | None = None
    reason: str | None = None
    asked_by: str | None = Field(None, description="for the operator only")
    checkout: str | None = None
    open_s: float | None = None


class NotRecordedAnswer(Answer):
    """Cash was confirmed and the disk refuses the record: a person must look."""

    checkout: str


class UnexpectedAnswer(SparseAnswer):
    """Nothing waited for it: a machine says that cash is in, or the API answers about a checkout that is over.

    It changes no checkout.
    """

    what: UnexpectedThing
    contradicts: bool = Field(description="by it money is elsewhere than the till has it: a person must look")
    amount: int | None = Field(None, description="cents, as the machine says; left out where it names none")
    checkout: str | None = None
    phase: Phase | None = Field(None, description="of the checkout, when this came")
    status: str | None = Field(None, description="of the transaction, as the API says")


EventData = (
    SnapshotAnswer
    | CheckoutAnswer
    | ScanAnswer
    | CardCheckedAnswer
    | CardRefusedAnswer
    | DrawerAnswer
    | DrawerLevelAnswer
    | DeviceAnswer
    | ConnectionAnswer
    | BusyAnswer
    | NotRecordedAnswer
    | UnexpectedAnswer
)
