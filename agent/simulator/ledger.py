"""What was executed: the truth that a test asks for. Pure; money is in cents.

One entry is one execution. An answer may have been lost, repeated or wrong; the ledger says what happened. The law of
a till is checked against it: at most one `start` a transaction, for the amount that was shown.
"""

from dataclasses import dataclass, field
from typing import Literal

from agent.simulator.cards import Movement

Kind = Literal["start", "cancel", "cancelTrx"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """`amount` was paid through `method` beside the card; `sum` is the basket's. A reversal has the signs turned."""

    number: int
    kind: Kind
    transaction: str
    merchantRef: str | None
    method: str
    sum: int
    amount: int
    movement: Movement
    card: str | None = field(repr=False)
    request: int  # the number of the request that caused it
    at: float  # seconds since 1970
    reverses: int | None = None
