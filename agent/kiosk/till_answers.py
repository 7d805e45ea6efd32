"""What the local interface answers about the till: its devices, health, terminal, the ticket of a page."""

from pydantic import Field

from agent.kiosk.answer import Answer, SparseAnswer
from agent.kiosk.checkout_answers import ReceiptLine
from agent.kiosk.event_answers import DeviceAnswer, DrawerLevelAnswer


class DeviceList(Answer):
    devices: tuple[DeviceAnswer, ...]
    drawer: DrawerLevelAnswer | None = Field(description="null without a drawer")


class HealthAnswer(SparseAnswer):
    """`reasons`, and `warnings` that keep nobody from selling, are left out for a caller who is not known."""

    ready: bool
    reasons: tuple[str, ...] | None = None
    warnings: tuple[str, ...] | None = None


class TicketAnswer(Answer):
    """A one-time address that logs the browser of the screen, or of the operator, in."""

    url: str = Field(repr=False)
    valid_s: float


class TerminalAnswer(Answer):
    """What the card terminal was asked to do, as the API tracks it; `receipt` and `merchant_receipt` are its report."""

    transaction_id: str
    status: str
    receipt: tuple[ReceiptLine, ...]
    merchant_receipt: tuple[ReceiptLine, ...]
