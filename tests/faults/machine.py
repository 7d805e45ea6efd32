"""The machine: the real till with its journal and its API client, killed, cut off, stopped, and started again.

A process that dies is muted at once: nothing that it still does, until asyncio has taken its tasks apart, reaches the
disk, the lines, the drawer or anybody who listens.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from agent.card import CardRules
from agent.checkout.state import Rules
from agent.chosen_outlets import ChosenOutlets
from agent.journal.errors import NotWritten
from agent.journal.journal import Journal, open_journal
from agent.kiosk.event_answers import SnapshotAnswer
from agent.kiosk.roles import Role
from agent.kiosk.stream import EventStream
from agent.kiosk.view import connection_answer
from agent.service import LOGIN_AHEAD_S
from agent.smart.client import SmartTransactions, connect
from agent.smart.credentials import CredentialStore
from agent.smart.login import Login
from agent.till.api_calls import Calls
from agent.till.settings import TillSettings
from agent.till.till import Till
from tests.faults.disk import URI_PARAMETERS
from tests.faults.drawer import Drawer
from tests.faults.ears import Ears
from tests.faults.executor import DrawnExecutor
from tests.faults.plan import LATE_WINDOW_S
from tests.faults.plan_machine import Crash, Ending, Point
from tests.faults.world import Breach, World

T = TypeVar("T")

CARDS = CardRules(prefixes=("9276",), lengths=(16,))
AGAIN_S = 2.0
"""systemd starts what has ended by itself after such a time."""
MOST_ENDS = 100
"""So often a life may end by itself, because the disk refuses; no disk of a run refuses for so long."""


class Down(Exception):
    """The agent is not there; whether it did what was asked of it is not known."""


class Process:
    """One life of the agent."""

    def __init__(self, machine: "Machine") -> None:
        self._machine = machine
        self._world = machine.world
        self.alive = True
        self.executor = DrawnExecutor(self._world, machine.passed, machine.slow_syncs)
        self.calls: set[asyncio.Task[object]] = set()
        self.till: Till | None = None
        self.stopping = asyncio.Event()

    async def live(self) -> None:
        """Run until stopped. Raises NotWritten when the disk refuses at the start."""
        journal = await open_journal(self._machine.journal, self.executor, uri_parameters=URI_PARAMETERS)
        try:
            await self._with_journal(journal)
        finally:
            await journal.close()

    async def _with_journal(self, journal: Journal) -> None:
        world, machine = self._world, self._machine
        stream_ = EventStream(journal.id, journal.latest_sequence)
        ears = Ears(self, world, stream_, journal.latest_sequence, machine.changed)
        async with connect(world.simulator.base_url, machine.login, machine.credentials) as api:
            till = Till(
                machine.settings(),
                journal=journal,
                calls=Calls(api, is_demo=False, clock=world.loop.time),
                drawer=machine.drawer,
                listener=ears,
                outlets=ChosenOutlets(),
                wall=world.wall,
                new_id=lambda: f"co_{next(machine.numbers)}",
                jitter=world.dice.random,
            )
            await self._work(till, api, ears)

    async def _work(self, till: Till, api: SmartTransactions, ears: Ears) -> None:
        async with asyncio.TaskGroup() as tasks:
            working = [
                tasks.create_task(till.run()),
                tasks.create_task(api.access.keep_fresh(LOGIN_AHEAD_S, lambda _failure: None)),
            ]
            await till.ready.wait()
            await self._show_what_is(till)
            self.till = till
            if self._world.plan.followed:
                working.append(tasks.create_task(self._machine.follow(ears, till)))
            self._machine.drawer.process_is_there(till.report)
            self._machine.changed()
            await self.stopping.wait()
            for task in working:
                task.cancel()

    async def _show_what_is(self, till: Till) -> None:
        """A screen that comes back asks for what it showed before."""
        for shown in [checkout for checkout in self._world.told.values() if not checkout.final]:
            found = await till.lookup.find(shown.id)
            if self._world.told[shown.id] is shown and self.alive:
                self._world.told[shown.id] = found


class Machine:
    """Starts the agent, ends its lives as planned, and starts it again."""

    def __init__(self, world: World, drawer: Drawer, login: Login, credentials: CredentialStore) -> None:
        self.world = world
        self.login = login
        self.credentials = credentials
        self.journal = world.disk.journal
        self.directory = world.disk.journal.parent
        self.drawer = drawer
        self.numbers = itertools.count(1)
        self.known_event = ""  # the last id that the screen's event stream gave
        self.slow_syncs = deque(sorted(world.plan.slow_syncs, key=lambda slow: slow.at))
        self._crashes = list(world.plan.crashes)
        self._crash: Crash | None = None
        self._passed: dict[Point, int] = {}
        self._process: Process | None = None
        self._life: asyncio.Task[None] | None = None
        self._news: asyncio.Future[None] = world.loop.create_future()
        self._calm = False
        self._ended_by_itself = 0

    def settings(self) -> TillSettings:
        plan = self.world.plan
        return TillSettings(
            rules=Rules(confirmed_by=plan.drawer.confirmed_by, late_window_s=LATE_WINDOW_S),
            offline=plan.offline,
            cards=CARDS,
            drawer=plan.drawer,
        )

    # The lives of the agent

    async def run(self) -> None:
        """Run one life after the other until cancelled."""
        try:
            while self._ended_by_itself < MOST_ENDS:
                await self._run_once()
            self.world.wrong(Breach.ENDED, "the agent does not come up any more")
        finally:
            await self._end()

    async def _run_once(self) -> None:
        world = self.world
        self._crash = self._crashes.pop(0) if self._crashes and not self._calm else None
        self._passed = {}
        world.disk.process_starts()
        if self._crash is not None and self._crash.point == "disk":
            world.disk.stop_at(self._crash.nth, after=world.dice.random() < 0.5)
        self._process = process = Process(self)
        timer = None
        if self._crash is not None and self._crash.point == "time":
            timer = world.loop.call_later(self._crash.nth, self._soon)
        world.say("the agent starts")
        self._life = asyncio.create_task(process.live())
        await asyncio.wait([self._life])
        if timer is not None:
            timer.cancel()
        self._look_at_the_end(process)
        await asyncio.sleep(self._down_s())

    def _look_at_the_end(self, process: Process) -> None:
        """A life that was not ended from outside may only end because the disk refuses."""
        assert self._life is not None
        error = None if self._life.cancelled() else self._life.exception()
        if process.alive and not process.stopping.is_set() and not isinstance(error, NotWritten):
            self.world.wrong(Breach.ENDED, f"the agent ended by itself: {error!r}")
        if process.alive:
            self._ended_by_itself += not process.stopping.is_set()
            self._is_gone(process)

    def _down_s(self) -> float:
        return self._crash.down_s if self._crash is not None else AGAIN_S

    def passed(self, point: Point) -> None:
        """The agent is at this point; ends its life there if that is planned."""
        self._passed[point] = count = self._passed.get(point, 0) + 1
        crash = self._crash
        if self.world.disk.stopped:
            self._ends()
        elif crash is not None and crash.point == point and crash.nth == count:
            self._soon()

    def _soon(self) -> None:
        if self._crash is not None:
            self._after(self._crash.passes)

    def _after(self, passes: int) -> None:
        if passes == 0:
            self._ends()
        else:
            self.world.loop.call_soon(self._after, passes - 1)

    def _ends(self) -> None:
        crash, process = self._crash, self._process
        if crash is None or process is None or not process.alive:
            return
        phases = [checkout.phase for checkout in self.world.told.values() if not checkout.final]
        ending: Ending = "kill" if crash.ending == "stop" and self.world.disk.stopped else crash.ending
        self.world.say(f"the agent's life ends: {ending} (at {crash.point} {crash.nth} + {crash.passes})")
        self.world.coverage.restart(phases, ending, crash.point)
        self.world.struck += 1
        self.world.clock_moved_s += crash.clock_moves_s
        if ending == "stop":
            process.stopping.set()
        else:
            self._is_gone(process)
            if ending == "power cut":
                self.world.disk.power_is_cut()
            else:
                self.world.disk.process_dies()

    def _is_gone(self, process: Process) -> None:
        process.alive = False
        process.till = None
        process.executor.dies()
        self.drawer.process_is_gone()
        self.world.lines.process_dies()
        for call in process.calls:
            call.cancel()
        if self._life is not None:
            self._life.cancel()

    async def _end(self) -> None:
        if self._process is not None and self._process.alive:
            self._process.stopping.set()
        if self._life is not None:
            await asyncio.wait([self._life])

    def calm(self) -> None:
        """No life is ended any more, and the disk is quick."""
        self._calm = True
        self.slow_syncs.clear()
        if self._crash is not None and self._process is not None and self._process.alive:
            self._crash = None
            self.world.disk.stop_at(-1, after=False)

    # For the people in front of it

    async def ask(self, call: Callable[[Till], Awaitable[T]]) -> T:
        """Ask the agent. Raises Down, or what the till raises."""
        process = self._process
        if process is None or process.till is None or process.stopping.is_set():
            raise Down
        task: asyncio.Task[T] = asyncio.ensure_future(_awaiting(call, process.till))
        process.calls.add(task)
        try:
            answer = await task
        except (Exception, asyncio.CancelledError):
            if process.alive or _is_cancelled():
                raise
            raise Down from None
        finally:
            process.calls.discard(task)
        if not process.alive:
            raise Down
        return answer

    @property
    def till(self) -> Till | None:
        return self._process.till if self._process is not None else None

    def changed(self) -> None:
        if not self._news.done():
            self._news.set_result(None)

    async def news(self, within_s: float) -> None:
        """Return when something has changed, or after this time. For the one customer at the screen."""
        self._news = self.world.loop.create_future()
        timer = self.world.loop.call_later(within_s, self.changed)
        try:
            await self._news
        finally:
            timer.cancel()

    async def follow(self, ears: Ears, till: Till) -> None:
        """Follow the event stream as a screen does, from the last event that it knows."""
        with ears.stream.reader(Role.SCREEN, lambda: None) as reader:
            frames = ears.stream.frames(
                reader, self.known_event, till.lookup.events_since, lambda _role: _snapshot(till), ping_s=3600.0
            )
            async with aclosing(frames):
                async for frame in frames:
                    self.known_event = ears.follows(frame, self.known_event)


def _snapshot(till: Till) -> SnapshotAnswer:
    """What a screen gets that knows no event yet; these look only at what comes after it."""
    connection = connection_answer(till.connection, till.merchant)
    return SnapshotAnswer(checkouts=(), devices=(), drawer=None, connection=connection, busy=False, recording=True)


def _is_cancelled() -> bool:
    """Whoever runs this is asked to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _awaiting(call: Callable[[Till], Awaitable[T]], till: Till) -> T:
    return await call(till)
