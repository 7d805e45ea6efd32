"""The event stream: what the till tells goes to every reader in order, and nobody waits for a slow one.

Checkouts, drawer openings and what was unexpected are entries of the journal and carry an id, `<journal>-<sequence>`.
A reader that comes back with a known id gets exactly what it missed: from the recent events kept here, or from the
journal. Devices, the drawer's level, connection and busy are *state*: they stand in the snapshot, are told when they
change, and after a gap once more if they changed since. With an unknown or too old id, or none, a reader begins with a
snapshot.

What is told is kept for each reader, and written to all of them a moment later; a scan at once. One that has not taken
what was kept is cut off; it comes back and misses nothing.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from agent.checkout.state import Api, Card, Checkout, Level
from agent.journal.errors import JournalError
from agent.journal.event_id import EventId, parse_event_id
from agent.journal.records import StoredEvent
from agent.kiosk.event_answers import (
    BusyAnswer,
    CardCheckedAnswer,
    CardRefusedAnswer,
    ConnectionAnswer,
    DeviceAnswer,
    DrawerLevelAnswer,
    EventData,
    EventName,
    NotRecordedAnswer,
    SnapshotAnswer,
)
from agent.kiosk.roles import Role
from agent.kiosk.view import card_answer, checkout_answer, device_answer, drawer_answer, scan_answer, unexpected_answer
from agent.till.listener import (
    CardRefusal,
    DrawerTold,
    ScanTold,
    UnexpectedTold,
    drawer_told_from,
    unexpected_told_from,
)
from device.interface import DeviceState

logger = logging.getLogger("tillwire.kiosk.stream")

MOST_READERS = 32
MOST_WAITING = 128
"""Events that wait for one reader: several checkouts' worth, over what the socket itself holds."""
MOST_RECENT = 128
"""Events kept for readers that come back; older ones are read from the journal."""
PAGE = 100
"""Events read from the journal at once: commits get their turn between two pages."""
DELIVERY_PAUSE_S = 0.005
"""What the till does next comes first: writing to 32 readers takes longer than sending `start/cash`. And what happens
within a moment is written at once. Nobody sees the delay."""
PING_S = 15.0
"""Proxies and browsers close a silent connection after 30 to 60 s, and a dead reader is noticed by writing."""
PING = b": ping\n\n"

Missed = Callable[[int, int], Awaitable[Sequence[StoredEvent]]]
"""The journal's events after a sequence, at most so many. Raises JournalError."""
Snapshot = Callable[[Role], SnapshotAnswer]


class TooManyReaders(Exception):
    """There is no room for another reader."""


@dataclass(eq=False, slots=True, kw_only=True)
class Told:
    """One event. It is shown to each role in its own way, and written out once for each."""

    name: EventName
    show: Callable[[Role], EventData]
    sequence: int | None = None
    _frames: dict[Role, bytes] = field(default_factory=dict, init=False, repr=False)

    def frame(self, role: Role, journal: str) -> bytes:
        if role not in self._frames:
            place = b"" if self.sequence is None else f"id: {EventId(journal, self.sequence)}\n".encode()
            data = self.show(role).as_json()
            self._frames[role] = place + f"event: {self.name}\ndata: ".encode() + data + b"\n\n"
        return self._frames[role]


@dataclass(eq=False, slots=True, kw_only=True)
class Reader:
    """One connection. `abort` ends it whatever it is waiting for."""

    role: Role
    abort: Callable[[], None]
    follows: bool = False
    waiting: list[Told] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def give(self, told: Told) -> None:
        """Keep an event until the reader is woken. One that has no room any more is cut off."""
        if len(self.waiting) < MOST_WAITING:
            self.waiting.append(told)
        else:
            logger.warning("a reader of the event stream was too slow and was cut off")
            self.follows = False
            self.abort()

    def take(self) -> list[Told]:
        """Return what waits, and wait for more."""
        taken, self.waiting = self.waiting, []
        self.news.clear()
        return taken

    def end(self) -> None:
        self.follows = False
        self.news.set()


