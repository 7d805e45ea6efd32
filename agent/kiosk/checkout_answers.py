"""What the local interface answers about checkouts."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from agent.checkout.receipts import ReceiptCopy
from agent.checkout.state import CancelCall, Confirmation, Json, Kind, Method, Outcome, Phase, Trouble
from agent.kiosk.answer import Answer

Act = Literal["basket", "card", "apply", "pay", "cancel", "confirm", "retry", "resolve", "reverse"]
ReceiptLine = Annotated[Json, Field(description="a line as the API gives it: separator, textline, name-value, space")]


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
    by: str | None = Field(description="who confirmed it; for the operator only")


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
    note: str | None = Field(description="for the operator only")
    by: str | None = Field(description="for the operator only")


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
    drawer_trouble: Trouble | None = Field(description="why the drawer cannot confirm this payment: a person is needed")
    interrupted: bool = Field(description="the agent was restarted while the cash was awaited")
    waiting_since: datetime | None = Field(description="money was taken and the booking is not done")
    idle_s: float | None = Field(
        description="a person's act is awaited: without one it is given up so many seconds after the last; ask before"
    )
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
