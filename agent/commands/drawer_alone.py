"""The till's drawer without its agent: opened and watched by the same rules, each opening written into the journal."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial

from agent.checkout.events import DeviceEvent
from agent.checkout.evidence_state import SETTLING_S, DrawerRules, PaidUnexpectedly
from agent.checkout.state import Checkout, Level, Situation
from agent.chosen_devices import Tools, choose, drawer_profile
from agent.commands.asking import Failed, own_journal
from agent.commands.common import complain, say
from agent.commands.drawer_news import HEARD_OF_S, NO_DRAWER, DrawerNow, News
from agent.configured import till_settings
from agent.journal.errors import JournalError
from agent.journal.journal import Journal
from agent.journal.records import Entry, IdempotencyKey
from agent.kiosk.roles import Role
from agent.kiosk.view import device_answer, drawer_answer
from agent.till.drawer_desk import DrawerDesk
from agent.till.inbox import Inbox, Job
from agent.till.listener import DrawerTold
from config.settings import Settings
from device.drawer_profile import DrawerProfile
from device.interface import CashDrawer, DeviceState, DrawerLevel, DrawerRefused, Report
from device.plugging import watch_plugging

PULSE_LEAVES_S = 0.3
"""The port is closed when the command ends, and what still lies in chip or adapter would be lost."""
MOST_NEWS = 64
"""A person reads it as it comes."""


class DrawerAlone:
    """A drawer whose checkouts, if there are any, sleep in the journal. `run` works until it is cancelled."""

    def __init__(self, drawer: CashDrawer, profile: DrawerProfile, rules: DrawerRules, journal: Journal) -> None:
        self._drawer = drawer
        self._profile = profile
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._inbox = Inbox()
        self._desk = DrawerDesk(self, drawer, rules)
        self._news: asyncio.Queue[News] = asyncio.Queue(MOST_NEWS)
        self._heard_of = asyncio.Event()
        self._device: DeviceState | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        async with asyncio.TaskGroup() as self._tasks:
            try:
                self._tasks.create_task(self._drawer.run(self._report))
                await self._inbox.work(self._set_timer)
            finally:
                if self._timer is not None:
                    self._timer.cancel()

    # What a command asks of it

    async def news(self) -> AsyncGenerator[News, None]:
        """Yield the level as soon as it is known, or as soon as it cannot be; then whatever happens."""
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARD_OF_S):
                await self._heard_of.wait()
        device = device_answer(self._device) if self._device else None
        yield DrawerNow(level=self._desk.watch.level, device=device)
        while True:
            yield await self._news.get()

    async def open(self, reason: str, by: str) -> None:
        """Open it for a person. Raises Failed when nothing was sent."""
        if self._profile.charge_s:
            say(f"The drawer charges for {self._profile.charge_s:g} s, because its port was opened just now.")
            await asyncio.sleep(self._profile.charge_s)
        try:
            await self._inbox.do(partial(self._desk.open_by_person, reason, by))
        except (DrawerRefused, JournalError) as refused:
            raise Failed(f"the drawer was not asked to open: {refused}") from None
        await asyncio.sleep(PULSE_LEAVES_S)

    # What the desk asks of it

    def now_s(self) -> float:
        return self._loop.time()

    def wall(self) -> datetime:
        return datetime.now().astimezone()

    def find_open(self, checkout_id: str) -> Checkout | None:
        """No checkout is at work here."""

    async def happened(self, checkout_id: str, event: DeviceEvent, drawer: Sequence[DrawerTold] = ()) -> None:  # noqa: ARG002 - no checkout is at work here
        for told in drawer:
            await self.drawer_did(told)

    def drawer_is(self, drawer: str, level: Level) -> None:  # noqa: ARG002 - that it is known is enough
        self._heard_of.set()

    async def record_drawer(self, told: DrawerTold, key: IdempotencyKey | None = None) -> None:
        """Write it down, and tell it."""
        situation = Situation(now_s=self.now_s(), wall=self.wall(), api="offline", drawer=self._desk.watch.level)
        await self._journal.commit(Entry(event=told, situation=situation, idempotency=key))
        await self._news.put(drawer_answer(told, Role.OPERATOR))

    async def drawer_did(self, told: DrawerTold) -> None:
        """Write it down, if that is possible, and tell it."""
        try:
            await self.record_drawer(told)
        except JournalError as error:
            complain(f"drawer {told.event}: could not be recorded: {error}")
            await self._news.put(drawer_answer(told, Role.OPERATOR))

    async def paid_unexpectedly(self, sign: PaidUnexpectedly) -> None:
        """No message is read here."""

    async def put(self, job: Job) -> None:
        await self._inbox.put(job)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.create_task(work)

    # What the device reports

    def _report(self, report: Report) -> None:
        match report:
            case DrawerLevel():
                self._inbox.offer(partial(self._desk.level_seen, report))
            case DeviceState():
                self._inbox.offer(partial(self._device_changed, report))
            case _:
                pass  # a paid message belongs to a checkout

    async def _device_changed(self, state: DeviceState) -> None:
        self._device = state
        if self._heard_of.is_set():
            await self._news.put(device_answer(state))
        if state.state != "present" or self._profile.status.source == "none":
            self._heard_of.set()

    async def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        at = self._desk.wake_at
        self._timer = self._loop.call_at(at, self._wake) if at is not None else None

    def _wake(self) -> None:
        self.spawn(self.put(self._desk.time_passed))


@asynccontextmanager
async def drawer_alone(settings: Settings) -> AsyncIterator[DrawerAlone]:
    """Run the drawer while no agent does. Raises Failed, WrongConfig and JournalError."""
    with watch_plugging() as plugging:
        profile, drawer = drawer_profile(settings), choose(settings, Tools(plugging=plugging)).drawer
        if profile is None or drawer is None:
            raise Failed(NO_DRAWER)
        async with own_journal(settings) as journal:
            alone = DrawerAlone(drawer, profile, till_settings(settings, SETTLING_S).drawer, journal)
            running = asyncio.create_task(alone.run())
            try:
                yield alone
            finally:
                running.cancel()
                await asyncio.wait([running])