class EventStream:
    """Listens to the till, and tells its readers. `newest`: the journal's newest sequence when the agent started."""

    def __init__(self, journal: str, newest: int) -> None:
        self._journal = journal
        self._began_after = newest
        self._newest = newest
        self._recent: deque[Told] = deque(maxlen=MOST_RECENT)
        self._recent_after = newest
        self._states: dict[str, tuple[Told, int]] = {}
        self._readers: set[Reader] = set()
        self._ended = False
        self._anew_after: int | None = None
        self._delivery: asyncio.TimerHandle | None = None
        self.devices: dict[str, DeviceAnswer] = {}
        self.drawer: DrawerLevelAnswer | None = None

    # What the till tells

    def checkout_changed(self, checkout: Checkout, sequence: int) -> None:
        self._states.pop(_not_recorded(checkout.id), None)
        self._tell_entry(Told(name="checkout", show=lambda role: checkout_answer(checkout, role), sequence=sequence))

    def drawer_is(self, drawer: str, level: Level) -> None:
        self.drawer = shown = DrawerLevelAnswer(drawer=drawer, state=level)
        self._tell_state("drawer level", _same_for_all("drawer_level", shown))

    def drawer_told(self, told: DrawerTold, sequence: int) -> None:
        self._tell_entry(Told(name="drawer", show=lambda role: drawer_answer(told, role), sequence=sequence))

    def scanned(self, told: ScanTold) -> None:
        self._tell(_same_for_all("scan", scan_answer(told)))
        self._deliver()  # somebody stands there with the card in the hand and looks at the screen

    def card_checked(self, scanner: str, card: Card) -> None:
        self._tell(_same_for_all("card_checked", CardCheckedAnswer(scanner=scanner, card=card_answer(card))))

    def card_refused(self, scanner: str | None, reason: CardRefusal) -> None:
        self._tell(_same_for_all("card_refused", CardRefusedAnswer(scanner=scanner, reason=reason)))

    def device_changed(self, state: DeviceState) -> None:
        key = f"{state.kind} {state.name}"
        self.devices[key] = shown = device_answer(state)
        self._tell_state(key, _same_for_all("device", shown))

    def connection_changed(self, api: Api, since: datetime) -> None:
        self._tell_state("connection", _same_for_all("connection", ConnectionAnswer(api=api, since=since)))

    def busy_changed(self, *, busy: bool) -> None:
        self._tell_state("busy", _same_for_all("busy", BusyAnswer(busy=busy)))

    def not_recorded(self, checkout_id: str) -> None:
        told = _same_for_all("not_recorded", NotRecordedAnswer(checkout=checkout_id))
        self._tell_state(_not_recorded(checkout_id), told)

    def unexpected_told(self, told: UnexpectedTold, sequence: int) -> None:
        self._tell_entry(_unexpected(told, sequence))

    # Readers

    @contextmanager
    def reader(self, role: Role, abort: Callable[[], None]) -> Iterator[Reader]:
        """Make room for a reader. Raises TooManyReaders."""
        if len(self._readers) >= MOST_READERS:
            raise TooManyReaders
        reader = Reader(role=role, abort=abort)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)

    @property
    def reader_count(self) -> int:
        return len(self._readers)

    async def frames(
        self, reader: Reader, since: str, missed: Missed, snapshot: Snapshot, *, ping_s: float = PING_S
    ) -> AsyncGenerator[bytes]:
        """Yield what this reader gets, as bytes for the wire, until the stream ends. `since`: the last id it knows."""
        position = known = self._position(since)
        while position is not None and position < self._recent_after:
            page, position = await self._page(position, missed)
            for told in page:
                yield told.frame(reader.role, self._journal)
        # No await between looking at what is known and following: nothing can happen in between.
        begin = self._beginning(position, known, partial(snapshot, reader.role))
        reader.follows = not self._ended
        for told in begin:
            yield told.frame(reader.role, self._journal)
        while reader.follows:
            try:
                async with asyncio.timeout(ping_s):
                    await reader.news.wait()
            except TimeoutError:
                yield PING
            else:
                if news := reader.take():
                    yield b"".join(told.frame(reader.role, self._journal) for told in news)

    def begin_anew(self) -> None:
        """What no event tells has changed: every stream ends, and who comes back begins with a snapshot."""
        self._anew_after = self._newest
        for reader in self._readers:
            reader.end()

    def end(self) -> None:
        """End every reader's stream, now and for good."""
        self._ended = True
        if self._delivery is not None:
            self._delivery.cancel()
        for reader in self._readers:
            reader.end()

    def _position(self, since: str) -> int | None:
        """The sequence that a reader knows; None where it is not one of this journal."""
        event_id = parse_event_id(since)
        known = event_id is not None and event_id.journal == self._journal and event_id.sequence <= self._newest
        return event_id.sequence if event_id is not None and known else None

    async def _page(self, position: int, missed: Missed) -> tuple[list[Told], int | None]:
        """Some events after this place, and the place after them; None: they are not known any more.

        What the journal has and the till has not told yet is left out: it will be told.
        """
        try:
            stored = await missed(position, PAGE)
        except JournalError:
            return [], None
        told_by_now = [each for each in stored if each.sequence <= self._newest]
        told = [told for each in told_by_now if (told := _from_journal(each)) is not None]
        return told, told_by_now[-1].sequence if told_by_now else None

    def _beginning(self, position: int | None, known: int | None, look: Callable[[], SnapshotAnswer]) -> list[Told]:
        """What a reader gets first, that has everything up to `position` and came with `known`."""
        if position is None or known is None or self._knows_too_little(known):
            now = look()
            return [Told(name="snapshot", show=lambda _: now, sequence=self._newest)]
        missed = [told for told in self._recent if told.sequence is not None and told.sequence > position]
        if known <= self._began_after:  # it knew this till before the agent was restarted: any state may have changed
            alarms = [told for told, _ in self._states.values() if told.name == "not_recorded"]
            return missed + _states_of(look()) + alarms
        return missed + [told for told, told_after in self._states.values() if told_after >= known]

    def _knows_too_little(self, known: int) -> bool:
        return self._anew_after is not None and known <= self._anew_after

    def _tell_entry(self, told: Told) -> None:
        if len(self._recent) == MOST_RECENT:
            self._recent_after = self._recent[0].sequence or self._recent_after
        self._recent.append(told)
        self._newest = told.sequence or self._newest
        self._tell(told)

    def _tell_state(self, key: str, told: Told) -> None:
        self._states[key] = told, self._newest
        self._tell(told)

    def _tell(self, told: Told) -> None:
        for reader in self._readers:
            if reader.follows:
                reader.give(told)
        if self._delivery is None and not self._ended:
            self._delivery = asyncio.get_running_loop().call_later(DELIVERY_PAUSE_S, self._deliver)

    def _deliver(self) -> None:
        if self._delivery is not None:
            self._delivery.cancel()
            self._delivery = None
        for reader in self._readers:
            if reader.waiting:
                reader.news.set()


