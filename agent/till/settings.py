"""What the configuration says to a till. Frozen values."""

from dataclasses import dataclass

from agent.card import CardRules
from agent.checkout.evidence_state import DrawerRules
from agent.checkout.offline import OfflineLimits
from agent.checkout.state import Rules


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
