"""Which receipts are printed without being asked for: the booked one, and a provisional one while the booking takes.

Paper is for the customer who stands there. Nobody is handed the receipt of the one before, and none is left hanging out
of the printer: who has gone gets theirs when they ask for it. So nothing here outlives the process.
"""

from collections.abc import Coroutine
from typing import Protocol

from agent.checkout.receipts import owes_receipt
from agent.checkout.standing_guards import customer_is_gone
from agent.checkout.state import Checkout, Phase
from agent.till.open_checkouts import Kept, OpenCheckouts
from agent.till.outlets import Outlets


class ReceiptTill(Protocol):
    """What the desk needs of its till."""

    def now_s(self) -> float: ...
    def spawn(self, work: Coroutine[None, None, None]) -> None: ...


class ReceiptDesk:
    """Everything here runs as a job of the till. `provisional_after_s`: None where none is printed by itself."""

    def __init__(
        self, till: ReceiptTill, open_checkouts: OpenCheckouts, outlets: Outlets, provisional_after_s: float | None
    ) -> None:
        self._till = till
        self._open = open_checkouts
        self._outlets = outlets
        self._provisional_after_s = provisional_after_s

    def booked(self, kept: Kept) -> None:
        if self._customer_is_there(kept, kept.checkout):
            self._till.spawn(self._outlets.print_receipt(kept.checkout))

    def moved(self, kept: Kept, before: Checkout) -> None:
        """Cash that cannot be booked now: the customer need not wait to learn that."""
        if kept.checkout.phase is not Phase.CONFIRMED or before.phase is Phase.CONFIRMED:
            return
        if before.phase is Phase.AWAITING_CASH or self._customer_is_there(kept, before):
            self._give_provisional(kept)

    def wake_at(self, kept: Kept) -> float | None:
        """When, in monotonic seconds, it is time for a provisional receipt; None: not, or not any more."""
        since = kept.checkout.started_s
        if self._provisional_after_s is None or since is None or kept.provisional or not owes_receipt(kept.checkout):
            return None
        return since + self._provisional_after_s

    def time_passed(self) -> None:
        for kept in self._open:
            at = self.wake_at(kept)
            if at is not None and self._till.now_s() >= at:
                if self._customer_is_there(kept, kept.checkout):
                    self._give_provisional(kept)
                kept.provisional = True

    def _give_provisional(self, kept: Kept) -> None:
        if self._provisional_after_s is not None and not kept.provisional:
            kept.provisional = True
            self._till.spawn(self._outlets.print_provisional(kept.checkout))

    def _customer_is_there(self, kept: Kept, checkout: Checkout) -> bool:
        """Somebody waits for the start of this checkout, and nobody else is being served."""
        now_s, since = self._till.now_s(), checkout.started_s
        return since is not None and not self._open.front_taken(kept, now_s) and not customer_is_gone(since, now_s)
