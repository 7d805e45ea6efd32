"""The event stream without HTTP: a real journal, and readers that read, stop reading, leave and come back."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from agent.checkout.events import CancelAsked
from agent.checkout.state import Checkout, Phase, Situation
from agent.journal.journal import Journal, open_journal
from agent.journal.records import Entry, StoredEvent
from agent.kiosk.event_answers import ConnectionAnswer, SnapshotAnswer
from agent.kiosk.roles import Role
from agent.kiosk.stream import MOST_READERS, MOST_RECENT, MOST_WAITING, PING, EventStream, TooManyReaders
from agent.kiosk.view import checkout_answer
from agent.till.listener import DrawerTold, ScanTold, UnexpectedTold
from device.interface import DeviceState
from tests.checkouts import NOW_S, WALL
from tests.test_kiosk_view import DRAFT, DUE

SITUATION = Situation(now_s=NOW_S, wall=WALL)
ASKED = DrawerTold(drawer="drawer", state="closed", event="asked", by="till", reason="change", asked_by="Ada")
PAID = UnexpectedTold(what="paid_message", amount=296, contradicts=True)


def device(state: str) -> DeviceState:
    return DeviceState(name="counter", kind="scanner", state=state, at=0.0)  # type: ignore[arg-type]


@dataclass
class Frame:
    """One event, read back from the wire."""

    name: str
    data: dict[str, object]
    id: str | None

    @classmethod
    def parse(cls, frame: str) -> "Frame":
        fields = dict(line.split(": ", 1) for line in frame.split("\n"))
        assert set(fields) <= {"id", "event", "data"}
        return cls(fields["event"], json.loads(fields["data"]), fields.get("id"))


def parsed(chunk: bytes) -> list[Frame]:
    """Return the events of what was written at once."""
    *frames, rest = chunk.decode().split("\n\n")
    assert rest == ""
    return [Frame.parse(frame) for frame in frames]


async def told(frames: AsyncIterator[bytes], count: int) -> list[Frame]:
    """Return the next so many events."""
    found: list[Frame] = []
    while len(found) < count:
        found += parsed(await anext(frames))
    return found


@dataclass
class Bench:
    """A stream on a journal, and what a till does with both."""

    journal: Journal
    stream: EventStream
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def sell(self, checkout: Checkout = DUE) -> int:
        """Write a change of a checkout and tell it, as the till does."""
        changed = replace(checkout, merchantRef=f"order {next(self.numbers)}")
        entry = Entry(event=CancelAsked(), situation=SITUATION, checkout=changed, before=self.checkouts.get(changed.id))
        sequence = await self.journal.commit(entry)
        self.checkouts[changed.id] = changed
        self.stream.checkout_changed(changed, sequence)
        return sequence

    async def ask_drawer(self) -> int:
        sequence = await self.journal.commit(Entry(event=ASKED, situation=SITUATION))
        self.stream.drawer_told(ASKED, sequence)
        return sequence

    def snapshot(self, role: Role) -> SnapshotAnswer:
        return SnapshotAnswer(
            checkouts=tuple(checkout_answer(each, role) for each in self.checkouts.values() if not each.final),
            devices=tuple(self.stream.devices.values()),
            drawer=self.stream.drawer,
            connection=ConnectionAnswer(api="online", since=WALL),
            busy=False,
            recording=True,
        )

    def restarted(self) -> "Bench":
        return Bench(self.journal, EventStream(self.journal.id, self.journal.latest_sequence), self.checkouts)

    def id(self, sequence: int) -> str:
        return str(self.journal.event_id(sequence))

    async def read(
        self,
        since: str = "",
        *,
        until: Callable[[list[Frame]], bool],
        role: Role = Role.SCREEN,
        missed: Callable[[int, int], object] | None = None,
    ) -> list[Frame]:
        """Read from there until the frames so far are what was waited for."""
        found: list[Frame] = []
        with self.stream.reader(role, abort=lambda: None) as reader:
            frames = self.stream.frames(reader, since, missed or self.journal.events_since, self.snapshot)  # type: ignore[arg-type]
            async with aclosing(frames):
                async for chunk in frames:
                    found += parsed(chunk)
                    if until(found):
                        break
        return found

    async def beginning(self, since: str = "", role: Role = Role.SCREEN) -> list[Frame]:
        """Everything that a reader gets before it has to wait."""
        found: list[Frame] = []
        with self.stream.reader(role, abort=lambda: None) as reader:
            frames = self.stream.frames(reader, since, self.journal.events_since, self.snapshot, ping_s=0.01)
            async with aclosing(frames):
                async for frame in frames:
                    if frame == PING:
                        break
                    found += parsed(frame)
        return found


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    with ThreadPoolExecutor(1) as executor:
        journal = await open_journal(tmp_path / "journal.sqlite", executor)
        try:
            yield Bench(journal, EventStream(journal.id, journal.latest_sequence))
        finally:
            await journal.close()


def ids(frames: Sequence[Frame]) -> list[str]:
    return [frame.id for frame in frames if frame.id is not None]


async def test_a_new_reader_begins_with_a_snapshot_that_has_a_place_in_the_stream(bench: Bench) -> None:
    sequence = await bench.sell()
    [snapshot] = await bench.beginning()
    assert (snapshot.name, snapshot.id) == ("snapshot", bench.id(sequence))
    assert snapshot.data["busy"] is False


async def test_events_follow_in_order_and_state_stands_between_them_without_an_id(bench: Bench) -> None:
    with bench.stream.reader(Role.SCREEN, abort=lambda: None) as reader:
        async with aclosing(bench.stream.frames(reader, "", bench.journal.events_since, bench.snapshot)) as frames:
            await anext(frames)
            first = await bench.sell()
            bench.stream.device_changed(device("lost"))
            bench.stream.scanned(ScanTold(scanner="counter", refused="torn"))
            second = await bench.ask_drawer()
            bench.stream.busy_changed(busy=True)
            following = await told(frames, 5)
    assert [frame.name for frame in following] == ["checkout", "device", "scan", "drawer", "busy"]
    assert [frame.id for frame in following] == [bench.id(first), None, None, bench.id(second), None]
    assert following[2].data == {"scanner": "counter", "refused": "torn"}


async def test_a_reader_that_comes_back_gets_exactly_what_it_missed(bench: Bench) -> None:
    known = await bench.sell()
    missed = [await bench.sell(), await bench.ask_drawer(), await bench.sell()]
    frames = await bench.beginning(bench.id(known))
    assert ids(frames) == [bench.id(sequence) for sequence in missed]
    assert [frame.name for frame in frames] == ["checkout", "drawer", "checkout"]


async def test_a_reader_that_missed_nothing_gets_nothing(bench: Bench) -> None:
    await bench.sell()
    bench.stream.device_changed(device("present"))
    newest = await bench.sell()
    assert await bench.beginning(bench.id(newest)) == []


async def test_when_a_checkout_left_without_an_event_every_reader_begins_anew(bench: Bench) -> None:
    """A payment that nobody decided left the journal: a page that lists it would list it for ever."""
    await bench.sell(DRAFT)
    known = bench.id(await bench.sell())
    with bench.stream.reader(Role.OPERATOR, abort=lambda: None) as reader:
        frames = bench.stream.frames(reader, known, bench.journal.events_since, bench.snapshot)
        async with aclosing(frames):
            waiting = asyncio.ensure_future(anext(frames, None))
            await asyncio.sleep(0)
            bench.checkouts.clear()
            bench.stream.begin_anew()
            assert await waiting is None
    [snapshot] = await bench.beginning(known)
    assert (snapshot.name, snapshot.data["checkouts"]) == ("snapshot", [])
    later = await bench.sell()
    assert [frame.name for frame in await bench.beginning(bench.id(later))] == []


async def test_what_is_not_kept_any_more_comes_from_the_journal_word_for_word(bench: Bench) -> None:
    """The events that were told at the time, and the ones that the journal tells later, are the same."""
    known = await bench.sell()
    live = asyncio.create_task(bench.read(until=lambda frames: len(frames) == 2 * MOST_RECENT + 1))
    await asyncio.sleep(0)
    for number in range(MOST_RECENT):
        await bench.sell(DUE if number % 2 else DRAFT)
        await bench.ask_drawer()
    later = await bench.beginning(bench.id(known))
    assert (await live)[1:] == later


async def test_a_reader_goes_on_after_the_agent_was_restarted(bench: Bench) -> None:
    known = await bench.sell()
    missed = await bench.sell()
    again = bench.restarted()
    again.stream.device_changed(device("present"))
    again.stream.drawer_is("drawer", "open")
    newest = await again.sell()
    frames = await again.beginning(bench.id(known))
    assert ids(frames) == [bench.id(missed), bench.id(newest)]
    assert [frame.name for frame in frames[2:]] == ["device", "drawer_level", "connection", "busy"]
    assert frames[3].data == {"drawer": "drawer", "state": "open"}


@pytest.mark.parametrize("since", ["", "nonsense", "0123456789j-1", "-1", "\udcff", "9" * 100])
async def test_an_unknown_id_gets_a_snapshot(bench: Bench, since: str) -> None:
    await bench.sell()
    assert [frame.name for frame in await bench.beginning(since)] == ["snapshot"]


async def test_an_id_of_the_future_gets_a_snapshot(bench: Bench) -> None:
    sequence = await bench.sell()
    assert [frame.name for frame in await bench.beginning(bench.id(sequence + 1))] == ["snapshot"]


async def test_an_id_that_is_too_old_gets_a_snapshot(bench: Bench) -> None:
    known = await bench.sell(replace(DUE, id="co_old", phase=Phase.CANCELLED))
    await bench.sell(replace(DUE, id="co_old", phase=Phase.CANCELLED))
    again = bench.restarted()
    assert await bench.journal.delete_older_than(WALL + timedelta(days=1)) == 1
    await again.sell()
    assert [frame.name for frame in await again.beginning(bench.id(known))] == ["snapshot"]


async def test_state_that_changed_since_is_told_once_more_and_no_other(bench: Bench) -> None:
    bench.stream.device_changed(device("present"))
    await bench.sell()
    known = await bench.sell()
    bench.stream.device_changed(device("lost"))
    bench.stream.scanned(ScanTold(scanner="counter", refused="torn"))
    bench.stream.device_changed(device("fault"))
    [state] = await bench.beginning(bench.id(known))
    assert (state.name, state.data["state"]) == ("device", "fault")


async def test_a_level_of_the_drawer_that_changed_since_is_told_once_more(bench: Bench) -> None:
    bench.stream.drawer_is("drawer", "open")
    await bench.sell()
    known = await bench.sell()
    bench.stream.drawer_is("drawer", "unknown")
    bench.stream.drawer_is("drawer", "closed")
    [level] = await bench.beginning(bench.id(known))
    assert (level.name, level.data) == ("drawer_level", {"drawer": "drawer", "state": "closed"})


async def test_a_payment_that_could_not_be_recorded_is_news_until_it_is(bench: Bench) -> None:
    await bench.sell()
    known = await bench.sell()
    bench.stream.not_recorded(DUE.id)
    [state] = await bench.beginning(bench.id(known))
    assert (state.name, state.data) == ("not_recorded", {"checkout": DUE.id})
    await bench.sell()
    assert [frame.name for frame in await bench.beginning(bench.id(known))] == ["checkout"]


async def test_a_payment_that_could_not_be_recorded_is_news_to_who_knew_the_till_before_its_restart(
    bench: Bench,
) -> None:
    known = await bench.sell()
    again = bench.restarted()
    again.stream.not_recorded(DUE.id)
    states = await again.beginning(bench.id(known))
    assert [(state.name, state.data) for state in states if state.name == "not_recorded"] == [
        ("not_recorded", {"checkout": DUE.id})
    ]


async def test_what_happens_while_a_reader_catches_up_is_neither_missed_nor_repeated(bench: Bench) -> None:
    known = await bench.sell()
    for _ in range(3 * MOST_RECENT):
        await bench.sell()

    async def missed(sequence: int, limit: int) -> list[StoredEvent]:
        page = await bench.journal.events_since(sequence, limit)
        for _ in range(30):
            await bench.sell()
        return page

    expected = 0

    def caught_up(frames: list[Frame]) -> bool:
        nonlocal expected
        expected = bench.journal.latest_sequence - known
        return len(frames) >= expected

    frames = await bench.read(bench.id(known), until=caught_up, missed=missed)
    assert ids(frames) == [bench.id(known + 1 + number) for number in range(expected)]


async def test_what_is_written_and_not_told_yet_is_told_once(bench: Bench) -> None:
    known = await bench.sell()
    sold = [await bench.sell() for _ in range(MOST_RECENT + 1)]

    async def missed(sequence: int, _limit: int) -> list[StoredEvent]:
        written = await bench.journal.commit(Entry(event=ASKED, situation=SITUATION))
        page = await bench.journal.events_since(sequence, MOST_RECENT + 2)
        assert page[-1].sequence == written
        asyncio.get_running_loop().call_soon(bench.stream.drawer_told, ASKED, written)
        return page

    frames = await bench.read(bench.id(known), until=lambda frames: frames[-1].name == "drawer", missed=missed)
    assert ids(frames) == [bench.id(sequence) for sequence in [*sold, sold[-1] + 1]]
    assert await bench.beginning(bench.id(sold[-1] + 1)) == []


async def test_each_role_is_shown_its_own(bench: Bench) -> None:
    with (
        bench.stream.reader(Role.SCREEN, abort=lambda: None) as screen,
        bench.stream.reader(Role.OPERATOR, abort=lambda: None) as operator,
    ):
        streams = [
            bench.stream.frames(reader, "", bench.journal.events_since, bench.snapshot) for reader in (screen, operator)
        ]
        for stream in streams:
            await anext(stream)
        await bench.sell(replace(DUE, phase=Phase.ATTENTION))
        await bench.ask_drawer()
        for stream, allowed, name in zip(streams, ([], ["retry", "resolve"]), (None, "Ada"), strict=True):
            checkout, drawer = await told(stream, 2)
            assert checkout.data["allowed"] == allowed
            assert drawer.data.get("asked_by") == name
            await stream.aclose()


async def test_what_was_unexpected_is_told_and_not_missed(bench: Bench) -> None:
    known = await bench.sell()
    sequence = await bench.journal.commit(Entry(event=PAID, situation=SITUATION))
    bench.stream.unexpected_told(PAID, sequence)
    for now in (bench, bench.restarted()):  # from what is kept, and from the journal
        frame, *_states = await now.beginning(bench.id(known))
        assert (frame.name, frame.id) == ("unexpected", bench.id(sequence))
        assert frame.data == {"what": "paid_message", "contradicts": True, "amount": 296}


async def test_a_line_break_in_a_text_does_not_end_an_event(bench: Bench) -> None:
    """Whoever could write one would write events of his own."""
    await bench.sell(replace(DUE, reason="a\n\nevent: checkout\r\ndata: {}\u2028"))
    frames = await bench.beginning()
    assert len(frames) == 1


async def test_a_reader_that_does_not_read_is_cut_off_and_the_others_are_not(bench: Bench) -> None:
    aborted = asyncio.Event()
    reading = asyncio.create_task(bench.read(until=lambda frames: len(frames) == MOST_WAITING + 2))
    with bench.stream.reader(Role.SCREEN, abort=aborted.set) as sleeper:
        async with aclosing(bench.stream.frames(sleeper, "", bench.journal.events_since, bench.snapshot)) as frames:
            await anext(frames)
            for _ in range(MOST_WAITING):
                await bench.sell()
            assert not aborted.is_set()
            last = await bench.sell()
            assert aborted.is_set()
            assert not sleeper.follows
    assert ids(await reading)[-1] == bench.id(last)


async def test_there_is_room_for_so_many_readers_and_again_when_one_leaves(bench: Bench) -> None:
    places = [bench.stream.reader(Role.SCREEN, abort=lambda: None) for _ in range(MOST_READERS)]
    for place in places:
        place.__enter__()
    with pytest.raises(TooManyReaders), bench.stream.reader(Role.SCREEN, abort=lambda: None):
        pass
    places[0].__exit__(None, None, None)
    with bench.stream.reader(Role.SCREEN, abort=lambda: None):
        pass
    for place in places[1:]:
        place.__exit__(None, None, None)


async def test_a_silent_stream_is_kept_alive(bench: Bench) -> None:
    with bench.stream.reader(Role.SCREEN, abort=lambda: None) as reader:
        frames = bench.stream.frames(reader, "", bench.journal.events_since, bench.snapshot, ping_s=0.001)
        async with aclosing(frames):
            await anext(frames)
            assert [await anext(frames) for _ in range(3)] == [PING] * 3


async def test_the_end_ends_every_reader_and_whoever_comes_later(bench: Bench) -> None:
    reading = asyncio.create_task(bench.read(until=lambda _: False))
    await asyncio.sleep(0)
    newest = await bench.sell()
    bench.stream.end()
    frames = await reading
    assert [frame.name for frame in frames] == ["snapshot", "checkout"]
    assert frames[-1].id == bench.id(newest)
    assert [frame.name for frame in await bench.read(until=lambda _: False)] == ["snapshot"]


async def test_what_happens_within_a_moment_is_written_at_once(bench: Bench) -> None:
    """A till has better things to do than to write to 32 readers one event at a time."""
    with bench.stream.reader(Role.SCREEN, abort=lambda: None) as reader:
        async with aclosing(bench.stream.frames(reader, "", bench.journal.events_since, bench.snapshot)) as frames:
            await anext(frames)
            for busy in (True, False, True):
                bench.stream.busy_changed(busy=busy)
            assert [frame.data["busy"] for frame in parsed(await anext(frames))] == [True, False, True]
