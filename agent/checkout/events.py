"""What can happen to a checkout. Frozen values, no behaviour.

Requests come from people and programs and are refused when the phase does not allow them; answers, device events and
times are passed over when they come too late.
"""

from dataclasses import dataclass

from agent.checkout.state import (
    ApiProblem,
    Basket,
    Card,
    Evidence,
    Json,
    Method,
    Outcome,
    Rules,
    TransactionFacts,
    Trouble,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketSet:
    basket: Basket


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSet:
    """A complete card. `same`: it is the one this checkout already has."""

    number: str  # masked
    same: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRemoved:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyAsked:
    use_balance: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PayAsked:
    method: Method
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmAsked:
    """A person with the operator's role says that the cash is in."""

    amount: int
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerOpenAsked:
    """A person asks for the drawer once more while its cash is awaited."""

    reason: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAsked:
    by: str
    new_transaction: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolveAsked:
    outcome: Outcome
    note: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseAsked:
    """A person takes a completed checkout back. `reversal_id`: what the reversal will be called if there is none."""

    reversal_id: str
    reason: str
    by: str
    open_drawer: bool = False


Request = (
    BasketSet
    | CardSet
    | CardRemoved
    | ApplyAsked
    | PayAsked
    | ConfirmAsked
    | CancelAsked
    | DrawerOpenAsked
    | RetryAsked
    | ResolveAsked
    | ReverseAsked
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardChecked:
    number: int
    card: Card


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSaved:
    """Create or update was answered."""

    number: int
    facts: TransactionFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    number: int
    missing_sum: int
    bonus_products: tuple[Json, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAnswered:
    """`begun_s`: when the read was sent; only a read begun after the late window proves that nothing was executed."""

    number: int
    begun_s: float
    facts: TransactionFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAnswered:
    number: int
    facts: TransactionFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAnswered:
    number: int
    facts: TransactionFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRefused:
    """The API answered with an error of its own."""

    number: int
    problem: ApiProblem


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNotSent:
    """Nothing of the request left this machine."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUnknown:
    """No usable answer: it may have worked, or may still be carried out."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNotAuthorised:
    """Rejected for its token, twice, and not executed; `problem` where the API said why."""

    number: int
    problem: ApiProblem | None = None


Answer = (
    CardChecked
    | TransactionSaved
    | Applied
    | ReadAnswered
    | StartAnswered
    | CancelAnswered
    | CallRefused
    | CallNotSent
    | CallUnknown
    | CallNotAuthorised
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerOpened:
    """The drawer was seen open while its cash is awaited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerTroubled:
    """The drawer cannot confirm this payment any more; a person must look."""

    trouble: Trouble
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CashConfirmed:
    """Evidence that the policy accepts is complete."""

    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherAmountPaid:
    """A message says that another amount than the one shown was paid."""

    amount: int


DeviceEvent = DrawerOpened | DrawerTroubled | CashConfirmed | OtherAmountPaid


@dataclass(frozen=True, slots=True, kw_only=True)
class Woke:
    """The time of `wake_at` has come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The API is there and this is the oldest confirmed checkout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restarted:
    """The agent was started again; whatever was under way has no answer."""

    rules: Rules


TillEvent = Woke | Turn | Restarted
Event = Request | Answer | DeviceEvent | TillEvent
