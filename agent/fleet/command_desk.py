"""Carries out what the fleet may ask of this till, and nothing else.

A command is written into the journal before it is carried out, with its id as the key that makes it happen once, also
after a restart; what became of it is written when it is over. No command opens a drawer or confirms cash: there is
none here, and none may be added.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, assert_never

from agent.checkout.events import RetryAsked
from agent.checkout.offline import OfflineLimits
from agent.checkout.state import Checkout, Phase
from agent.checkout.step import NotAllowed
from agent.checkout.waiting import waiting_in
from agent.fleet.admission import Allowed, Arrived, Refused, admitted
from agent.fleet.payloads import (
    Answer,
    Change,
    Check,
    Command,
    ListWaiting,
    Outcome,
    ReadState,
    Refusal,
    Restart,
    Retry,
    SetLogLevel,
    State,
)
from agent.fleet.records import FleetCommandEnded, FleetCommandTaken
from agent.fleet.view import checkout_standing
from agent.journal.errors import JournalError, NotWritten
from agent.journal.records import IdempotencyKey
from agent.till.inbox import Overloaded
from agent.till.refusals import AnotherIsActive, NoSuchCheckout

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

logger = logging.getLogger("tillwire.fleet")

MOST_A_MINUTE = 30
"""Commands that are looked at: a sender gone wild neither fills the journal nor takes the till's time."""
MINUTE_S = 60.0
MOST_AT_ONCE = 4
"""Commands under way: one that waits for a customer to go does not keep a person from reading the state."""
MOST_LISTED = 20
"""Waiting payments in one answer; the state says how many there are."""

