"""One run: the virtual machine room that the actors share, and what really happened in it."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from random import Random
from typing import NamedTuple

from agent.checkout.state import Checkout, Method, Phase
from agent.simulator.simulator import Simulator
from tests.faults.coverage import Coverage
from tests.faults.disk import Disk
from tests.faults.lines import SimulatedLines
from tests.faults.plan import Plan, stream
from tests.faults.virtual_loop import VirtualLoop

EPOCH = 1_600_327_094.0
"""2020-09-17T09:18:14+02:00, the seed page's. The server's clock starts there, and the till's."""

LATEST_EVIDENCE_S = 120.0
"""The till may be so late to note what it saw: a sync takes `LONGEST_SYNC_S`, and two may be in front of it."""


class Breach(StrEnum):
    """What of the law is broken."""

    LOST = "lost"  # a confirmed payment is not known any more, or not executed long after the API is back
    DOUBLED = "doubled"  # executed more than once
    OTHER_THAN_SHOWN = "other than shown"
    UNCONFIRMED = "unconfirmed"  # executed without cash, or without a word about it in the journal
    CARD = "card"  # on a stranger's checkout, or readable in a file
    BALANCE = "balance"  # offered while another payment with the card is not over
    DRAWER = "drawer"  # opened more often than asked, or for nothing
    OFFLINE = "offline"  # more cash was taken without the API than is allowed
    FINAL = "final"  # what was over has changed, or says what is not so
    STREAM = "stream"  # an event is missing, or came twice
    ENDED = "ended"  # the agent ended by itself, or hangs


class Wrong(NamedTuple):
    """One thing that must not be."""

    breach: Breach
    text: str


class Agreed(NamedTuple):
    """What a customer said yes to, as the screen showed it: so much to pay for goods of this sum."""

    method: Method
    amount: int
    sum: int

    @property
    def executed_by(self) -> Method:
        """Where nothing is due the card alone pays, whatever was chosen."""
        return self.method if self.amount else "loyalty"


class Proof(NamedTuple):
    """Cash for this amount is really in, as far as the policy asks for proof."""

    kind: str
    amount: int | None
    wall: datetime  # by the till's clock


@dataclass(slots=True)
class Visit:
    """What one customer really did. The checkout carries `ref` as its merchantRef."""

    cards: set[str] = field(default_factory=set)
    agreed: list[Agreed] = field(default_factory=list)
    proofs: list[Proof] = field(default_factory=list)
    pulses: int = 0
    register_sum: int | None = None  # of the goods that a register handed over; the API's may be less its bonus
    taken_back_asked: int = 0  # so often a person asked for it
    pulses_asked: int = 0  # one for each time cash is awaited anew, and for each time a person asked again


@dataclass(slots=True, eq=False)
class World:
    """What all actors know. `told` is every word of the till about a checkout that reached anybody."""

    plan: Plan
    loop: VirtualLoop
    simulator: Simulator
    lines: SimulatedLines
    disk: Disk
    coverage: Coverage
    tell: Callable[[float, str], None]
    visits: dict[str, Visit] = field(default_factory=lambda: defaultdict(Visit))
    told: dict[str, Checkout] = field(default_factory=dict)  # by id
    broken: list[Wrong] = field(default_factory=list)
    clock_moved_s: float = 0.0
    struck: int = 0  # faults that did, and lives that were ended
    spent_elsewhere: set[str] = field(default_factory=set)  # cards that were
    openings_asked: int = 0  # a person wanted the drawer open, for whatever reason
    waits_since: dict[str, float] = field(default_factory=dict)  # by id, of confirmed payments
    unrecorded: set[str] = field(
        default_factory=set
    )  # checkouts whose cash this life of the agent could not write down
    newest_told: int = 0  # the newest event of the journal that anybody heard of
    dice: Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = stream(self.plan.seed, "moments")

    @property
    def latest_s(self) -> float:
        """So late the till may tell what it has decided or seen."""
        return LATEST_EVIDENCE_S if self.plan.slow_disk or self.plan.slow_syncs else 3.0

    def awaiting(self) -> Checkout | None:
        """The checkout whose cash is awaited, as the screen shows it."""
        return next((each for each in self.told.values() if each.phase is Phase.AWAITING_CASH), None)

    def visit_of(self, checkout: Checkout) -> Visit:
        """Whose checkout this is; until it was read, what a register handed over has no name but its transaction's."""
        ref, said = checkout.merchantRef, checkout.handed_over
        if ref is None and said is not None:
            ref = self.simulator.api.state.transactions[said.transaction_id].order.merchantRef
        return self.visits[ref or ""]

    def agrees(self, checkout: Checkout, method: Method, amount: int) -> None:
        """Somebody says yes to what the screen shows."""
        visit = self.visit_of(checkout)
        goods = checkout.basket.sum if visit.register_sum is None else visit.register_sum
        visit.agreed.append(Agreed(method, amount, goods))

    @property
    def now(self) -> float:
        return self.loop.time()

    def wall(self) -> datetime:
        """The till's clock."""
        return datetime.fromtimestamp(EPOCH + self.clock_moved_s + self.loop.time(), UTC)

    def say(self, text: str) -> None:
        """A line of the story."""
        self.tell(self.now, text)

    def wrong(self, breach: Breach, text: str) -> None:
        """The law is broken."""
        if Wrong(breach, text) not in self.broken:
            self.broken.append(Wrong(breach, text))
            self.say(f"WRONG ({breach}): {text}")
