"""One till in the fleet: keeps a session with the broker as long as there is one, and never more than that.

Nothing here is waited for by the till. Whatever fails, the till goes on, and a session is tried again after a pause
that grows, with jitter, so that hundreds of tills do not come back at the same moment.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Never, Protocol

from agent.fleet.admission import Allowed, Arrived
from agent.fleet.broker import GOODBYE_TIMEOUT_S, Broker, Publication, Session, Unusable, connected
from agent.fleet.command_desk import Box, CommandDesk, CommandedTill, Desk
from agent.fleet.cursor import Cursor
from agent.fleet.outbox import Outbox, ReadJournal
from agent.fleet.payloads import Answer, Event, Presence, State
from agent.fleet.topics import Topics
from agent.fleet.view import Standing, says_the_same, state_of
from agent.journal.errors import JournalError
from agent.journal.event_id import EventId
from agent.side_by_side import side_by_side

logger = logging.getLogger("tillwire.fleet")

MOST_ANSWERS_WAITING = 16
"""Answers while the connection comes back; what became of a command is in the journal as well."""
MOST_REASONS = 8
"""Why there is no session, each said once; whatever names the reason anew each time is not worth a line a minute."""
STATE_PAUSE_S = 0.5
"""What changes within a moment, as a drawer and its checkout, is one state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Pauses between two tries, in seconds."""

    first_s: float = 1.0
    longest_s: float = 60.0  # an hour of the broker's absence is noticed to be over within a minute

    def pause_s(self, tries: int, jitter: float) -> float:
        """Return how long to wait after so many tries in vain. `jitter`: 0 to 1."""
        return float(min(self.first_s * 2.0 ** min(tries, 16), self.longest_s)) * (0.5 + jitter / 2)


class FleetTill(CommandedTill, Protocol):
    """What the fleet needs of the till."""

    @property
    def ready(self) -> asyncio.Event: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A till, and how it takes part. `standing` tells how it stands now; `jitter` gives a number from 0 to 1."""

    broker: Broker
    topics: Topics
    allowed: Allowed
    till: FleetTill
    journal: ReadJournal
    cursor: Cursor
    box: Box
    standing: Callable[[], Standing]
    wall: Callable[[], datetime]
    jitter: Callable[[], float]
    patience: Patience = Patience()


class Fleet:
    """Takes part until `run` is cancelled."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._outbox = Outbox(
            member.journal, member.cursor, member.till.job_done, lambda: member.till.active is not None
        )
        self._desk = CommandDesk(
            Desk(
                till=member.till,
                box=member.box,
                allowed=member.allowed,
                state=self._state,
                wall=member.wall,
                clock=asyncio.get_running_loop().time,
                answer=self._answer,
            )
        )
        self._answers: deque[Answer] = deque(maxlen=MOST_ANSWERS_WAITING)
        self._answered = asyncio.Event()
        self._tries = 0

    async def run(self) -> None:
        """Work until cancelled; a broker that is not there, or a mistake in here, is no reason to end."""
        await self._member.till.ready.wait()
        began = False
        said: frozenset[str] = frozenset()
        try:
            while True:
                try:
                    if not began:
                        await self._outbox.begin()
                        began = True
                    await self._meet()
                except (Unusable, JournalError, OSError) as error:
                    said = self._say_once(str(error), said)
                except Exception:
                    logger.exception("a mistake of ours: the fleet is told again in a while")
                await asyncio.sleep(self._member.patience.pause_s(self._tries, self._member.jitter()))
                self._tries += 1
        finally:
            await self._desk.stop()

    def _say_once(self, why: str, said: frozenset[str]) -> frozenset[str]:
        """Log why there is no session, each reason once: a broker that is away may refuse and be silent in turn."""
        said = said if self._tries else frozenset()
        is_new = why not in said and len(said) < MOST_REASONS
        logger.log(logging.WARNING if is_new else logging.DEBUG, "the fleet is not reached: %s", why)
        return said | {why} if is_new else said

    async def _meet(self) -> None:
        """Be in one session, until it is over. One that did not last counts as a try in vain."""
        member, clock = self._member, asyncio.get_running_loop().time
        will = self._presence(online=False)
        async with connected(member.broker, will) as session:
            came_s = clock()
            try:
                await session.subscribe(member.topics.commands)
                await session.publish(self._presence(online=True))
                logger.info("the fleet's broker at %s is there", member.broker.host)
                await side_by_side(
                    self._send_events(session),
                    self._send_state(session),
                    self._send_answers(session),
                    self._take_commands(session),
                )
            finally:  # the last will is for a till that cannot say it itself
                if clock() - came_s >= member.patience.longest_s:
                    self._tries = 0
                await self._say_goodbye(session)

    async def _say_goodbye(self, session: Session) -> None:
        with suppress(Unusable, TimeoutError):
            async with asyncio.timeout(GOODBYE_TIMEOUT_S):
                await session.publish(*map(self._told, self._answers), self._presence(online=False))

    async def _send_events(self, session: Session) -> Never:
        async def publish(events: Sequence[Event]) -> None:
            topic = self._member.topics.event
            await session.publish(*(Publication(topic=topic, payload=each.as_json()) for each in events))

        await self._outbox.send(publish)

    async def _send_state(self, session: Session) -> Never:
        told: State | None = None
        while True:
            state = self._state()
            if not says_the_same(state, told):
                topic = self._member.topics.state
                await session.publish(Publication(topic=topic, payload=state.as_json(), retain=True))
                told = state
                await asyncio.sleep(STATE_PAUSE_S)
            else:
                await self._member.till.job_done()

    async def _send_answers(self, session: Session) -> Never:
        while True:
            while self._answers:
                answer = self._answers[0]
                await session.publish(self._told(answer))
                with suppress(ValueError):  # pushed out by newer ones meanwhile
                    self._answers.remove(answer)
            self._answered.clear()
            await self._answered.wait()

    async def _take_commands(self, session: Session) -> None:
        async for message in session.messages():
            sender = self._member.topics.sender_in(message.topic.value)
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if sender is not None:
                await self._desk.take(Arrived(sender=sender, payload=payload, retained=bool(message.retain)))

    def _answer(self, answer: Answer) -> None:
        self._answers.append(answer)
        self._answered.set()

    def _told(self, answer: Answer) -> Publication:
        return Publication(topic=self._member.topics.answer, payload=answer.as_json())

    def _state(self) -> State:
        member = self._member
        newest = EventId(member.journal.id, member.journal.latest_sequence)
        return state_of(member.standing(), newest, member.wall())

    def _presence(self, *, online: bool) -> Publication:
        told = Presence(online=online, at=self._member.wall(), version=self._member.standing().version)
        return Publication(topic=self._member.topics.presence, payload=told.as_json(), retain=True)
