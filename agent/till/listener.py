"""What the till tells everybody who listens: the local interface's event stream, the log, the demo.

Checkouts, drawer openings and what was unexpected carry the sequence of their journal entry; the rest is state and has
none. A listener must not block and must not fail.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Literal, Protocol

from pydantic import TypeAdapter

from agent.checkout.evidence_state import OpenedBy
from agent.checkout.state import Api, Card, Checkout, Json, Level, Phase
from device.interface import DeviceState

ScanRefusal = Literal["torn", "not_a_card", "card_present", "too_late", "busy", "repeated"]
CardRefusal = Literal["payment_card", "invalid", "locked"]
UnexpectedThing = Literal["paid_message", "start", "read", "cancel"]
DrawerEvent = Literal["asked", "opened", "did_not_open", "left_open", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTold:
    """A scan: a card (masked), another code, or why it was thrown away."""

    scanner: str
    card: str | None = None
    code: str | None = None
    symbology: str | None = None
    refused: ScanRefusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerTold:
    """What the drawer did, or was asked to do. `open_s`: seconds."""

    drawer: str
    state: Level
    event: DrawerEvent
    by: OpenedBy | None = None
    reason: str | None = None
    asked_by: str | None = None  # the operator's name
    checkout_id: str | None = None
    open_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnexpectedTold:
    """What came when nothing waited for it: a machine's word that cash is in, or an answer about what is over.

    `contradicts`: by it money is elsewhere than the till has it, and a person must look. `amount`: cents.
    """

    what: UnexpectedThing
    contradicts: bool
    amount: int | None = None
    checkout_id: str | None = None
    phase: Phase | None = None  # of the checkout, when this came
    status: str | None = None  # of the transaction, as the API says


def drawer_told_from(data: Json) -> DrawerTold:
    """Return what was told of the drawer from how the journal keeps it."""
    return _drawer_told_adapter().validate_python(data)


@cache
def _drawer_told_adapter() -> TypeAdapter[DrawerTold]:
    return TypeAdapter(DrawerTold)


def unexpected_told_from(data: Json) -> UnexpectedTold:
    """Return what came unexpectedly from how the journal keeps it."""
    return _unexpected_told_adapter().validate_python(data)


@cache
def _unexpected_told_adapter() -> TypeAdapter[UnexpectedTold]:
    return TypeAdapter(UnexpectedTold)


def as_scan_refusal(reason: str) -> ScanRefusal:
    """Return why a card was not taken; whatever is not said of a scan itself is that the till is busy."""
    match reason:
        case "card_present" | "too_late":
            return reason
        case _:
            return "busy"


class Listener(Protocol):
    """Hears of everything that happens at this till."""

    def checkout_changed(self, checkout: Checkout, sequence: int) -> None: ...
    def drawer_is(self, drawer: str, level: Level) -> None:
        """The drawer's level as it is known now: when the till begins, and after each change."""

    def drawer_told(self, told: DrawerTold, sequence: int) -> None: ...
    def scanned(self, told: ScanTold) -> None: ...
    def card_refused(self, scanner: str | None, reason: CardRefusal) -> None: ...
    def card_checked(self, scanner: str, card: Card) -> None:
        """The balance of a card that was scanned while there was no checkout."""

    def device_changed(self, state: DeviceState) -> None: ...
    def connection_changed(self, api: Api, since: datetime) -> None: ...
    def busy_changed(self, *, busy: bool) -> None: ...
    def unexpected_told(self, told: UnexpectedTold, sequence: int) -> None: ...
    def not_recorded(self, checkout_id: str) -> None:
        """Cash was confirmed and the journal could not write it."""


class Listeners:
    """Several listeners as one: each hears everything, in this order; `of_checkouts` hears first, of checkouts only."""

    def __init__(self, *listeners: Listener, of_checkouts: Callable[[Checkout], None] | None = None) -> None:
        self._listeners = listeners
        self._of_checkouts = of_checkouts

    def checkout_changed(self, checkout: Checkout, sequence: int) -> None:
        if self._of_checkouts is not None:
            self._of_checkouts(checkout)
        for listener in self._listeners:
            listener.checkout_changed(checkout, sequence)

    def drawer_is(self, drawer: str, level: Level) -> None:
        for listener in self._listeners:
            listener.drawer_is(drawer, level)

    def drawer_told(self, told: DrawerTold, sequence: int) -> None:
        for listener in self._listeners:
            listener.drawer_told(told, sequence)

    def scanned(self, told: ScanTold) -> None:
        for listener in self._listeners:
            listener.scanned(told)

    def card_checked(self, scanner: str, card: Card) -> None:
        for listener in self._listeners:
            listener.card_checked(scanner, card)

    def card_refused(self, scanner: str | None, reason: CardRefusal) -> None:
        for listener in self._listeners:
            listener.card_refused(scanner, reason)

    def device_changed(self, state: DeviceState) -> None:
        for listener in self._listeners:
            listener.device_changed(state)

    def connection_changed(self, api: Api, since: datetime) -> None:
        for listener in self._listeners:
            listener.connection_changed(api, since)

    def busy_changed(self, *, busy: bool) -> None:
        for listener in self._listeners:
            listener.busy_changed(busy=busy)

    def unexpected_told(self, told: UnexpectedTold, sequence: int) -> None:
        for listener in self._listeners:
            listener.unexpected_told(told, sequence)

    def not_recorded(self, checkout_id: str) -> None:
        for listener in self._listeners:
            listener.not_recorded(checkout_id)
