"""What a screen or register wants to sell, and the draft that it begins. Pure."""

from dataclasses import dataclass
from datetime import datetime

from agent.checkout.effects import Effect
from agent.checkout.state import Basket, Checkout, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a screen or register wants to sell."""

    basket: Basket
    merchantRef: str | None = None
    transactionRef: str | None = None

    def begin(
        self, checkout_id: str, rules: Rules, now_s: float, wall: datetime
    ) -> tuple[Checkout, tuple[Effect, ...]]:
        """Return the draft that this order begins; nothing is asked for it yet."""
        draft = Checkout(
            id=checkout_id,
            created=wall,
            updated=wall,
            rules=rules,
            touched_s=now_s,
            basket=self.basket,
            merchantRef=self.merchantRef,
            transactionRef=self.transactionRef,
        )
        return draft, ()
