"""What the simulated server holds: transactions, cards, the ledger. Pure.

It has no clock and makes no ids of its own: times come in with each call, ids from a sequence. `lifecycle.py`
and `payments.py` change it; `calls.py` puts it behind the paths of the API. Transactions and cards are frozen values
that are replaced whole, so an older state of one can be kept and read (`stale-read-seconds`).
"""

from dataclasses import dataclass, field, replace
from typing import Final, Literal

from agent.simulator.cards import Card
from agent.simulator.identifiers import Identifiers
from agent.simulator.ledger import Booking
from agent.simulator.orders import Order, Product
from agent.simulator.refusals import unknown
from agent.simulator.switches import Switches
from agent.simulator.world import World

Status = Literal["created", "processing", "ok", "failed", "cancelled", "canceled", "aborted", "timeout"]

OPEN: Final = frozenset({"created", "processing"})
"""The statuses of a transaction that is not executed and still can be."""

FIRST_TRANS_ID: Final = 29187332  # the TA code that the seed page prints
FIRST_RECEIPT_NUMBER: Final = 3  # the Beleg-Nr. that the SmartZVT guide prints
_MAX_TRANSACTIONS: Final = 10_000  # the oldest are forgotten then; about 11 KB each


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What preTransaction took into account. Nothing of it is booked."""

    cash: int
    bonus: int
    products: tuple[Product, ...]

    @property
    def total(self) -> int:
        return self.cash + self.bonus


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What a successful start, or a terminal's report, left in the transaction."""

    method: str
    trans_id: int
    loyalty_id: str | None = None
    missing_sum: int | None = None
    receipt: tuple[dict[str, object], ...] = field(default=(), repr=False)
    receipt_merchant: tuple[dict[str, object], ...] = field(default=(), repr=False)
    receipt_number: int | None = None
    answered_card: Card | None = None  # as the answer of the start shows it


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One smart transaction. `running` is the method of a start that is being executed."""

    id: str
    created: float
    device: str | None
    order: Order = field(repr=False)
    updated: float | None = None
    status: Status = "created"
    applied: Applied | None = None
    running: str | None = None
    execution: Execution | None = None

    @property
    def missing_sum(self) -> int | None:
        """What is left to pay; None before preTransaction."""
        if self.execution:
            return self.execution.missing_sum
        return self.order.payable - self.applied.total if self.applied else None

    @property
    def products(self) -> list[Product]:
        return [*self.order.products, *(self.applied.products if self.applied else ())]


@dataclass(slots=True)
class State:
    """The server's memory."""

    world: World
    switches: Switches
    identifiers: Identifiers
    cards: dict[str, Card] = field(init=False, repr=False)
    transactions: dict[str, Transaction] = field(default_factory=dict)
    bookings: list[Booking] = field(default_factory=list)  # kept whole: it is what a long test is for
    next_trans_id: int = FIRST_TRANS_ID
    next_receipt_number: int = FIRST_RECEIPT_NUMBER
    closed_receipt_number: int = FIRST_RECEIPT_NUMBER - 1  # the last one before an end-of-day report
    closed_booking: int = 0
    _earlier: dict[str, list[tuple[float, Transaction]]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.cards = {card.number: card for card in self.world.cards}

    def put(self, transaction: Transaction, now: float) -> Transaction:
        """Stores the transaction as it is from now on."""
        self.transactions[transaction.id] = transaction
        self._remember(transaction, now)
        if len(self.transactions) > _MAX_TRANSACTIONS:
            oldest = next(iter(self.transactions))
            del self.transactions[oldest]
            self._earlier.pop(oldest, None)
        return transaction

    def transaction(self, transaction_id: str, now: float) -> Transaction:
        """The transaction as it is now. Raises Refused."""
        transaction = self.transactions.get(transaction_id)
        if transaction is None:
            raise unknown("Smart transaction")
        if self._is_over(transaction, now):
            return self.put(replace(transaction, status="timeout", applied=None), now)
        return transaction

    def seen(self, transaction_id: str, now: float) -> Transaction:
        """The transaction as a read shows it: as old as the switch says. Raises Refused."""
        newest = self.transaction(transaction_id, now)
        if not self.switches.stale_read_seconds:
            return newest
        earlier = self._earlier.get(transaction_id, [])
        known = [value for at, value in earlier if at <= now - self.switches.stale_read_seconds]
        return known[-1] if known else earlier[0][1] if earlier else newest

    def usable_card(self, order: Order) -> Card | None:
        """The order's card, if the API knows it and it is not locked."""
        card = self.cards.get(order.card_number or "")
        return card if card and not card.locked else None

    def reserved(self, card: Card, transaction: Transaction) -> Applied:
        """What other transactions applied of this card's balance and keep from this one."""
        if self.switches.pretransaction_balance == "not-reserved":
            return Applied(cash=0, bonus=0, products=())
        others = [
            other.applied
            for other in self.transactions.values()
            if other.applied
            and other.status == "processing"
            and other.id != transaction.id
            and other.order.card_number == card.number
        ]
        return Applied(cash=sum(each.cash for each in others), bonus=sum(each.bonus for each in others), products=())

    def take_trans_id(self) -> int:
        self.next_trans_id += 1
        return self.next_trans_id - 1

    def take_receipt_number(self) -> int:
        self.next_receipt_number += 1
        return self.next_receipt_number - 1

    def _is_over(self, transaction: Transaction, now: float) -> bool:
        lifetime = self.switches.created_lifetime_seconds
        if not lifetime or transaction.running or transaction.status not in OPEN:
            return False
        return now - (transaction.updated or transaction.created) > lifetime

    def _remember(self, transaction: Transaction, now: float) -> None:
        if not self.switches.stale_read_seconds:
            return
        earlier = self._earlier.setdefault(transaction.id, [])
        earlier.append((now, transaction))
        while len(earlier) > 1 and earlier[1][0] <= now - self.switches.stale_read_seconds:
            del earlier[0]
