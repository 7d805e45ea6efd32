"""What the till does by itself, and when: wakes, the turns of waiting payments, asking for the API again.

After each job the earliest of all times is set anew, so there is one timer and nothing is polled.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Protocol

from agent.checkout.events import Event, Turn, Woke
from agent.checkout.step import background_at, wake_at
from agent.till.api_line import ApiLine
from agent.till.drawer_desk import DrawerDesk
from agent.till.inbox import Job
from agent.till.open_checkouts import OpenCheckouts
from agent.till.receipt_desk import ReceiptDesk


class ScheduleTill(Protocol):
    """What the schedule needs of its till."""

    def now_s(self) -> float: ...
    def spawn(self, work: Coroutine[None, None, None]) -> None: ...
    def busy_changed(self, *, busy: bool) -> None: ...
    async def put(self, job: Job) -> None: ...
    async def happened(self, checkout_id: str, event: Event) -> None: ...


class Schedule:
    """The till's timer; everything here runs as a job of the till."""

    def __init__(
        self,
        till: ScheduleTill,
        open_checkouts: OpenCheckouts,
        desk: DrawerDesk,
        line: ApiLine,
        receipts: ReceiptDesk,
    ) -> None:
        self._till = till
        self._open = open_checkouts
        self._desk = desk
        self._line = line
        self._receipts = receipts
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._was_busy = False
        self._waking = False
        self._held_until_s = 0.0

    def hold(self, seconds: float) -> None:
        """The journal refuses: what is due now is due again after this time, not at once."""
        self._held_until_s = self._till.now_s() + seconds

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def after_each_job(self) -> None:
        await self._give_turn()
        self._tell_busy()
        self.stop()
        at = None if self._waking else min((time for time in self._times() if time is not None), default=None)
        self._timer = None if at is None else self._loop.call_at(max(at, self._held_until_s), self._wake)

    def _times(self) -> Iterator[float | None]:
        yield self._desk.wake_at
        yield self._line.connection.next_try_s
        for kept in self._open:
            yield wake_at(kept.checkout)
            yield self._receipts.wake_at(kept)
        now_s = self._till.now_s()
        if (active := self._open.active(now_s)) is not None:
            yield background_at(active.checkout)
        if self._line.connection.api == "online" and (waiting := self._open.next_turn(now_s)) is not None:
            yield waiting.turns.not_before_s

    def _wake(self) -> None:
        self._waking = True  # the jobs before it need no further one
        self._till.spawn(self._till.put(self._time_passed))

    async def _time_passed(self) -> None:
        self._waking = False
        now_s = self._till.now_s()
        for kept in self._open:
            at = wake_at(kept.checkout)
            if at is not None and now_s >= at:
                await self._till.happened(kept.checkout.id, Woke())
        self._receipts.time_passed()
        await self._desk.time_passed()
        if (next_try_s := self._line.connection.next_try_s) is not None and now_s >= next_try_s:
            self._line.ask()

    async def _give_turn(self) -> None:
        """Book the oldest confirmed payment, when the API is there and none is being booked."""
        now_s = self._till.now_s()
        kept = self._open.next_turn(now_s) if self._line.connection.api == "online" else None
        if kept is not None and now_s >= max(kept.turns.not_before_s, self._held_until_s):
            kept.turns.take(now_s, self._line.jitter())
            await self._till.happened(kept.checkout.id, Turn())

    def _tell_busy(self) -> None:
        busy = self._open.active(self._till.now_s()) is not None
        if busy != self._was_busy:
            self._was_busy = busy
            self._till.busy_changed(busy=busy)
