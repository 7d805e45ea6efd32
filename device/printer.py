"""A receipt printer on the network or on USB: asked how it is, and given one receipt at a time.

Nothing is held open between two receipts, so another program may use the printer too. A printer on a serial line keeps
its line open and is device/drawer.py's, with or without a drawer on it.

A receipt is printed now or never. A printer that says it is offline, or does not answer, gets nothing: what it took
into its buffer would come out when somebody closes the cover, in front of another customer.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from device.drawer_reading import OFFLINE
from device.drawer_status import ASB_QUESTIONS, EscposParser
from device.interface import DeviceState, PrintRefused, Receiver
from device.plugging import NoPlugging, Plugging
from device.reconnect import LAST_DELAY_S, Unavailable, keep_open

LOOK_INTERVAL_S = 10.0
"""How often an idle printer is asked how it is: an operator learns of an empty roll before the next customer does."""
TURN_TIMEOUT_S = 5.0
"""How long a receipt waits for the one before it, which is on the wire for a second or two."""
ANSWER_S = 1.0
"""A printer answers `DLE EOT` at once, also while it prints; a network and a busy bus add their time."""
STALL_S = 10.0
"""A printer that cuts or feeds takes nothing for a few seconds; one with a paper jam takes nothing for ever."""

NO_ANSWER = (
    "no answer: switch the printer on; where it cannot answer, set [printer] answers = false and nothing is known of it"
)

Judge = Callable[[bytes], None]
"""Is given what the printer answered, and raises PrintRefused when it must not be given a receipt."""
Talk = Callable[[bytes, bytes, Judge], Awaitable[None]]
"""Opens the printer, sends the question, lets `Judge` see the answer, sends the receipt whole, and closes it.

An empty question is not asked, an empty receipt not sent. Raises Unavailable, PrintRefused (nothing was sent) and
PrintInterrupted (a part may have been printed, the rest never will be).
"""


class Printer:
    """A ReceiptPrinter that is opened for each receipt. `answers`: it can be asked how it is."""

    def __init__(
        self,
        *,
        name: str,
        talk: Talk,
        answers: bool = True,
        plugging: Plugging | None = None,
        look_interval_s: float = LOOK_INTERVAL_S,
        retry_s: float = LAST_DELAY_S,
    ) -> None:
        self._name = name
        self._talk = talk
        self._question = ASB_QUESTIONS["escpos"] if answers else b""
        self._plugging = plugging or NoPlugging()
        self._look_interval_s = look_interval_s
        self._retry_s = retry_s
        self._turn = asyncio.Lock()

    @property
    def name(self) -> str:
        return self._name

    async def run(self, report: Receiver) -> None:
        """Look after the printer until cancelled, and report how it is."""

        async def look_on(present: Callable[[], None]) -> str:
            return await self._look_on(present, report)

        await keep_open(
            look_on,
            name=self._name,
            kind="printer",
            report=report,
            plugging=self._plugging,
            last_delay_s=self._retry_s,
        )

    async def print_bytes(self, data: bytes) -> None:
        """Print one receipt. Raises PrintRefused and PrintInterrupted; see ReceiptPrinter."""
        async with self._my_turn():
            try:
                await self._talk(self._question, data, self._judge)
            except Unavailable as why:
                raise PrintRefused(why.reason) from why

    async def _look_on(self, present: Callable[[], None], report: Receiver) -> str:
        """Ask again and again. What it says of itself is a fault, not a loss."""
        said = await self._look()
        present()
        before: str | None = None
        while True:
            if said != before:
                before = said
                report(self._state(said))
            await self._plugging.changed(within_s=self._look_interval_s)
            try:
                said = await self._look()
            except Unavailable as why:
                return why.reason

    async def _look(self) -> str | None:
        """Return what is wrong with it, None when all is well. Raises Unavailable."""
        async with self._turn:
            try:
                await self._talk(self._question, b"", self._judge)
            except PrintRefused as refused:
                return str(refused)
        return None

    def _judge(self, answer: bytes) -> None:
        if not self._question:
            return
        readings = EscposParser().feed(answer, time.monotonic())
        if not readings:
            raise PrintRefused(NO_ANSWER)
        if readings[-1].offline:
            raise PrintRefused(OFFLINE)

    def _state(self, fault: str | None) -> DeviceState:
        state: Literal["present", "fault"] = "present" if fault is None else "fault"
        return DeviceState(name=self._name, kind="printer", state=state, reason=fault, at=time.monotonic())

    @asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(TURN_TIMEOUT_S):
                await self._turn.acquire()
        except TimeoutError:
            raise PrintRefused("the printer is busy with another receipt") from None
        try:
            yield
        finally:
            self._turn.release()
