"""What the configuration says to a till, and what a screen asks of it. Frozen values."""

from dataclasses import dataclass
from datetime import datetime

from agent.card import CardRules
from agent.checkout.effects import Effect
from agent.checkout.evidence_state import DrawerRules
from agent.checkout.offline import OfflineLimits
from agent.checkout.state import Basket, Checkout, Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class TillSettings:
    """The configuration, as far as the till decides by it.

    `forwarding`: scanners whose other codes are shown. `show_balance`: of a card that is scanned without a checkout.
    A card that the same reader reads again within `repeated_within_s` counts once.
    `provisional_after_s`: how long a customer waits for the booking before a provisional receipt; None: for ever.
    """

    rules: Rules
    offline: OfflineLimits
    cards: CardRules
    drawer: DrawerRules
    forwarding: frozenset[str] = frozenset()
    show_balance: bool = False
    repeated_within_s: float = 2.0
    provisional_after_s: float | None = None


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
