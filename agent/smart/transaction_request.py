"""What create and update send: always the whole transaction, because an update without basket removes it."""

from dataclasses import dataclass

from pydantic_core import to_json

from agent.card import CardNumber
from agent.smart.errors import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionRequest:
    """A basket with its sum (cents) and, if the customer has one, the card.

    `products` go through as they are, with the API's names. `sum` must be the total of all lines; the API says what is
    due, not we. `intent` is `sale` for payments at a card terminal (smart-api.md 3.1).
    """

    products: tuple[JsonObject, ...]
    sum: int
    currency: str
    card: CardNumber | None = None
    merchantRef: str | None = None
    transactionRef: str | None = None
    is_demo: bool = False
    intent: str | None = None

    def body(self) -> bytes:
        """Return the JSON text. Without a card `idents` is there and empty, so that an update takes a card away."""
        references = {"merchantRef": self.merchantRef, "transactionRef": self.transactionRef, "intent": self.intent}
        return to_json(
            {
                "is_demo": self.is_demo,
                "idents": [{"type": "card", "value": self.card.value}] if self.card else [],
                "basket": {"products": self.products},
                "basket_info": {"sum": self.sum, "currency": self.currency},
                **{name: value for name, value in references.items() if value is not None},
            }
        )
