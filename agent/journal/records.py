"""What is handed to the journal and what comes back. Frozen values."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from agent.card import CardNumber
from agent.checkout.state import Checkout, Json, Situation

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


class CardRow(Enum):
    """What becomes of the stored card number, where no other one is given."""

    KEPT = "kept"
    WIPED = "wiped"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyKey:
    """The `Idempotency-Key` of a request, with a digest of what was asked. Each key is committed once."""

    key: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event and all that it changes: written together or not at all.

    `checkout` is the state after the event, None for what concerns no checkout (the drawer opened without a sale).
    `before` is the value that `step` was given; None for a new checkout. With `before` only what differs is stored.
    At a final phase the card number is wiped whatever `card` says.
    """

    event: "DataclassInstance"
    situation: Situation
    checkout: Checkout | None = None
    before: Checkout | None = None
    card: CardNumber | CardRow = CardRow.KEPT
    idempotency: IdempotencyKey | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event as the journal has it. `kind` is the class of the event, `data` its fields (long ones left out).

    `checkout` is the checkout as it was after this event, whatever happened since.
    """

    sequence: int
    checkout_id: str | None
    kind: str
    at: datetime
    data: Json
    situation: Json
    checkout: Checkout | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCheckout:
    """A checkout that is not final, with the card number that goes with it."""

    checkout: Checkout
    card: CardNumber | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredRequest:
    """What a request with this `Idempotency-Key` asked, and which checkout it was about (None: none)."""

    digest: str
    checkout_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What leaves the journal together: a finished checkout with its events, or one event without a checkout."""

    checkout: Checkout | None
    events: tuple[StoredEvent, ...]
