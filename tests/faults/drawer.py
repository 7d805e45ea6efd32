"""The cash drawer, the money in it, and the line that tells its level: pulled, pushed, cut, opened with a key.

Beside what it reports it keeps the truth: which openings were really one payment's, from our pulse to the closing, on
one unbroken line.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agent.checkout.state import Checkout, Confirmation, Level, Phase
from device.interface import DeviceState, DrawerCapabilities, DrawerLevel, DrawerRefused, PaidMessage, Report
from tests.faults.plan import Passed, stream
from tests.faults.world import Breach, Proof, World

NAME = "drawer"
KEY_OPEN_S = 2.5
STAFF_CLOSES_S = 3.0
OFTEN_WITHOUT_AMOUNT = 1 / 3


@dataclass(slots=True)
class _Pulse:
    """A reason for the drawer to open: ours, or the register's."""

    ref: str
    amount: int
    at: float
    line: int


@dataclass(slots=True)
class _Opening:
    """The drawer stands open. `pulse`: for whose payment, if within its time."""

    at: float
    pulse: _Pulse | None
    line: int


class Drawer:
    """A `CashDrawer`. Report and line belong to the process that holds the port."""

    name = NAME
    capabilities = DrawerCapabilities(status=True)

    passed: Passed

    def __init__(self, world: World) -> None:
        self._world = world
        self._dice = stream(world.plan.seed, "drawer moves")
        self._machine_dice = stream(world.plan.seed, "cash machine")
        self._report: Callable[[Report], None] | None = None
        self._connected = False
        self._line = 0  # counts connections over all processes
        self._connection = 0  # as the process counts them
        self._pulse: _Pulse | None = None
        self._opening: _Opening | None = None
        self._broken_for: Checkout | None = None  # as told last before its cable was pulled, or at a start
        self.level: Level = "closed"
        self.closes_s: float = STAFF_CLOSES_S  # the customer in front of it takes so long
        self.customer_is_there = False

    # What the till does with it

    async def run(self, report: Callable[[Report], None]) -> None:
        """The machine tells when a process is there."""

    async def open_drawer(self, still_wanted: Callable[[], bool]) -> float:
        """Send the pulse."""
        pulse = self._new_pulse()
        await asyncio.sleep(self._dice.uniform(0.001, 0.03))
        if not self._connected:
            raise DrawerRefused("no port")
        if not still_wanted():
            raise DrawerRefused("not wanted any more")
        self.passed("pulse")
        if self._report is None:  # the process died at this very moment
            raise DrawerRefused("gone")
        self._world.say("the till sends the pulse")
        if self._world.awaiting() is None:
            self._opens_for_a_person()
        if pulse is not None:
            self._world.visits[pulse.ref].pulses += 1
        self._pulse = pulse
        self._act_on_pulse()
        return self._world.now

    def _opens_for_a_person(self) -> None:
        if self._world.openings_asked == 0:
            self._world.wrong(Breach.DRAWER, "the drawer is asked to open while no cash is awaited")
        else:
            self._world.openings_asked -= 1

    def _new_pulse(self) -> _Pulse | None:
        checkout = self._world.awaiting()
        if checkout is None or checkout.payment is None or checkout.merchantRef is None:
            return None
        return _Pulse(checkout.merchantRef, checkout.payment.amount, self._world.now, self._line)

    def _act_on_pulse(self) -> None:
        chance = self._dice.random()
        if chance < 0.88:
            self._world.loop.call_later(self._dice.uniform(0.03, 0.4), self._open)
        elif chance < 0.94:
            self._world.loop.call_later(self._dice.uniform(2.5, 8.0), self._open)

    # What happens to it

    def process_is_there(self, report: Callable[[Report], None]) -> None:
        """A process opens the port; some drawers open by that."""
        self._report = report
        self._connection = 0
        self._broken_for = self._world.awaiting()
        self._connect()
        if self._dice.random() < 0.05:
            self._world.loop.call_later(self._dice.uniform(0.05, 1.5), self._open)

    def process_is_gone(self) -> None:
        self._report = None
        self._connected = False

    async def is_lost(self, seconds: float) -> None:
        """Its cable is pulled, and put in again."""
        self._world.say("the drawer's cable is pulled")
        self._connected = False
        self._line += 1
        self._broken_for = self._world.awaiting()
        self._tell(DeviceState(name=NAME, kind="drawer", state="lost", at=self._world.now))
        await asyncio.sleep(seconds)
        if self._report is not None:
            self._connect()

    async def key(self) -> None:
        """Somebody of the staff opens it with the key, and closes it."""
        self._world.say("somebody turns the drawer's key")
        self._open()
        await asyncio.sleep(KEY_OPEN_S)
        self.close()

    def register_opens(self) -> None:
        """The register opens the drawer."""
        self._open()

    def pays_at_the_machine(self, *, other_amount: bool) -> None:
        """The customer pays at a cash machine, which says so on its line; sometimes another amount, or none."""
        paid = self._new_pulse()
        if paid is None or not self._connected:
            return
        amount = self._told_amount(paid.amount, other_amount=other_amount)
        self._world.say(f"the cash machine says: {amount} paid")
        self._world.visits[paid.ref].proofs.append(Proof("paid-message", amount, self._world.wall()))
        self._tell(PaidMessage(drawer=NAME, amount=amount, connection=self._connection, at=self._world.now))

    def _told_amount(self, due: int, *, other_amount: bool) -> int | None:
        if self._machine_dice.random() < OFTEN_WITHOUT_AMOUNT:
            return None
        return due + 100 if other_amount else due

    def close(self) -> None:
        """Somebody closes it."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        self.level = "closed"
        open_s = self._world.now - opening.at
        self._world.say(f"the drawer closes after {open_s:.3f} s")
        self._prove(opening, open_s)
        self._tell_level()

    def _open(self) -> None:
        if self.level == "open":
            return
        self.level = "open"
        self._world.say("the drawer opens")
        self._opening = opening = _Opening(self._world.now, self._reason(), self._line)
        self._tell_level()
        if opening.pulse is not None:
            self._proven(opening.pulse, "drawer-opened")
        closes_s = self.closes_s if self.customer_is_there else STAFF_CLOSES_S
        self._world.loop.call_later(closes_s, self._closes, opening)

    def _closes(self, opening: _Opening) -> None:
        if self._opening is opening:
            self.close()

    def _reason(self) -> _Pulse | None:
        """An opening within the time of a pulse is taken for its work: nobody could tell the difference."""
        pulse, rules = self._pulse, self._world.plan.drawer
        if rules.opened_by == "register":
            return self._new_pulse()
        if pulse is None or self._world.now > pulse.at + rules.open_timeout_s + 1e-6:
            return None
        return pulse

    def _prove(self, opening: _Opening, open_s: float) -> None:
        pulse, rules = opening.pulse, self._world.plan.drawer
        unbroken = self._connected and self._line == opening.line and pulse is not None and pulse.line == opening.line
        if pulse is not None and unbroken and open_s >= rules.minimum_open_s - 1e-6:
            self._proven(pulse, "drawer-closed")

    def _proven(self, pulse: _Pulse, kind: Confirmation) -> None:
        if kind not in self._world.plan.drawer.confirmed_by:
            return
        self._world.visits[pulse.ref].proofs.append(Proof(kind, pulse.amount, self._world.wall()))
        awaiting = self._world.awaiting()
        if awaiting is not None and awaiting.merchantRef == pulse.ref and self._can_confirm(awaiting, pulse.amount):
            self._world.loop.call_later(self._world.latest_s, self._is_seen, awaiting.id, pulse, self._report)

    def _is_seen(self, checkout_id: str, pulse: _Pulse, by: Callable[[Report], None] | None) -> None:
        """The process that this was reported to has confirmed the cash, or said that it can't write that down."""
        told = self._world.told[checkout_id]
        if (
            by is not None
            and by is self._report
            and self._can_confirm(told, pulse.amount)
            and checkout_id not in self._world.unrecorded
        ):
            self._world.wrong(Breach.LOST, f"{pulse.ref} has paid, and the till goes on waiting")

    def _can_confirm(self, checkout: Checkout, amount: int) -> bool:
        """As the till tells it. That the line broke, or a life ended, is not told while the disk refuses to keep it."""
        payment = checkout.payment
        return (
            checkout.phase is Phase.AWAITING_CASH
            and payment is not None
            and payment.amount == amount
            and payment.drawer_trouble is None
            and not payment.interrupted
            and checkout is not self._broken_for
        )

    def _connect(self) -> None:
        self._connection += 1
        self._line += 1
        self._connected = True
        self._tell(DeviceState(name=NAME, kind="drawer", state="present", at=self._world.now))
        self._tell_level()

    def _tell_level(self) -> None:
        if self._connected:
            told = DrawerLevel(drawer=NAME, level=self.level, connection=self._connection, at=self._world.now)
            self._world.loop.call_later(self._dice.uniform(0.01, 0.05), self._tell, told, self._line)

    def _tell(self, report: Report, line: int | None = None) -> None:
        if self._report is not None and line in {None, self._line}:
            self._report(report)
