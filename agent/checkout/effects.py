"""What a checkout makes the till do, once the change is durable. Frozen values, no behaviour."""

from dataclasses import dataclass

from agent.checkout.state import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckCard:
    """Until answered: whether this card is valid or locked, and what is on it."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTransaction:
    """Until answered: one POST with basket and card."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateTransaction:
    """Until answered: one PUT with basket and card."""

    number: int
    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyBalance:
    """Until answered: preTransaction."""

    number: int
    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTransaction:
    """Until answered."""

    number: int
    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTransaction:
    """Never blind: sent again only when a read has proved that it was not executed."""

    number: int
    transaction_id: str
    method: Method
    action_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTransaction:
    """Never blind, as a start: takes an executed transaction back."""

    number: int
    transaction_id: str
    action_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTerminalPayment:
    """Never blind, as a start: the terminal takes the payment with this receipt number back."""

    number: int
    transaction_id: str
    receipt_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortTransaction:
    """Best effort, never when a start may have been sent."""

    transaction_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDrawer:
    """At most once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenDrawerToRefund:
    """At most once: for the person who reverses a payment."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginReversal:
    """At most once, in the same commit: the reversal that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintReceipt:
    """At most once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SendBooked:
    """At most once: tells the other side of the line that the payment is booked."""


Effect = (
    CheckCard
    | CreateTransaction
    | UpdateTransaction
    | ApplyBalance
    | ReadTransaction
    | StartTransaction
    | CancelTransaction
    | CancelTerminalPayment
    | AbortTransaction
    | OpenDrawer
    | OpenDrawerToRefund
    | BeginReversal
    | PrintReceipt
    | SendBooked
)
