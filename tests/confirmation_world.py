"""A till's drawer in a world of its own: virtual time, a simulated drawer's bytes, and everything that can go wrong.

The real parts are what turns bytes into levels (device/drawer_reading.py), what levels mean
(agent/checkout/evidence.py), the desk between drawer and till (agent/till/drawer_desk.py) and the table
(agent/checkout/table.py). Ports, threads and the journal are not here, so that a sequence takes a millisecond or two.
Each entry of the log is shown to the judge at once: what it says must be what the desk did.
"""

import math
import random
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cache, partial
from typing import Literal

from agent.checkout.effects import OpenDrawer, StartTransaction
from agent.checkout.events import (
    ApplyAsked,
    CancelAsked,
    CashConfirmed,
    ConfirmAsked,
    DeviceEvent,
    DrawerOpenAsked,
    Event,
    OtherAmountPaid,
    PayAsked,
    Restarted,
    Turn,
)
from agent.checkout.evidence import MOST_UNEXPECTED
from agent.checkout.evidence_state import DrawerRules, PaidUnexpectedly
from agent.checkout.state import Api, Checkout, Confirmation, Level, Phase, Rules
from agent.checkout.step import NotAllowed, step
from agent.journal.records import IdempotencyKey
from agent.till.drawer_desk import DrawerDesk
from agent.till.inbox import Job
from agent.till.listener import DrawerTold
from device.drawer_level import Change
from device.drawer_profile import DrawerProfile, LineStatus, NoStatus, QueryStatus, StreamStatus
from device.drawer_profile_file import load_profile
from device.drawer_reading import DrawerReading
from device.drawer_status import greeting_of, question_of
from device.interface import DrawerCapabilities, DrawerLevel, DrawerRefused, PaidMessage, TornMessage
from device.modem_lines import LineSample
from device.simulated_firmware import Acts, Switch, firmware_of
from tests import confirmation_oracle as oracle
from tests.checkouts import WALL, Numbered, after, new_checkout, saved, situation

AMOUNT = 796
SPRINGS_OPEN_S = 0.03
NOISE = (b"\xff\xfe", b"\xc8\x9d\xff", b"\x9d")
"""Bytes that are no status of any model: a wrong speed, sparks of the solenoid."""
FINE_S, COARSE_S, FINE_FOR_S = 0.05, 0.3, 0.4
"""How often the drawer is asked or looked at: while something moves, while it is unwell; how long it counts as moving.
When nothing moves and all is well, every look would say the same, so there is none."""

SETTLED_S = 3.2
"""By now whatever changed was told: answers, debounce, two seconds of silence."""

Source = Literal["escpos", "star", "glancetron-8005u", "acode-at10u3", "mmf", "apg-212a", "logic-controls"]
SOURCES: tuple[Source, ...] = (
    "escpos",
    "star",
    "glancetron-8005u",
    "acode-at10u3",
    "mmf",
    "apg-212a",
    "logic-controls",
)


class Wrong(AssertionError):
    """The agent and the judge do not agree."""


@cache
def profile_of(source: Source) -> DrawerProfile:
    code = {"open_bytes": "C0 DE"} if source == "acode-at10u3" else {}
    return load_profile(source, overrides={"charge_s": 0, "recharge_s": 0, **code})


@cache
def _due(confirmed_by: tuple[Confirmation, ...]) -> Checkout:
    """A checkout whose 796 cents are shown."""
    fresh = new_checkout(rules=Rules(confirmed_by=confirmed_by, idle_s=1e9))
    return after(fresh, ApplyAsked(use_balance=False), saved())


