"""What is known of one checkout. Values only: `agent/checkout/table.py` says how they change.

One checkout is one row of the journal, written as JSON, so nothing here holds a card number: `Card.number` is the
masked one. Money is integer cents. Fields that end in `_s` are monotonic seconds of the running process; they are set
anew after a restart. Times for people are `datetime`s with an offset.
Nothing here has slots: agent/checkout/replacing.py.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

Json = dict[str, object]
Method = Literal["cash", "loyalty", "cashless"]
Api = Literal["online", "offline", "not_authorised"]
Level = Literal["open", "closed", "unknown"]
Confirmation = Literal["drawer-closed", "drawer-opened", "paid-message", "operator"]
Trouble = Literal["lost", "did_not_open", "closed_too_soon", "unknown", "not_asked", "message_torn"]
Outcome = Literal["executed", "not_executed", "refunded"]
Call = Literal["check_card", "create", "update", "pre_transaction", "read", "start", "cancel"]
Kind = Literal["sale", "reversal"]
CancelCall = Literal["cancel", "cancelTrx"]


class Phase(StrEnum):
    """Where a checkout stands."""

    DRAFT = "draft"  # basket and card may change; nothing is needed from the API
    APPLYING = "applying"  # the transaction is being created whole and, if wanted, the balance applied
    DUE = "due"  # the amount due is known and shown; nothing is booked
    AWAITING_CASH = "awaiting_cash"  # cash for exactly this amount is expected
    CONFIRMED = "confirmed"  # the cash is confirmed and durable; start was certainly not sent yet
    STARTING = "starting"  # start was or may have been sent
    UNSURE = "unsure"  # it was sent and no usable answer came; being asked
    ATTENTION = "attention"  # money was or may have been taken and the agent must not go on by itself
    COMPLETED = "completed"  # executed; the receipt is here
    CANCELLED = "cancelled"  # given up before any confirmation
    FAILED = "failed"  # refused, no money taken, nothing to go on with
    RESOLVED = "resolved"  # a person closed it; never counted as executed


FINAL = frozenset({Phase.COMPLETED, Phase.CANCELLED, Phase.FAILED, Phase.RESOLVED})


AT_TERMINAL_S = 150.0
"""So long somebody may take at the terminal: we wait so long for the answer, and the API may go on without us as long
(it blocks for a terminal; SDKs wait 120 s, smart-api 1.3)."""
STALE_READ_S = 5.0
"""No read is taken to be staler than this: added to the late window before a read proves anything."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What the configuration says about a checkout; taken over when it is created and after a restart."""

    confirmed_by: tuple[Confirmation, ...] = ("drawer-closed",)
    late_window_s: float = 60.0
    at_terminal_s: float = AT_TERMINAL_S
    stale_read_s: float = STALE_READ_S
    idle_s: float = 120.0


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What the till knows beyond this one checkout at the moment an event is taken; written beside the event."""

    now_s: float
    wall: datetime
    api: Api = "online"
    drawer: Level = "unknown"
    room: bool = True  # on the disk, held back for a confirmation
    offline_refusal: str | None = None  # why no cash may be taken offline now; None: it may
    card_waiting: bool = False  # another checkout with this card has taken money and is not finished
    front_taken: bool = False  # another customer is served, or was since this one waits for the start
    cash_awaited: bool = False  # another checkout awaits its cash: whatever the drawer does is told of that one
    balance_in_use: bool = False  # another checkout shows, or asks for, an amount that this one's card lowers
    end_of_day: datetime | None = None  # what the terminal was sent up to then may be of a closed day
    reversal_over: bool = False  # the reversal of this checkout came to its end without having reversed it


@dataclass(frozen=True, kw_only=True)
class Basket:
    """Product lines as the kiosk sent them, with the API's names; passed through unchanged."""

    products: tuple[Json, ...] = ()
    currency: str = "EUR"
    told_sum: int | None = None  # as the API told it, of a basket that another program sent

    @property
    def sum(self) -> int:
        """The total in cents: what the API asks for as `basket_info.sum`. Never shown as the amount due."""
        if self.told_sum is not None:
            return self.told_sum
        return sum(_cents(line, "priceOne") * _cents(line, "quantity") for line in self.products)


def _cents(line: Json, key: str) -> int:
    value = line[key]
    if not isinstance(value, int):
        raise TypeError(f"{key} must be a whole number")
    return value


@dataclass(frozen=True, kw_only=True)
class Card:
    """The customer's card as far as it may be shown. None means: not known (yet)."""

    number: str  # masked
    valid: bool | None = None
    locked: bool | None = None
    balance: int | None = None

    @property
    def refused(self) -> Literal["invalid", "locked"] | None:
        if self.valid is False:
            return "invalid"
        return "locked" if self.locked else None