def _not_recorded(checkout_id: str) -> str:
    return f"not recorded {checkout_id}"


def _states_of(now: SnapshotAnswer) -> list[Told]:
    """Every state of the snapshot, for a reader that knew this till before the agent was restarted."""
    return [
        *(_same_for_all("device", device) for device in now.devices),
        *([_same_for_all("drawer_level", now.drawer)] if now.drawer is not None else []),
        _same_for_all("connection", now.connection),
        _same_for_all("busy", BusyAnswer(busy=now.busy)),
    ]


def _same_for_all(name: EventName, shown: EventData) -> Told:
    """What is shown to everybody alike, and is no entry of the journal."""
    return Told(name=name, show=lambda _: shown)


def _unexpected(told: UnexpectedTold, sequence: int) -> Told:
    shown = unexpected_answer(told)
    return Told(name="unexpected", show=lambda _: shown, sequence=sequence)


def _from_journal(stored: StoredEvent) -> Told | None:
    """What was told when this was written; None: nothing."""
    if (checkout := stored.checkout) is not None:
        return Told(name="checkout", show=lambda role: checkout_answer(checkout, role), sequence=stored.sequence)
    if stored.kind == DrawerTold.__name__:
        told = drawer_told_from(stored.data)
        return Told(name="drawer", show=lambda role: drawer_answer(told, role), sequence=stored.sequence)
    if stored.kind == UnexpectedTold.__name__:
        return _unexpected(unexpected_told_from(stored.data), stored.sequence)
    return None
