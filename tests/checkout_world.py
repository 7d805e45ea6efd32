"""One agent and one server: from a world, every way in which it may go on.

The agent is the checkout table. The server is tests/server_model.py. Between them a request is answered, is never sent,
or gets no usable answer; then it may still be carried out, once, until its time has passed. At any moment people may
ask, the drawer may move, and the agent may be started again. What must not happen raises Wrong.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from agent.checkout.effects import (
    ApplyBalance,
    CancelTransaction,
    CreateTransaction,
    Effect,
    ReadTransaction,
    StartTransaction,
    UpdateTransaction,
)
from agent.checkout.events import (
    Answer,
    Applied,
    CallNotAuthorised,
    CallNotSent,
    CallRefused,
    CallUnknown,
    CancelAnswered,
    Event,
    ReadAnswered,
    Restarted,
    StartAnswered,
    TransactionSaved,
)
from agent.checkout.handed_over import begin_handed_over
from agent.checkout.state import Api, ApiProblem, Checkout, HandedOver, Phase, TransactionFacts
from tests.checkout_agent import Agent
from tests.checkouts import NOW_S, RULES, VALID, WALL, as_seen_now, new_checkout, reversal_of, sold
from tests.server_model import Cancel, Change, Execution, Held, PreTransaction, SecondStart, Start, Update, carry_out

NOT_STARTED = frozenset(
    {Phase.DRAFT, Phase.APPLYING, Phase.DUE, Phase.AWAITING_CASH, Phase.CONFIRMED, Phase.CANCELLED, Phase.FAILED}
)
NOT_SENT, NOT_AUTHORISED, UNKNOWN = CallNotSent(number=1), CallNotAuthorised(number=1), CallUnknown(number=1)
REFUSED = CallRefused(number=1, problem=ApiProblem(error="a"))
MOST_LATE = 2
"""Requests that wait at the same time to be carried out late; a third is taken as lost."""


class Wrong(Exception):
    """The law of the till is broken."""


class Shown(NamedTuple):
    """What was on the screen when the payment was confirmed: goods for so much, so much of it to be paid."""

    sum: int
    amount: int


class Late(NamedTuple):
    """A request that got no usable answer and may still be carried out. `held`: on a transaction left behind."""

    change: Change
    held: Held | None = None


class Awaited(NamedTuple):
    """The request whose answer the agent waits for. `proves`: a read that began after the late window."""

    call: Effect
    change: Change | None = None
    answer: Answer | None = None  # carried out, and on its way back
    proves: bool = False


class World(NamedTuple):
    """All that matters. `window`: so many of the late requests are over before the agent's late window is."""

    checkout: int
    held: Held | None = None
    before: Held | None = None  # what a stale read may still show
    awaited: Awaited | None = None
    late: tuple[Late, ...] = ()
    window: int = 0
    shown: Shown | None = None
    booked: Execution | None = None


Move = tuple[object, Callable[[], World | None]]
"""What happens, and the world after it; None: nothing comes of it."""


@dataclass(frozen=True, slots=True)
class Story:
    """How something went wrong, one move after the other."""

    wrong: str
    moves: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join([*self.moves, self.wrong])


