"""What a loyalty card is to the server, and which cards the simulated world has. Pure; money is in cents."""

from dataclasses import dataclass, field, replace
from typing import Literal

StockStatus = Literal["active", "inactive", "stored"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A merchant card. Times are seconds since 1970."""

    number: str = field(repr=False)
    merchantcard_id: str
    card_id: str
    cash_balance: int = 0
    bonus_balance: int = 0
    points: int = 0
    locked: bool = False
    stock_status: StockStatus = "active"
    csc: str | None = field(default=None, repr=False)
    created: float
    last_usage: float | None = None
    last_charge: float | None = None
    has_customer: bool = False

    @property
    def balance(self) -> int:
        return self.cash_balance + self.bonus_balance


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What one booking does to a card; a reversal is the same with the signs turned."""

    redeemed: int = 0
    bonus_redeemed: int = 0
    charged: int = 0
    discharged: int = 0

    def reversed(self) -> "Movement":
        return Movement(
            redeemed=-self.redeemed,
            bonus_redeemed=-self.bonus_redeemed,
            charged=-self.charged,
            discharged=-self.discharged,
        )


def moved(card: Card, movement: Movement, now: float) -> Card:
    """The card after the movement; charging a card of the stock brings it into use."""
    charged = movement.charged > 0
    return replace(
        card,
        cash_balance=card.cash_balance + movement.charged - movement.redeemed - movement.discharged,
        bonus_balance=card.bonus_balance - movement.bonus_redeemed,
        stock_status="active" if charged else card.stock_status,
        last_usage=now,
        last_charge=now if charged else card.last_charge,
    )


def can_bear(card: Card, movement: Movement) -> bool:
    """Whether the card holds what is taken off it now; what the movement adds does not count."""
    taken = max(0, movement.redeemed) + max(0, movement.discharged) + max(0, -movement.charged)
    return card.cash_balance >= taken and card.bonus_balance >= max(0, movement.bonus_redeemed)
