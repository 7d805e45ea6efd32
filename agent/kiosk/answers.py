"""The shapes of everything that the local interface answers and tells; the OpenAPI document is made from them.

Money is integer cents, times for people are ISO 8601 with an offset, spans are seconds. No shape has room for a whole
card number.
"""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.checkout_state import Api, CancelCall, Confirmation, Json, Kind, Level, Method, Outcome, Phase
from agent.listener import CardRefusal, DrawerEvent, ScanRefusal
from agent.receipts import ReceiptCopy

Act = Literal["basket", "card", "apply", "pay", "cancel", "confirm", "retry", "resolve", "reverse"]
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
ReceiptLine = Annotated[Json, Field(description="a line as the API gives it: separator, textline, name-value, space")]


class Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def as_json(self) -> bytes:
        return self.model_dump_json().encode()


class _Sparse(Answer):
    """Leaves out what it has nothing to say about."""

    def as_json(self) -> bytes:
        nothing = {name for name in type(self).model_fields if getattr(self, name) is None}
        return self.model_dump_json(exclude=nothing).encode()


class BasketAnswer(Answer):
    products: tuple[Json, ...]


class BasketInfo(Answer):
    sum: int = Field(description="cents; never the amount due")
    currency: str


class CardAnswer(Answer):
    """The customer's card. Null means: not known (yet)."""

    number: str = Field(description="masked")
    valid: bool | None
    locked: bool | None
    balance: int | None = Field(description="cents")


class Split(Answer):
    """How the sum is paid, in cents: in cash, from the card, by bonus lines, at the card terminal."""

    cash: int
    card: int
    bonus: int
    terminal: int


class EvidenceAnswer(Answer):
    """Why the cash is believed to be in the drawer."""

    kind: Confirmation
    amount: int
    at: datetime
    open_s: float | None
    by: str | None


class ErrorAnswer(Answer):
    """The API's own words; `error_user` is the text for people."""

    error: str | None
    error_details: str | None
    error_user: str | None
    code: str | None
    supportId: str | None


class ResolutionAnswer(Answer):
    """How a person closed a checkout that needed attention."""

    outcome: Outcome
    note: str
    by: str


class ReversalAnswer(Answer):
    """Who takes a checkout back and why, and which call of the API does it."""

    reason: str
    by: str
    call: CancelCall


class CheckoutAnswer(Answer):
    """One checkout as it stands in the journal."""

    id: str
    kind: Kind
    phase: Phase
    reason: str | None = Field(description="why it stands in this phase, where that is not the usual course")
    merchantRef: str | None
    transactionRef: str | None
    transaction_id: str | None
    basket: BasketAnswer
    basket_info: BasketInfo
    card: CardAnswer | None
    use_balance: bool
    bonus_products: tuple[Json, ...]
    amount_due: int | None = Field(description="cents, as the API answered it; null until it is known")
    split: Split | None = Field(description="null until the amount due is known")
    method: Method | None
    evidence: EvidenceAnswer | None
    drawer_trouble: str | None = Field(description="why the drawer cannot confirm this payment: a person is needed")
    interrupted: bool = Field(description="the agent was restarted while the cash was awaited")
    waiting_since: datetime | None = Field(description="money was taken and the booking is not done")
    error: ErrorAnswer | None
    trans_id: str | None
    receipt_number: str | None
    receipts: tuple[ReceiptCopy, ...]
    resolution: ResolutionAnswer | None
    handed_over: bool = Field(description="a register created the transaction: nothing of it is changed here")
    reverses: str | None = Field(description="of a reversal: the checkout that it takes back")
    reversed_by: str | None = Field(description="the reversal of this checkout; how it stands is told there")
    reversal: ReversalAnswer | None = Field(description="of a reversal: who asked for it, and why")
    allowed: tuple[Act, ...] = Field(description="what the caller's role may ask for now")
    created: datetime
    updated: datetime


class CheckoutList(Answer):
    checkouts: tuple[CheckoutAnswer, ...]


class ReceiptAnswer(Answer):
    lines: tuple[ReceiptLine, ...]


class DeviceAnswer(_Sparse):
    name: str
    kind: DeviceKind
    state: Presence
    reason: str | None = None


class DrawerLevelAnswer(Answer):
    """What is known of the drawer now. A reader of the stream learns of changes by `drawer` events."""

    drawer: str
    state: Level


class DeviceList(Answer):
    devices: tuple[DeviceAnswer, ...]
    drawer: DrawerLevelAnswer | None = Field(description="null without a drawer")


class ConnectionAnswer(Answer):
    api: Api
    since: datetime


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


class ScanAnswer(_Sparse):
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


class DrawerAnswer(_Sparse):
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


class HealthAnswer(_Sparse):
    """`reasons`, and `warnings` that keep nobody from selling, are left out for a caller who is not known."""

    ready: bool
    reasons: tuple[str, ...] | None = None
    warnings: tuple[str, ...] | None = None


class TicketAnswer(Answer):
    """A one-time address that logs the screen's browser in."""

    url: str = Field(repr=False)
    valid_s: float


class FieldProblem(Answer):
    field: str
    message: str


class TerminalAnswer(Answer):
    """What the card terminal was asked to do, as the API tracks it; `receipt` and `merchant_receipt` are its report."""

    transaction_id: str
    status: str
    receipt: tuple[ReceiptLine, ...]
    merchant_receipt: tuple[ReceiptLine, ...]


class ProblemAnswer(_Sparse):
    """An RFC 9457 problem document. `type` is stable; programs decide by it alone."""

    type: str
    title: str
    status: int
    detail: str | None = None
    checkout: CheckoutAnswer | None = None
    error: ErrorAnswer | None = None
    problems: tuple[FieldProblem, ...] | None = None


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


class SumAnswer(Answer):
    """How many, and how many cents together."""

    count: int
    cents: int


class HourAnswer(Answer):
    """The cash that was confirmed within an hour."""

    begin: datetime
    confirmed: SumAnswer


class TotalsAnswer(Answer):
    """The money of one currency: what was `confirmed` is `booked`, `waiting` or `resolved`."""

    currency: str
    confirmed: SumAnswer = Field(description="cash that was confirmed on this day")
    booked: SumAnswer = Field(description="of it: executed by the API")
    waiting: SumAnswer = Field(description="of it: not booked yet")
    resolved: SumAnswer = Field(description="of it: closed by a person")
    refunded: SumAnswer = Field(description="given back by a person who closed a checkout on this day")
    reversed: SumAnswer = Field(description="given back by a reversal that was executed on this day")
    drawer: int = Field(description="cents by which the drawer must be fuller than at the beginning of the day")
    cashless: SumAnswer
    loyalty: SumAnswer = Field(description="paid without anything due")
    hours: tuple[HourAnswer, ...]


class OpeningAnswer(Answer):
    """The drawer opened."""

    at: datetime
    by: str | None
    reason: str | None
    asked_by: str | None
    checkout: str | None
    open_s: float | None
    without_sale: bool


class ReportAnswer(Answer):
    """One day of the till."""

    day: date
    begin: datetime
    end: datetime
    totals: tuple[TotalsAnswer, ...] = Field(description="one for each currency; empty: nothing was paid")
    openings: tuple[OpeningAnswer, ...]
    openings_without_sale: int


class HappenedAnswer(Answer):
    """One event: when, what, with which facts, and where its checkout stood after it."""

    checkout: str | None
    at: datetime
    event: str
    data: Json
    phase: Phase | None
    reason: str | None


class HistoryAnswer(Answer):
    """What happened: to one checkout, in order; or to all, the newest first."""

    events: tuple[HappenedAnswer, ...]