@dataclass(slots=True)
class Walk:
    """Every world that can be reached from a beginning, the nearest first: a fresh checkout if nothing else is said."""

    agent: Agent
    second_start: SecondStart
    first: World | None = None
    _came_from: dict[World, tuple[World, object] | None] = field(default_factory=dict)

    @property
    def worlds(self) -> int:
        """So many worlds were seen up to now."""
        return len(self._came_from)

    def stories(self) -> Iterator[Story]:
        """Go on until nothing new is reached; tell each thing that goes wrong, once, on the shortest way to it."""
        first = self.first or World(self.agent.number(as_seen_now(new_checkout(self.agent.goods[0]))))
        self._came_from[first] = None
        told: set[str] = set()
        waiting = deque([first])
        while waiting:
            world = waiting.popleft()
            for what, move in self._moves(world):
                try:
                    reached = move()
                except Wrong as wrong:
                    if str(wrong) not in told:
                        told.add(str(wrong))
                        yield Story(str(wrong), (*self._moves_to(world), str(what)))
                    continue
                if reached is not None and reached not in self._came_from:
                    self._came_from[reached] = world, what
                    waiting.append(reached)

    def _moves_to(self, world: World) -> list[str]:
        moves: list[str] = []
        while (came := self._came_from[world]) is not None:
            moves.insert(0, f"{came[1]} -> {self._checkout(world).phase}")
            world = came[0]
        return moves

    def _checkout(self, world: World) -> Checkout:
        return self.agent.checkouts[world.checkout]

    def _moves(self, world: World) -> Iterator[Move]:
        if world.awaited is not None:
            yield from self._moves_of_request(world, world.awaited)
        for place, late in enumerate(world.late):
            yield late, partial(self._late, world, place)
        yield "time passes", partial(self._time_passes, world)
        for event, api in self.agent.may_happen(world.checkout):
            yield (event, api), partial(self._take, world, event, api)

    # Requests on their way

    def _moves_of_request(self, world: World, awaited: Awaited) -> Iterator[Move]:
        if awaited.answer is not None:
            yield awaited.answer, partial(self._take, world, awaited.answer)
        else:
            yield from self._carried_out(world, awaited)
            yield NOT_SENT, partial(self._take, world, NOT_SENT)
            yield NOT_AUTHORISED, partial(self._take, world, NOT_AUTHORISED)
            yield REFUSED, partial(self._unanswered, world, REFUSED)
        yield UNKNOWN, partial(self._unanswered, world, UNKNOWN)

    def _carried_out(self, world: World, awaited: Awaited) -> Iterator[Move]:
        """A created transaction is known from its answer only, so that both are one move."""
        if isinstance(awaited.call, CreateTransaction):
            yield "created", partial(self._created, world)
        elif isinstance(awaited.call, ReadTransaction):
            for facts in {*_read_facts(world.held), *_read_facts(world.before)}:
                yield facts, partial(self._read, world, awaited, facts)
        elif awaited.change is not None:
            yield awaited.change, partial(self._change, world, awaited, awaited.change)
            if isinstance(awaited.change, Start):
                failing = replace(awaited.change, fails=True)
                yield failing, partial(self._change, world, awaited, failing)

    def _created(self, world: World) -> World | None:
        checkout = self._checkout(world)
        held = Held(sum=checkout.basket.sum, card=checkout.card is not None)
        world = _left_behind(world)._replace(held=held)
        return self._take(world, TransactionSaved(number=1, facts=_facts(held)))

    def _read(self, world: World, awaited: Awaited, facts: TransactionFacts) -> World:
        begun_s = NOW_S if awaited.proves else NOW_S - 1.0
        answer = ReadAnswered(number=1, begun_s=begun_s, facts=facts)
        return world._replace(awaited=awaited._replace(answer=answer))

    def _change(self, world: World, awaited: Awaited, change: Change) -> World:
        world, held, usable = self._carry_out(world, change, world.held)
        answer = _answer(change, held) if usable else REFUSED
        return _held(world, held)._replace(awaited=awaited._replace(answer=answer))

    def _carry_out(self, world: World, change: Change, held: Held | None) -> tuple[World, Held, bool]:
        assert held is not None, "a change needs a transaction"
        held, booked, usable = carry_out(change, held, self.second_start)
        return (world if booked is None else self._book(world, booked)), held, usable

    def _book(self, world: World, booked: Execution) -> World:
        phase = self._checkout(world).phase
        if world.booked is not None:
            raise Wrong("executed twice")
        if world.shown is None or phase in NOT_STARTED:
            raise Wrong(f"executed without confirmation, in {phase}")
        if world.shown != Shown(booked.sum, booked.paid):
            raise Wrong(f"shown {world.shown.amount} of {world.shown.sum}, executed {booked.paid} of {booked.sum}")
        return world._replace(booked=booked)

    def _unanswered(self, world: World, event: Answer) -> World | None:
        """Neither silence nor an error proves that a request was not, or will not be, carried out."""
        awaited = world.awaited
        if awaited is not None and awaited.change is not None and awaited.answer is None:
            world = world._replace(late=(*world.late, Late(awaited.change)))
        return self._take(world, event)

    def _late(self, world: World, place: int) -> World:
        late = world.late[place]
        world, held, _ = self._carry_out(world, late.change, late.held or world.held)
        rest = world.late[:place] + world.late[place + 1 :]
        if late.held is not None:
            rest = tuple(other._replace(held=held) if other.held == late.held else other for other in rest)
        else:
            world = _held(world, held)
        return world._replace(late=rest, window=world.window - (place < world.window))

    def _time_passes(self, world: World) -> World | None:
        """The request that waits longest is over; or the agent's late window, which ends after those before it."""
        checkout = self._checkout(world)
        pursuit = checkout.pursuit
        runs = pursuit is not None and pursuit.ends_s > NOW_S
        if world.late and (world.window or not runs):
            return world._replace(late=world.late[1:], window=max(world.window - 1, 0), before=None)
        if pursuit is not None and runs:
            over = replace(checkout, pursuit=replace(pursuit, ends_s=NOW_S))
            return world._replace(checkout=self.agent.number(over), before=None)
        return world._replace(before=None)

    # What the agent does with an event

    def _take(self, world: World, event: Event, api: Api = "online") -> World | None:
        told = self.agent.step(world.checkout, event, api)
        if told is None:
            return None
        number, effects = told
        before, after = self._checkout(world), self.agent.checkouts[number]
        if after.phase is Phase.COMPLETED and world.booked is None:
            raise Wrong("completed, but never executed")
        if after.phase in NOT_STARTED and world.booked is not None:
            raise Wrong(f"executed, and then {after.phase}")
        world = self._asked(world, event, after, effects)
        if len(world.late) > MOST_LATE:
            return None
        shown = _shown(before, after, world.shown)
        return world._replace(checkout=number, shown=shown, window=_window(world, before, after, event))

    def _asked(self, world: World, event: Event, after: Checkout, effects: tuple[Effect, ...]) -> World:
        """Follow requests: the one that was answered is over, one that nobody waits for any more may come late."""
        awaited = world.awaited
        if awaited is not None and (isinstance(event, Answer) or after.asking is None or _request(effects)):
            if not isinstance(event, Answer) and awaited.change is not None and awaited.answer is None:
                world = world._replace(late=(*world.late, Late(awaited.change)))
            awaited = None
        if after.transaction is None and world.held is not None and not (after.final or after.handed_over):
            world = _left_behind(world)
        if (effect := _request(effects)) is not None:
            proves = after.pursuit is not None and after.pursuit.ends_s <= NOW_S
            awaited = Awaited(effect, _change_of(effect, after), proves=proves)
        return world._replace(awaited=awaited)


