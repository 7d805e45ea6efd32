"""What is known of the drawer and expected of it, and the signs that follow from what it does. Values only."""

from dataclasses import dataclass
from typing import Literal

from agent.checkout.state import Confirmation, Level, Trouble

OpenedBy = Literal["till", "register", "unasked"]
SETTLING_S = 2.0
"""Opening a port raises DTR and RTS before any program can prevent it, and some drawers open by that."""


@dataclass(frozen=True, kw_only=True)
class DrawerRules:
    """The configuration, as far as it decides what a level means. Seconds."""

    opened_by: Literal["tillwire", "register"] = "tillwire"
    confirmed_by: tuple[Confirmation, ...] = ("drawer-closed",)
    open_timeout_s: float = 3.0
    minimum_open_s: float = 1.0
    open_warning_s: float = 15.0
    settling_s: float = SETTLING_S


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Cash that is awaited for one checkout."""

    checkout_id: str
    amount: int
    since_s: float
    opened_s: float | None = None  # the opening that counts for this expectation
    spoilt: bool = False
    message_torn: bool = False  # a line came in part that may have been the message


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What is known of the drawer, and what is expected of it."""

    rules: DrawerRules
    level: Level = "unknown"
    connection: int | None = None
    connected_s: float | None = None
    opened_s: float | None = None
    pulsed_s: float | None = None
    warned_s: float | None = None
    lost_lines: frozenset[str] = frozenset()  # by device name: the drawer's, and that of the till's messages
    expected: Expectation | None = None
    unheard: str | None = None  # the checkout that was expected last, while no message was heard since
    unexpected: int = 0  # messages that nothing awaited, since cash was expected last


@dataclass(frozen=True, kw_only=True)
class DrawerSign:
    """For everybody: what the drawer did."""

    event: Literal["opened", "did_not_open", "left_open", "closed"]
    by: OpenedBy | None = None
    open_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class OpeningSeen:
    """For the checkout whose cash is expected: the drawer opened for it."""

    checkout_id: str


@dataclass(frozen=True, kw_only=True)
class CashSeen:
    """For the checkout: the evidence is complete."""

    checkout_id: str
    kind: Confirmation
    amount: int
    open_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class CannotConfirm:
    """For the checkout: the drawer cannot confirm this payment any more."""

    checkout_id: str
    trouble: Trouble


@dataclass(frozen=True, kw_only=True)
class OtherAmount:
    """For the checkout: a message says that another amount was paid."""

    checkout_id: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class PaidUnexpectedly:
    """For people: a machine says that the money is in, and no checkout waits for its word.

    `checkout_id`: the one that was expected last and whose word this may be.
    """

    amount: int | None
    checkout_id: str | None = None


CheckoutSign = OpeningSeen | CashSeen | CannotConfirm | OtherAmount
Sign = DrawerSign | PaidUnexpectedly | CheckoutSign
Seen = tuple[Watch, tuple[Sign, ...]]
