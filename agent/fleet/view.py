"""How an entry of the journal, a checkout and the till's state are shown to the fleet. Pure.

Whatever text a person or the API wrote is masked once more: somebody may have typed a card number into a note.
"""

from dataclasses import dataclass
from datetime import datetime

from pydantic import TypeAdapter

from agent.card import mask_numbers
from agent.checkout.row import MONEY_TAKEN
from agent.checkout.state import Checkout
from agent.checkout.waiting import needs_person, waiting_in, waits_since
from agent.fleet.payloads import CheckoutStanding, CommandStanding, DrawerStanding, Event, State, UnexpectedStanding
from agent.fleet.records import FleetCommandEnded, FleetCommandTaken
from agent.journal.event_id import EventId
from agent.journal.records import StoredEvent
from agent.kiosk.event_answers import DeviceAnswer, DrawerLevelAnswer
from agent.kiosk.view import connection_answer
from agent.till.connection import Connection
from agent.till.listener import DrawerTold, UnexpectedTold, drawer_told_from, unexpected_told_from

LONGEST_TEXT = 200
"""Characters: an event stays far below the packet size that any broker accepts."""

_COMMAND_RECORDS = {
    kind.__name__: TypeAdapter[FleetCommandTaken | FleetCommandEnded](kind)
    for kind in (FleetCommandTaken, FleetCommandEnded)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the till knows of itself at this moment."""

    version: str
    busy: bool
    recording: bool
    connection: Connection
    devices: tuple[DeviceAnswer, ...]
    drawer: DrawerLevelAnswer | None
    open_checkouts: tuple[Checkout, ...]


def event_of(stored: StoredEvent, journal: str) -> Event:
    """Show an entry of the journal."""
    return Event(
        id=str(EventId(journal, stored.sequence)),
        at=stored.at,
        event=stored.kind,
        checkout=checkout_standing(stored.checkout) if stored.checkout else None,
        drawer=_drawer(stored) if stored.kind == DrawerTold.__name__ else None,
        unexpected=_unexpected(stored) if stored.kind == UnexpectedTold.__name__ else None,
        command=_command(stored) if stored.kind in _COMMAND_RECORDS else None,
    )


def checkout_standing(checkout: Checkout) -> CheckoutStanding:
    """Show a checkout: how it stands, never what was bought or by whom."""
    payment = checkout.payment
    evidence = payment.evidence if payment else None
    return CheckoutStanding(
        id=checkout.id,
        kind=checkout.kind,
        phase=checkout.phase,
        reason=_text(checkout.reason),
        merchantRef=_text(checkout.merchantRef),
        transactionRef=_text(checkout.transactionRef),
        transaction_id=checkout.transaction.id if checkout.transaction else None,
        sum=checkout.basket.sum,
        currency=checkout.basket.currency,
        amount_due=checkout.amount_due,
        method=payment.method if payment else None,
        card=_text(checkout.card.number) if checkout.card else None,
        confirmed_by=evidence.kind if evidence else None,
        confirmed_amount=evidence.amount if evidence else None,
        waiting_since=checkout.waiting_since if checkout.phase in MONEY_TAKEN else None,
        error=_text(checkout.error.error) if checkout.error else None,
        reverses=checkout.reversal.reverses if checkout.reversal else None,
        reversed_by=checkout.reversed_by,
        created=checkout.created,
        updated=checkout.updated,
    )


def state_of(standing: Standing, newest: EventId, now: datetime) -> State:
    """Show how the till stands."""
    waiting = waiting_in(standing.open_checkouts)
    oldest = waits_since(waiting[0]) if waiting else None
    return State(
        at=now,
        version=standing.version,
        busy=standing.busy,
        recording=standing.recording,
        connection=connection_answer(standing.connection),
        devices=standing.devices,
        drawer=standing.drawer,
        waiting_payments=len(waiting),
        attention=sum(needs_person(each, now) for each in waiting),
        oldest_waiting_since=oldest,
        oldest_waiting_s=max(0.0, (now - oldest).total_seconds()) if oldest else None,
        newest_event=str(newest),
    )


def says_the_same(one: State, other: State | None) -> bool:
    """Say whether nothing but time and the journal went on."""
    passing = {"at", "oldest_waiting_s", "newest_event"}
    return other is not None and one.model_dump(exclude=passing) == other.model_dump(exclude=passing)


def _unexpected(stored: StoredEvent) -> UnexpectedStanding:
    told = unexpected_told_from(stored.data)
    return UnexpectedStanding(
        what=told.what,
        contradicts=told.contradicts,
        amount=told.amount,
        checkout=told.checkout_id,
        phase=told.phase,
        status=_text(told.status),
    )


def _drawer(stored: StoredEvent) -> DrawerStanding:
    told = drawer_told_from(stored.data)
    return DrawerStanding(
        drawer=told.drawer,
        state=told.state,
        event=told.event,
        by=told.by,
        reason=_text(told.reason),
        checkout=told.checkout_id,
        open_s=told.open_s,
    )


def _command(stored: StoredEvent) -> CommandStanding:
    told = _COMMAND_RECORDS[stored.kind].validate_python(stored.data)
    outcome = told.outcome if isinstance(told, FleetCommandEnded) else ("refused" if told.refused else "taken")
    reason = told.reason if isinstance(told, FleetCommandEnded) else told.refused
    return CommandStanding(id=told.id, sender=told.sender, command=told.command, outcome=outcome, reason=_text(reason))


def _text(text: str | None) -> str | None:
    return None if text is None else mask_numbers(text)[:LONGEST_TEXT]