def of_handed_over(agent: Agent) -> World:
    """A register has created a transaction and hands it over."""
    checkout, (read,) = begin_handed_over(
        HandedOver(transaction_id="STX_1", amount_due=796), "co_1", RULES, NOW_S, WALL
    )
    held = Held(sum=796, card=False)
    return World(agent.number(as_seen_now(checkout)), held=held, awaited=Awaited(read))


def of_reversal(agent: Agent) -> World:
    """A person takes back what was executed."""
    held = Held(sum=796, card=False, status="ok")
    cancel = CancelTransaction(number=1, transaction_id="STX_1", action_id="co_2.1")
    number = agent.number(as_seen_now(reversal_of(sold())))
    return World(number, held=held, awaited=Awaited(cancel, Cancel()), shown=Shown(796, 796))


def _facts(held: Held) -> TransactionFacts:
    return TransactionFacts(id="STX_1", status=held.status, sum=held.sum, card=VALID if held.card else None)


def _read_facts(held: Held | None) -> Iterator[TransactionFacts]:
    """A read may show `missing_sum` or not. `updated`, where it is shown, can only make the table more careful."""
    if held is not None:
        yield _facts(held)
        yield replace(_facts(held), missing_sum=held.missing_sum)


def _answer(change: Change, held: Held) -> Answer:
    match change:
        case Update():
            return TransactionSaved(number=1, facts=_facts(held))
        case PreTransaction():
            return Applied(number=1, missing_sum=held.missing_sum or 0)
        case Start():
            return StartAnswered(number=1, facts=_facts(held))
        case Cancel():
            return CancelAnswered(number=1, facts=_facts(held))


def _held(world: World, held: Held) -> World:
    """What the server holds now, and what a stale read may go on showing for a while."""
    return world if held == world.held else world._replace(held=held, before=world.held)


def _request(effects: tuple[Effect, ...]) -> Effect | None:
    return next((effect for effect in effects if hasattr(effect, "number")), None)


def _change_of(effect: Effect, checkout: Checkout) -> Change | None:
    match effect:
        case UpdateTransaction():
            return Update(sum=checkout.basket.sum, card=checkout.card is not None)
        case ApplyBalance():
            return PreTransaction()
        case StartTransaction(method=method):
            return Start(method=method)
        case CancelTransaction():
            return Cancel()
        case _:
            return None


def _left_behind(world: World) -> World:
    """Of a transaction that the agent has left only a late start matters."""
    kept = [(late.held is not None or isinstance(late.change, Start), late) for late in world.late]
    late = tuple(late if late.held is not None else Late(late.change, world.held) for keep, late in kept if keep)
    return world._replace(held=None, before=None, late=late, window=sum(keep for keep, _ in kept[: world.window]))


def _shown(before: Checkout, after: Checkout, shown: Shown | None) -> Shown | None:
    """The screen is what it was when the evidence came, or when a payment without cash was started."""
    payment = after.payment
    if after.final or after.reversal is not None:
        return shown
    if payment is None or after.amount_due is None or (payment.method == "cash" and payment.evidence is None):
        return None
    confirmed_before = before.payment is not None and (payment.method != "cash" or before.payment.evidence is not None)
    return shown if confirmed_before else Shown(after.basket.sum, after.amount_due)


def _window(world: World, before: Checkout, after: Checkout, event: Event) -> int:
    """A late window that opens now ends after everything that is late by now."""
    if after.pursuit is None or after.pursuit.ends_s <= NOW_S:
        return 0
    opens = before.pursuit is None or before.pursuit.ends_s <= NOW_S or isinstance(event, Restarted)
    return len(world.late) if opens else world.window