Values = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What `tillwire check` says: `wrong` is one line each."""

    ready: bool
    wrong: tuple[str, ...]


class CheckFailed(Exception):
    """`tillwire check` itself came to no answer. The text says why."""


class CommandedTill(Protocol):
    """What commands need of the till."""

    @property
    def open_checkouts(self) -> list[Checkout]: ...
    @property
    def active(self) -> Checkout | None: ...
    async def job_done(self) -> None: ...
    async def record(self, event: "DataclassInstance", key: IdempotencyKey | None = None) -> bool: ...
    async def ask(self, checkout_id: str, request: RetryAsked) -> Checkout: ...
    async def limit_offline(self, limits: OfflineLimits) -> None: ...


class Box(Protocol):
    """What commands need of the box that the till runs on."""

    async def check(self, values: Values) -> Findings:
        """Say what `tillwire check` says with these values instead of what is in effect. Raises CheckFailed."""

    async def offline_limits(self, values: Values) -> OfflineLimits:
        """Return the limits with these values instead. Raises ValueError where the configuration refuses them."""

    async def keep(self, values: Values) -> None:
        """Make these values last, over what was changed before. Raises OSError."""

    def set_log_level(self, level: str) -> None: ...
    def restart(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The tools of the desk. `wall` is the time for people, `clock` counts monotonic seconds."""

    till: CommandedTill
    box: Box
    allowed: Allowed
    state: Callable[[], State]
    wall: Callable[[], datetime]
    clock: Callable[[], float]
    answer: Callable[[Answer], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    """What became of a command, before it is an answer."""

    outcome: Outcome = "done"
    reason: str | None = None
    ready: bool | None = None
    findings: tuple[str, ...] | None = None
    state: State | None = None
    waiting: tuple[Checkout, ...] | None = None


class CommandDesk:
    """Takes commands one after the other, and carries out a few at once. `run` works until it is cancelled."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._looked_at: deque[float] = deque(maxlen=MOST_A_MINUTE)
        self._passing_over = False
        self._under_way = 0
        self._changing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, arrived: Arrived) -> None:
        """Take a message from a command topic. Raises nothing: what is refused is journalled and answered."""
        if self._too_many():
            if not self._passing_over:
                logger.warning("more than %d commands a minute, the last of %s", MOST_A_MINUTE, arrived.sender)
            self._passing_over = True
            return
        self._passing_over = False
        found = admitted(arrived, self._desk.allowed, self._desk.wall())
        try:
            if isinstance(found, Refused):
                await self._refuse(arrived.sender, found)
            elif self._under_way >= MOST_AT_ONCE:
                await self._refuse(arrived.sender, _refused(found, "too_many"))
            else:
                await self._begin(arrived.sender, found)
        except (JournalError, Overloaded) as error:
            logger.warning("a command of %s was not taken: %s", arrived.sender, error or "too much is waiting")

    async def stop(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _too_many(self) -> bool:
        now = self._desk.clock()
        full = len(self._looked_at) == MOST_A_MINUTE and now - self._looked_at[0] < MINUTE_S
        if not full:
            self._looked_at.append(now)
        return full

    async def _begin(self, sender: str, command: Command) -> None:
        taken = FleetCommandTaken(
            id=command.id, sender=sender, command=command.command, asked=command.model_dump(mode="json")
        )
        key = IdempotencyKey(key=f"fleet {command.id}", digest="")
        if not await self._desk.till.record(taken, key):
            await self._refuse(sender, _refused(command, "repeated"))
            return
        self._under_way += 1
        task = asyncio.get_running_loop().create_task(self._carry_out(sender, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _refuse(self, sender: str, refused: Refused) -> None:
        logger.warning("command %s of %s is refused: %s", refused.command, sender, refused.reason)
        taken = FleetCommandTaken(id=refused.id, sender=sender, command=refused.command, refused=refused.reason)
        await self._desk.till.record(taken)
        if refused.id is not None and refused.reason != "unknown_sender":
            done = _Done(outcome="refused", reason=refused.reason)
            self._answer(refused.id, sender, refused.command, done)

    async def _carry_out(self, sender: str, command: Command) -> None:
        try:
            done = await self._done(sender, command)
        except CheckFailed as error:
            done = _Done(outcome="failed", reason=str(error))
        except Exception as error:  # the agent goes on whatever a command does
            logger.exception("command %s failed", command.command)
            done = _Done(outcome="failed", reason=type(error).__name__)
        finally:
            self._under_way -= 1
        ended = FleetCommandEnded(
            id=command.id, sender=sender, command=command.command, outcome=done.outcome, reason=done.reason
        )
        try:
            await self._desk.till.record(ended)
        except (JournalError, Overloaded):
            logger.warning("what became of command %s could not be written", command.command)
        self._answer(command.id, sender, command.command, done)
        if isinstance(command, Restart) and done.outcome == "done":
            self._desk.box.restart()

    async def _done(self, sender: str, command: Command) -> _Done:
        match command:
            case Check() | ReadState() | ListWaiting():
                return await self._told(command)
            case SetLogLevel(level=level):
                self._desk.box.set_log_level(level)
                return _Done()
            case Retry(checkout=checkout_id):
                return await self._retry(sender, checkout_id)
            case Restart():
                return await self._restart(command)
            case Change():
                async with self._changing:
                    return await self._change(command)
            case _:
                assert_never(command)

    async def _told(self, command: Check | ReadState | ListWaiting) -> _Done:
        match command:
            case Check():
                findings = await self._desk.box.check({})
                return _Done(ready=findings.ready, findings=findings.wrong)
            case ReadState():
                return _Done(state=self._desk.state())
            case _:
                return _Done(waiting=tuple(waiting_in(self._desk.till.open_checkouts)[:MOST_LISTED]))

    async def _retry(self, sender: str, checkout_id: str) -> _Done:
        try:
            checkout = await self._desk.till.ask(checkout_id, RetryAsked(by=f"fleet: {sender}"))
        except NoSuchCheckout:
            return _Done(outcome="failed", reason="there is no such checkout")
        except NotAllowed as error:
            return _Done(outcome="failed", reason=str(error))
        except NotWritten:
            return _Done(outcome="failed", reason="the disk refuses")
        return _Done(reason=None if checkout.phase is not Phase.ATTENTION else "it still needs attention")

    async def _restart(self, command: Restart) -> _Done:
        if await self._when_idle(self._is_idle, command.expires):
            return _Done()
        return _Done(outcome="failed", reason="a customer was being served all the time")

    async def _change(self, command: Change) -> _Done:
        """Apply in memory, check, and only then make it last: a crash in between leaves what was before."""
        box = self._desk.box
        try:
            wanted, before = await box.offline_limits(command.values), await box.offline_limits({})
        except ValueError as error:
            return _Done(outcome="failed", reason=str(error))
        was_wrong = (await box.check({})).wrong
        if not await self._when_idle(lambda: self._applied(wanted), command.expires):
            return _Done(outcome="failed", reason="a customer was being served all the time")
        try:
            new = tuple(line for line in (await box.check(command.values)).wrong if line not in was_wrong)
            if not new:
                await box.keep(command.values)
                return _Done()
        except CheckFailed as error:  # it did give an answer before
            new = (str(error),)
        except OSError as error:
            new = (f"it cannot be kept: {error.strerror}",)
        except asyncio.CancelledError:
            await self._take_back(before)
            raise
        await self._take_back(before)
        return _Done(outcome="rolled_back", reason="tillwire check says that something is wrong", findings=new)

    async def _take_back(self, before: OfflineLimits) -> None:
        """Whoever is served meanwhile is served by the new limits to the end."""
        while not await self._applied(before):
            await self._desk.till.job_done()

    async def _applied(self, limits: OfflineLimits) -> bool:
        try:
            await self._desk.till.limit_offline(limits)
        except AnotherIsActive:
            return False
        return True

    async def _is_idle(self) -> bool:
        return self._desk.till.active is None

    async def _when_idle(self, act: Callable[[], Awaitable[bool]], expires: datetime) -> bool:
        """Do this as soon as it can be done; False when the command expired before."""
        left_s = (expires - self._desk.wall()).total_seconds()
        try:
            async with asyncio.timeout(left_s):
                while not await act():
                    await self._desk.till.job_done()
        except TimeoutError:
            return False
        return True

    def _answer(self, command_id: str, sender: str, command: str, done: _Done) -> None:
        waiting = None if done.waiting is None else tuple(map(checkout_standing, done.waiting))
        self._desk.answer(
            Answer(
                id=command_id,
                sender=sender,
                command=command,
                at=self._desk.wall(),
                outcome=done.outcome,
                reason=done.reason,
                ready=done.ready,
                findings=done.findings,
                state=done.state,
                waiting=waiting,
            )
        )


def _refused(command: Command, reason: Refusal) -> Refused:
    return Refused(reason=reason, id=command.id, command=command.command)