class World:
    """One till, one drawer, one customer after the other."""

    def __init__(self, rules: DrawerRules, source: Source, chance: random.Random) -> None:
        self.rules = rules
        self.profile = profile_of(source)
        self.chance = chance
        self.now = 1000.0
        self.log: list[oracle.Entry] = []
        self.started: set[str] = set()
        self.api: Api = "online"
        # the drawer and its cable
        self.firmware = firmware_of(self.profile)
        self.is_open = False
        self.stuck = False
        self.dead = False
        self.refuses = False
        self.half = self.spoilt_by_flow_control = False
        self.noise = b""
        self.edges = 0
        self.movements: list[tuple[float, Callable[[], None]]] = []
        self.moved_at = self.now
        self.reading: DrawerReading | None = None
        self.connection = 0
        self.told: tuple[int, Level] | None = None
        self.next_look = self.now
        # the agent
        self.pulses: list[tuple[int, Coroutine[None, None, None]]] = []
        self.pulsed: set[int] = set()
        self.person_opens = False
        self.awaited = self.pulse_of = 0  # how often cash was awaited, and for which time the pulse is
        self.pulses_wait = False
        self.confirmed: dict[str, Confirmation] = {}
        self.awaited_id = ""
        self.unexpected: list[PaidUnexpectedly] = []  # since cash was awaited last
        self.number = 0
        self.checkout = self._next_customer()
        self.desk = DrawerDesk(self, self, rules)
        self.connect()

    # Time

    def wait(self, seconds: float) -> None:
        """Let time pass, and everything that comes with it."""
        until = self.now + seconds
        while (soonest := min(self._coming(), key=_at, default=None)) and soonest[0] <= until:
            self.now = max(self.now, soonest[0])
            soonest[1]()
        self.now = until
        self._note(oracle.Passed())
        if self.reading is not None and self.now - self.moved_at > SETTLED_S:
            self._check_told()

    def _coming(self) -> Iterator[tuple[float, Callable[[], None]]]:
        if self.movements:
            yield min(at for at, _ in self.movements), self._move_next
        if self.reading is not None:
            yield self.next_look, self._look
            if (settles_at := self.reading.settles_at) is not None:
                yield settles_at + 1e-6, self._passed
        if (wake_at := self.desk.wake_at) is not None:
            yield wake_at, self._wake

    def _wake(self) -> None:
        self._note(oracle.Passed())
        _run(self.desk.time_passed())

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        self.movements.append((self.now + seconds, act))

    def _move_next(self) -> None:
        self.movements.sort(key=lambda movement: movement[0])
        self.movements.pop(0)[1]()

    # The drawer

    def move(self, *, is_open: bool) -> None:
        """The drawer springs open, is pulled open, or pushed in."""
        if is_open == self.is_open:
            return
        self.is_open = is_open
        self.edges += 1
        self._stir()
        self._deliver(self.firmware.moved(self._switch).answer)

    @property
    def _switch(self) -> Switch:
        return Switch(high=self.is_open == (self.profile.open_level != "low"), offline=False)

    def _acts(self, acts: Acts) -> None:
        if acts.pulses and not self.stuck and not self.dead:
            self._later(SPRINGS_OPEN_S, partial(self.move, is_open=True))
        self._deliver(acts.answer)

    def bounce(self) -> None:
        """The switch chatters for some milliseconds; it stays as it is."""
        for number in range(4):
            self._later(number * 0.004, partial(self.move, is_open=self.is_open == bool(number % 2)))

    def disturb(self, **faults: object) -> None:
        """Something goes wrong with the drawer or its line, or is mended."""
        for name, fault in faults.items():
            setattr(self, name, fault)
        self._stir()

    def _stir(self) -> None:
        """Something is other than it was: worth looking at."""
        self.moved_at = self.now
        self.next_look = min(self.next_look, self.now + FINE_S)

    # The line

    def connect(self) -> None:
        self.connection += 1
        self.reading = DrawerReading(self.profile, self.now)
        self._stir()
        self.next_look = self.now + 0.01
        self._send(greeting_of(self.profile.status))

    def unplug(self) -> None:
        if self.reading is None:
            return
        self.reading = None
        self._tell_level("unknown", self.now)
        self._note(oracle.Lost(), lambda: _run(self.desk.port_lost()))

    def receive_noise(self) -> None:
        if self.reading is not None:
            self._tell(self.reading.received(self.chance.choice(NOISE), self.now))

    def _look(self) -> None:
        self.next_look = self.now + self._pause_s()
        if self.reading is None:
            return
        if isinstance(self.profile.status, LineStatus):
            seen = LineSample(high=self._switch.high, edges=self.edges, at=self.now)
            self._tell(self.reading.looked(seen))
        elif question := question_of(self.profile.status):
            self._tell(self.reading.asked(self.now))
            self._send(question)
        self._deliver(self.firmware.repeated(self._switch))
        self._passed()

    def _pause_s(self) -> float:
        if self.now - self.moved_at < FINE_FOR_S:
            return FINE_S
        unwell = self.dead or self.half or self.noise or self.spoilt_by_flow_control
        return COARSE_S if unwell or isinstance(self.profile.status, StreamStatus) else math.inf

    def _passed(self) -> None:
        if self.reading is not None:
            self._tell(self.reading.passed(self.now))

    def _send(self, data: bytes) -> None:
        if data and not self.dead:
            self._acts(self.firmware.receive(data, self._switch))

    def _deliver(self, answer: bytes) -> None:
        if not answer or self.dead or self.reading is None:
            return
        middle = (len(answer) + 1) // 2
        if self.half:
            answer = answer[:middle] if len(answer) > 1 else b""
        if self.spoilt_by_flow_control:
            answer = answer[:middle] + b"\x13\x11" + answer[middle:]
        self._tell(self.reading.received(self.noise + answer, self.now))

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            if change.level not in ("unknown", "open" if self.is_open else "closed"):
                self._check_honest(change)
            self._tell_level(change.level, change.at)

    def _check_honest(self, change: Change) -> None:
        """What is told was so a moment ago: it held for the debounce time, and moved again just now.

        Of a drawer that streams, silence is closed or a fault, and nobody can tell (its profile says so).
        """
        if isinstance(self.profile.status, StreamStatus) and (self.dead or self.half):
            return
        if self.now - self.moved_at > FINE_FOR_S:
            raise Wrong(f"told {change.level}, and the drawer has not been that for long")

    def _check_told(self) -> None:
        """Nothing has changed for long: the level is what the drawer can tell of itself."""
        told = self.told[1] if self.told is not None else "unknown"
        if told not in self._tellable():
            raise Wrong(f"told {told}, and it is {'open' if self.is_open else 'closed'}")

    def _tellable(self) -> set[Level]:
        truth: Level = "open" if self.is_open else "closed"
        status, silent = self.profile.status, self.dead or self.half
        match status:
            case NoStatus():
                return {"unknown"}
            case StreamStatus():
                return {"closed", "unknown"} if silent or not self.is_open else {"open"}
            case LineStatus():
                return {truth}
            case QueryStatus() if self.noise or self.spoilt_by_flow_control:
                return {"unknown"}
            case _:
                return {"unknown"} if silent else {truth}

    def _tell_level(self, level: Level, at: float) -> None:
        if self.told == (self.connection, level):
            return
        self.told = (self.connection, level)
        report = DrawerLevel(drawer="drawer", level=level, connection=self.connection, at=at)
        self._note(oracle.Told(level, self.connection, at), lambda: _run(self.desk.level_seen(report)))

    # People and programs

    def pay(self) -> None:
        self.wait(0.01)  # no two things are asked at one instant
        if self.checkout.phase is Phase.DUE:
            self._ask(PayAsked(method="cash", amount=AMOUNT))

    def pay_again_and_again(self) -> None:
        """A screen that asks a hundred times."""
        self.wait(0.01)
        for _ in range(self.chance.choice((1, 100))):
            self._ask(PayAsked(method="cash", amount=AMOUNT))

    def cancel(self) -> None:
        self._ask(CancelAsked())

    def ask_drawer_again(self) -> None:
        self.wait(0.01)
        if self.checkout.phase is Phase.AWAITING_CASH:
            self._ask(DrawerOpenAsked(reason="change", by="Ada"))
        else:
            self._open_by_person()

    def _open_by_person(self) -> None:
        self.person_opens = True
        with suppress(DrawerRefused):
            _run(self.desk.open_by_person("change", "Ada"))
        self.person_opens = False

    def confirm(self, amount: int) -> None:
        """A person says that the cash is in."""
        before = self.checkout
        may = amount == AMOUNT and self._operator_may_confirm()
        if may:
            self.confirmed[before.id] = "operator"
        self._ask(ConfirmAsked(amount=amount, by="Ada"))
        if (self.checkout is not before) != may:
            raise Wrong(f"a person may {'' if may else 'not '}confirm now")

    def _operator_may_confirm(self) -> bool:
        match self.checkout.phase:
            case Phase.AWAITING_CASH:
                return oracle.operator_may_confirm([*self.log, (self.now, oracle.Passed())], self.rules)
            case Phase.ATTENTION:
                return self.checkout.id not in self.confirmed
            case _:
                return False

    def pay_at_the_machine(self, amount: int | None) -> None:
        said = PaidMessage(drawer="paid_message", amount=amount, connection=1, at=self.now)
        before, told_before = self.checkout, len(self.unexpected)
        self._note(oracle.Message(amount), lambda: _run(self.desk.paid(said)))
        is_told = len(self.unexpected) > told_before
        counts = "paid-message" in self.rules.confirmed_by and self.checkout is before
        if is_told != (counts and told_before < MOST_UNEXPECTED):
            raise Wrong(f"a message was {'told beside what it did' if is_told else 'lost'}")
        about = self.awaited_id if oracle.is_first_word(self.log) else None
        if is_told and self.unexpected[-1] != PaidUnexpectedly(amount=amount, checkout_id=about):
            raise Wrong(f"{self.unexpected[-1]} was told of a message about {about}")

    def tear_message(self) -> None:
        torn = TornMessage(drawer="paid_message", at=self.now)
        self._note(oracle.MessageTorn(), lambda: _run(self.desk.message_torn(torn)))

    def lose_messages(self) -> None:
        self._note(oracle.MessagesLost(), lambda: _run(self.desk.line_lost("paid_message")))

    def find_messages(self) -> None:
        self._note(oracle.MessagesBack(), lambda: self.desk.line_found("paid_message"))

    def restart(self) -> None:
        """All that is only in memory is gone; the journal has the checkout."""
        self.close()
        self.reading, self.told, self.unexpected = None, None, []
        self.desk = DrawerDesk(self, self, self.rules)
        self._note(oracle.Restarted())
        self._ask(Restarted(rules=self.checkout.rules))
        self.connect()

    def close(self) -> None:
        """What waits for the port is never carried out."""
        for _, pulse in self.pulses:
            pulse.close()
        self.pulses.clear()

    def let_pulses_go(self) -> None:
        """The port is free again."""
        self.pulses_wait = False
        while self.pulses:
            self.pulse_of, pulse = self.pulses.pop(0)
            _run(pulse)

    def answer(self, answer: Numbered) -> None:
        """The API answers what it was asked."""
        if self.checkout.asking is not None:
            self._ask(answer(self.checkout.asking.number))

    def end(self) -> None:
        """The API is there, and everything confirmed has its turn: a start that is owed must be sent now."""
        self.let_pulses_go()
        self._book()
        if owed := self.confirmed.keys() - self.started:
            raise Wrong(f"start/cash was withheld: {owed}")

    def next_customer(self) -> None:
        """The one in front is served, or has gone."""
        self._book()
        if self.checkout.phase not in {Phase.DUE, Phase.AWAITING_CASH}:
            self.checkout = self._next_customer()

    def _book(self) -> None:
        """The API is there, and what is confirmed has its turn."""
        if self.checkout.phase is Phase.CONFIRMED:
            self.api = "online"
            self._ask(Turn())
            self.answer(saved())  # where the transaction had to be created anew

    def _next_customer(self) -> Checkout:
        self.number += 1
        return replace(_due(self.rules.confirmed_by), id=f"co_{self.number}")

    # What the desk asks of its till

    def now_s(self) -> float:
        return self.now

    def wall(self) -> datetime:
        return WALL

    def find_open(self, checkout_id: str) -> Checkout | None:
        return None if checkout_id != self.checkout.id or self.checkout.final else self.checkout

    async def happened(self, checkout_id: str, event: DeviceEvent, drawer: Sequence[DrawerTold] = ()) -> None:
        for told in drawer:
            await self.drawer_did(told)
        if checkout_id != self.checkout.id:
            return
        if isinstance(event, CashConfirmed):
            expected = oracle.confirmed_by(self.log, self.rules)
            if expected != event.evidence.kind or event.evidence.amount != AMOUNT:
                raise Wrong(f"{event.evidence.kind} confirmed {event.evidence.amount}; the judge says {expected}")
            self.confirmed[checkout_id] = event.evidence.kind
        if isinstance(event, OtherAmountPaid) and not oracle.other_amount_paid(self.log, self.rules):
            raise Wrong("no message named another amount")
        self._ask(event)

    def drawer_is(self, drawer: str, level: Level) -> None:
        """Nobody looks."""

    async def record_drawer(self, told: DrawerTold, key: IdempotencyKey | None = None) -> None:
        """Nobody reads it."""

    async def drawer_did(self, told: DrawerTold) -> None:
        """Nor this."""

    async def paid_unexpectedly(self, sign: PaidUnexpectedly) -> None:
        self.unexpected.append(sign)

    async def put(self, job: Job) -> None:
        await job()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        self.pulses.append((self.awaited, work))

    # What the desk asks of its drawer

    @property
    def name(self) -> str:
        return "drawer"

    @property
    def capabilities(self) -> DrawerCapabilities:
        return self.profile.capabilities

    async def run(self, report: object) -> None:
        """It runs all the time."""

    async def open_drawer(self, still_wanted: Callable[[], bool]) -> float:
        if self.rules.opened_by == "register":
            raise DrawerRefused("the register opens this drawer")
        if not still_wanted():
            raise DrawerRefused("nobody waits for the drawer any more")
        self._check_wanted()
        if self.reading is None or self.refuses:
            if self.pulse_of == self.awaited:
                self._log(oracle.PulseRefused())
            raise DrawerRefused("not now")
        self._log(oracle.PulseLeft())
        self._send(self.profile.pulse_bytes)
        self.reading.pulse_sent(self.now)
        self._stir()
        return self.now

    def _check_wanted(self) -> None:
        """One pulse for each time that cash is awaited, and only while it is."""
        if self.person_opens:
            return
        if self.checkout.phase is not Phase.AWAITING_CASH or self.pulse_of in self.pulsed:
            raise Wrong("the drawer was opened once more than anybody wanted")
        self.pulsed.add(self.pulse_of)

    # The table, and the judge

    def _ask(self, event: Event) -> None:
        before = self.checkout
        told = situation(self.now, api=self.api, drawer=self.desk.watch.level)
        try:
            self.checkout, effects = step(before, event, told)
        except NotAllowed:
            return
        for effect in effects:
            if isinstance(effect, StartTransaction):
                self._started(effect)
        if OpenDrawer() in effects:
            self._log(oracle.Awaited(AMOUNT))
            self.awaited += 1
            self.awaited_id, self.unexpected = self.checkout.id, []
            _run(self.desk.expect_cash(self.checkout))
            if not self.pulses_wait:
                self.let_pulses_go()
        elif before.phase is Phase.AWAITING_CASH and self.checkout.phase is not Phase.AWAITING_CASH:
            self._log(oracle.Over())
            self.desk.stop_expecting()

    def _started(self, start: StartTransaction) -> None:
        kind = self.confirmed.get(self.checkout.id)
        if start.method != "cash" or kind is None:
            raise Wrong(f"start/{start.method} was sent without evidence")
        self.started.add(self.checkout.id)

    def _log(self, what: oracle.What) -> None:
        self.log.append((self.now, what))

    def _note(self, what: oracle.What, tell: Callable[[], None] | None = None) -> None:
        """Something was seen: the desk is told, and must do what the judge says."""
        awaited, confirmed = self.checkout.phase is Phase.AWAITING_CASH, self.confirmed.get(self.checkout.id)
        if not (isinstance(what, oracle.Passed) and self.log and isinstance(self.log[-1][1], oracle.Passed)):
            self._log(what)
        else:
            self.log[-1] = (self.now, what)
        expected = oracle.confirmed_by(self.log, self.rules) if awaited else None
        if tell is not None:
            tell()
        if expected is not None and confirmed is None and expected != self.confirmed.get(self.checkout.id):
            raise Wrong(f"{expected} was there, and nothing came of it")


def _at(coming: tuple[float, Callable[[], None]]) -> float:
    return coming[0]


def _run(work: Coroutine[object, None, None]) -> None:
    """Do it to its end: nothing in this world waits."""
    try:
        work.send(None)
    except StopIteration:
        return
    raise AssertionError("it waited")