@dataclass(frozen=True, kw_only=True)
class ReceiptLines:
    """The API's receipt lines as they came, the card number masked."""

    customer: tuple[Json, ...] = ()
    merchant: tuple[Json, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TransactionFacts:
    """What an answer of the API says about a transaction, as far as we keep it. None: it does not say."""

    id: str
    status: str
    sum: int | None = None
    missing_sum: int | None = None
    updated: str | None = None
    card: Card | None = None
    products: tuple[Json, ...] = ()
    currency: str | None = None
    merchantRef: str | None = None
    transactionRef: str | None = None
    receipt: ReceiptLines = ReceiptLines()
    trans_id: str | None = None
    receipt_number: str | None = None


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """The smart.transaction of this checkout, as it was when its amount was shown."""

    id: str
    status: str
    sum: int | None = None
    missing_sum: int | None = None
    updated: str | None = None
    card_number: str | None = None  # masked
    read_status: str | None = None  # what was said of it when its last start or cancel ended
    start_sent: bool = False  # a start was or may have been sent: never aborted, never replaced unread


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Why we believe that the cash is in the drawer."""

    kind: Confirmation
    amount: int
    at: datetime
    open_s: float | None = None  # how long the drawer was open
    by: str | None = None  # the operator's name


@dataclass(frozen=True, kw_only=True)
class Payment:
    """The payment that was asked for: this method, and exactly this amount (cents)."""

    method: Method
    amount: int
    drawer_trouble: Trouble | None = None  # why the drawer cannot confirm
    drawer_seen_open: bool = False
    interrupted: bool = False  # the agent was restarted while the cash was awaited
    evidence: Evidence | None = None


@dataclass(frozen=True, kw_only=True)
class Asking:
    """The one request whose answer this checkout waits for. An answer with another number came too late."""

    call: Call
    number: int


@dataclass(frozen=True, kw_only=True)
class Pursuit:
    """How far the question is whether a start was executed."""

    ends_s: float  # the late window: before this a request without an answer may still be carried out
    next_read_s: float | None  # None while a read is under way
    reads: int = 0


@dataclass(frozen=True, kw_only=True)
class ApiProblem:
    """The API's own words about a refusal; `error_user` is the text for people."""

    error: str | None = None
    error_details: str | None = None
    error_user: str | None = None
    code: str | None = None
    supportId: str | None = None


@dataclass(frozen=True, kw_only=True)
class Resolution:
    """How a person closed a checkout that needed attention."""

    outcome: Outcome
    note: str
    by: str


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """A transaction that a register created: which, and what it says is due (cents)."""

    transaction_id: str
    amount_due: int


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """What a reversal takes back, who asked for it, and how the API is asked."""

    reverses: str
    reason: str
    by: str
    call: CancelCall
    receipt_number: int | None = None  # of the terminal's payment
    open_drawer: bool = False  # while the person who asked stands there


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """One checkout, from the first product line to its end."""

    id: str
    created: datetime
    updated: datetime
    rules: Rules
    touched_s: float  # the last act of a person: an abandoned draft is cleared by this
    phase: Phase = Phase.DRAFT
    reason: str | None = None  # why it stands in this phase, where that is not the usual course
    merchantRef: str | None = None
    transactionRef: str | None = None
    basket: Basket = Basket()
    card: Card | None = None
    use_balance: bool = False
    wanted: Payment | None = None  # pay came before the amount was known: goes on when it is this amount
    transaction: Transaction | None = None
    amount_due: int | None = None
    amount_shown_s: float = 0.0
    bonus_products: tuple[Json, ...] = ()
    payment: Payment | None = None
    asking: Asking | None = None
    requests: int = 0  # numbers the requests of this checkout
    creates: int = 0  # transactions created for the present question, successful or not
    started_s: float | None = None  # since when the customer waits for the start; None: nobody does
    start_number: int = 1  # makes the X-Action id: a new one after any usable answer
    refusals: int = 0  # of start, in a row, with the same error
    pursuit: Pursuit | None = None
    waiting_since: datetime | None = None  # money was taken and the booking is not done
    error: ApiProblem | None = None
    receipt: ReceiptLines = ReceiptLines()
    trans_id: str | None = None
    receipt_number: str | None = None
    resolution: Resolution | None = None
    handed_over: HandedOver | None = None
    reversal: Reversal | None = None
    reversed_by: str | None = None  # the checkout that takes this one back

    @property
    def kind(self) -> Kind:
        return "sale" if self.reversal is None else "reversal"

    @property
    def final(self) -> bool:
        return self.phase in FINAL

    @property
    def action_id(self) -> str:
        """The X-Action of the next or present start: the same one while its outcome is unknown."""
        return f"{self.id}.{self.start_number}"
