"""Who hears what the till tells: the screen's memory, the event stream, and the first part of the law."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from agent.checkout.offline import SECONDS_PER_HOUR
from agent.checkout.row import MONEY_TAKEN
from agent.checkout.state import Api, Card, Checkout, Level, Phase
from agent.kiosk.stream import EventStream
from agent.till.listener import CardRefusal, DrawerTold, ScanTold, UnexpectedTold
from device.interface import DeviceState
from tests.faults.plan_customer import CHARGE
from tests.faults.world import Breach, World

_EVENT_ID = re.compile(rb"^id: (\S+)-([0-9]+)$", re.MULTILINE)


class Mouth(Protocol):
    """The process that tells; what a dead one tells reaches nobody."""

    @property
    def alive(self) -> bool: ...


class Ears:
    """The listener of one process."""

    def __init__(
        self, mouth: Mouth, world: World, stream: EventStream, newest: int, changed: Callable[[], None]
    ) -> None:
        """`newest`: the sequence up to which the journal's events were told by earlier processes, or can be read."""
        self._mouth = mouth
        self._world = world
        self._changed = changed
        self.stream = stream
        self._newest = newest
        world.unrecorded.clear()

    def checkout_changed(self, checkout: Checkout, sequence: int) -> None:
        if not self._mouth.alive:
            return
        self._counts(sequence)
        if self._world.plan.followed:
            self.stream.checkout_changed(checkout, sequence)
        self._world.say(_shown(checkout))
        self._judge(self._world.told.get(checkout.id), checkout)
        self._world.told[checkout.id] = checkout
        self._changed()

    def drawer_is(self, drawer: str, level: Level) -> None:
        if self._mouth.alive:
            self.stream.drawer_is(drawer, level)
            self._changed()

    def drawer_told(self, told: DrawerTold, sequence: int) -> None:
        if self._mouth.alive:
            self._counts(sequence)
            self.stream.drawer_told(told, sequence)
            self._world.say(f"the till says: drawer {told.event} by {told.by}")

    def scanned(self, told: ScanTold) -> None:
        if self._mouth.alive:
            self.stream.scanned(told)
            self._changed()

    def card_refused(self, scanner: str | None, reason: CardRefusal) -> None:
        if self._mouth.alive:
            self.stream.card_refused(scanner, reason)
            self._changed()

    def card_checked(self, scanner: str, card: Card) -> None:
        if self._mouth.alive:
            self.stream.card_checked(scanner, card)

    def device_changed(self, state: DeviceState) -> None:
        if self._mouth.alive:
            self.stream.device_changed(state)

    def connection_changed(self, api: Api, since: datetime) -> None:
        if self._mouth.alive:
            self.stream.connection_changed(api, since)
            self._world.say(f"the till says: the API is {api}")
            self._changed()

    def busy_changed(self, *, busy: bool) -> None:
        if self._mouth.alive:
            self.stream.busy_changed(busy=busy)
            self._changed()

    def not_recorded(self, checkout_id: str) -> None:
        if self._mouth.alive:
            self.stream.not_recorded(checkout_id)
            self._world.say(f"the till says: {checkout_id} is not recorded")
            self._world.unrecorded.add(checkout_id)

    def unexpected_told(self, told: UnexpectedTold, sequence: int) -> None:
        if self._mouth.alive:
            self._counts(sequence)
            self.stream.unexpected_told(told, sequence)
            self._world.say(f"the till says: unexpected {told.what} {told.status or told.amount}")

    def follows(self, frame: bytes, known: str) -> str:
        """Check that this frame is what comes after the event that is known; return the newest."""
        if known and b"event: snapshot" in frame:
            self._world.wrong(Breach.STREAM, f"the event stream was not resumed after {known}")
        for found in _EVENT_ID.finditer(frame):
            told = f"{found[1].decode()}-{found[2].decode()}"
            if known and told != f"{known.rpartition('-')[0]}-{int(known.rpartition('-')[2]) + 1}":
                self._world.wrong(Breach.STREAM, f"the event stream has a gap: {told} after {known}")
            known = told
        return known

    def _counts(self, sequence: int) -> None:
        if sequence != self._newest + 1:
            self._world.wrong(Breach.STREAM, f"event {sequence} was told after {self._newest}")
        self._newest = sequence
        if sequence <= self._world.newest_told:
            self._world.wrong(Breach.STREAM, f"event {sequence} was told a second time, with something else")
        self._world.newest_told = sequence

    def _judge(self, before: Checkout | None, checkout: Checkout) -> None:
        self._judge_unrecorded(before, checkout)
        if _waits(checkout):
            self._world.waits_since.setdefault(checkout.id, self._world.now)
        if before is not None and before.final and checkout.phase is not before.phase:
            self._world.wrong(Breach.FINAL, f"{checkout.merchantRef} was {before.phase} and is {checkout.phase}")
        if checkout.phase is Phase.AWAITING_CASH and (before is None or before.phase is not Phase.AWAITING_CASH):
            self._world.visits[checkout.merchantRef or ""].pulses_asked += 1
            self._judge_offline(checkout)
        if checkout.phase is Phase.DUE and before is not None and before.phase is Phase.APPLYING:
            self._judge_balance(checkout)

    def _judge_unrecorded(self, before: Checkout | None, checkout: Checkout) -> None:
        """Cash that could not be written down yet: nothing overtakes it, and nobody else is served."""
        unrecorded = self._world.unrecorded
        if checkout.id in unrecorded:
            unrecorded.remove(checkout.id)
            if checkout.phase not in MONEY_TAKEN:
                self._world.wrong(Breach.LOST, f"{checkout.merchantRef} is {checkout.phase} instead of confirmed")
        elif before is None and checkout.reversal is None and unrecorded:
            self._world.wrong(Breach.LOST, f"{checkout.merchantRef} begins while cash is not recorded")

    def _judge_offline(self, checkout: Checkout) -> None:
        """Cash without a transaction: never more than the limits say, and never for a card to be charged."""
        limits = self._world.plan.offline
        if checkout.transaction is not None:
            return
        if CHARGE in checkout.basket.products:
            self._world.wrong(Breach.OFFLINE, f"{checkout.merchantRef} charges a card offline")
        amount = checkout.payment.amount if checkout.payment is not None else 0
        waiting = [other for other in self._world.told.values() if other.id != checkout.id and _waits(other)]
        total = sum(other.payment.amount for other in waiting if other.payment is not None)
        if not limits.accept_cash or len(waiting) >= limits.max_payments or total + amount > limits.max_total:
            self._world.wrong(
                Breach.OFFLINE, f"{checkout.merchantRef} pays {amount} offline while {len(waiting)} wait with {total}"
            )
        if any(crash.clock_moves_s < 0 for crash in self._world.plan.crashes):
            return  # nobody can tell how long the agent was away
        oldest = min((self._world.waits_since[other.id] for other in waiting), default=self._world.now)
        if self._world.now - oldest > limits.stop_when_oldest_h * SECONDS_PER_HOUR + self._world.latest_s:
            self._world.wrong(Breach.OFFLINE, f"{checkout.merchantRef} pays offline while one waits for too long")

    def _judge_balance(self, checkout: Checkout) -> None:
        """Law 5, but for what a register applied itself.

        The same card as the masked number tells: the cards of a run differ in what is shown.
        """
        if not checkout.use_balance or checkout.handed_over is not None:
            return
        for other in self._world.told.values():
            if (
                other.id != checkout.id
                and other.reversal is None
                and other.phase in MONEY_TAKEN
                and other.card is not None
                and checkout.card is not None
                and other.card.number == checkout.card.number
                and other.waiting_since is not None
                and checkout.asking is None
            ):
                text = f"{checkout.merchantRef} is offered balance while {other.merchantRef} is {other.phase}"
                self._world.wrong(Breach.BALANCE, text)


def _waits(checkout: Checkout) -> bool:
    """For the API, with the cash in the drawer."""
    confirmed = checkout.payment is not None and checkout.payment.evidence is not None
    return confirmed and checkout.phase in {Phase.CONFIRMED, Phase.STARTING, Phase.UNSURE}


def _shown(checkout: Checkout) -> str:
    asking = f", asking {checkout.asking.call}" if checkout.asking else ""
    reason = f" ({checkout.reason})" if checkout.reason else ""
    return f"the till says: {checkout.merchantRef} is {checkout.phase}{reason}, due {checkout.amount_due}{asking}"
