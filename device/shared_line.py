"""One opened port that questions, pulses and receipts share: each is sent whole, one after the other.

A pulse must act now or never. So a command is sent with a time-out from the first byte to the last one out of the
driver, and what did not leave by then is taken back from the driver's buffer: bytes that a device holds back by flow
control would otherwise open the drawer minutes later, for another customer. Bytes that already lie in the chip of a USB
adapter cannot be taken back; without flow control, which no shipped profile uses, none ever lie there.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from typing import Literal

from device.interface import PrintInterrupted
from device.port import (
    LinesNotSupported,
    OnData,
    OnLost,
    Port,
    PortFull,
    PortLost,
    PortSettings,
    open_port,
)
from device.reconnect import unavailable
from device.tty import Tty

log = logging.getLogger("tillwire.drawer")

# How long a command waits for its turn: the end of a short receipt. After a longer one the drawer would open when the
# customer no longer expects it.
TURN_TIMEOUT_S = 2.0
# Beyond the time that the bytes need on the wire:
COMMAND_STALL_S = 0.5  # an adapter's latency, a busy bus; a pulse that is later than this is not wanted any more
RECEIPT_STALL_S = 10.0  # a printer that cuts or feeds holds the line for a few seconds; a paper jam holds it for ever
DRAIN_POLL_S = 0.005  # five bytes at 9600 Bd
BITS_PER_BYTE = 12  # with start, parity and two stop bits

# What a driver calls sent may still lie in the chip: 16 bytes in a 16550, the last packet of an adapter. Closing the
# port would drop it.
CHIP_BYTES = 16
ADAPTER_LATENCY_S = 0.05


@contextlib.asynccontextmanager
async def opened_port(
    settings: PortSettings, *, on_data: OnData, on_lost: OnLost, opener: Callable[[PortSettings], Tty]
) -> AsyncIterator[Port]:
    """One opening of the port. Raises Unavailable with what to do."""
    try:
        port = await open_port(settings, on_data=on_data, on_lost=on_lost, opener=opener)
    except (OSError, ValueError) as error:
        raise unavailable(settings.path, error) from error
    try:
        yield port
    finally:
        await port.close()


class NotSent(Exception):
    """Certainly nothing left the port. The text says why."""


class _LinePulse:
    """An output line held at a level for some time, in the port's thread: a solenoid that stays on burns.

    So neither a busy loop nor a cancelled asker keeps the line from being let go.
    """

    def __init__(self, line: Literal["dtr", "rts"], high: bool, seconds: float, *, not_after: float) -> None:  # noqa: FBT001 - the level of a line is a truth value
        self._line: Literal["dtr", "rts"] = line
        self._high = high
        self._seconds = seconds
        self._not_after = not_after
        self._began_at: float | None = None
        self._ended = threading.Event()
        self._deciding = threading.Lock()

    def __call__(self, tty: Tty) -> float:
        """Return when it began (monotonic). Raises NotSent when it is not wanted any more, and what the Tty raises."""
        with self._deciding:
            now = time.monotonic()
            if self._ended.is_set() or now > self._not_after:
                raise NotSent("the adapter was busy for too long")
            self._began_at = now
        try:
            tty.set_line(self._line, high=self._high)
        except (LinesNotSupported, OSError):
            self._began_at = None
            raise
        try:
            self._ended.wait(self._seconds)
        finally:
            tty.set_line(self._line, high=not self._high)
        return now

    def end(self) -> float | None:
        """End it, or let it never begin; when it began, None when it did not and never will."""
        self._ended.set()
        with self._deciding:
            return self._began_at


def _no_check() -> None:
    """Nothing stands against sending."""


class SharedLine:
    """The commands of one connection. Used by many tasks, for one of them at a time."""

    def __init__(
        self,
        port: Port,
        baudrate: int,
        *,
        turn_timeout_s: float = TURN_TIMEOUT_S,
        receipt_stall_s: float = RECEIPT_STALL_S,
    ) -> None:
        self._port = port
        self._baudrate = baudrate
        self._turn_timeout_s = turn_timeout_s
        self._receipt_stall_s = receipt_stall_s
        self._turn = asyncio.Lock()
        self._clock = asyncio.get_running_loop().time

    async def send(self, command: bytes, last_check: Callable[[], None] = _no_check) -> float:
        """Send one whole command and return the monotonic time at which its last byte was handed to the driver.

        `last_check` is called immediately before the bytes go and may raise. When part of the command left and the
        rest was held back or lost with the port, this returns all the same: it may act.
        Raises NotSent.
        """
        async with self._my_turn():
            last_check()
            at = await self._hand_over(command)
            await self._see_it_leave(command)
            return at

    async def drive(
        self, line: Literal["dtr", "rts"], *, high: bool, pulse_s: float, last_check: Callable[[], None]
    ) -> float:
        """Hold an output line at a level for `pulse_s` and return the monotonic time at which that began.

        Returns as well when the port was lost in the middle: it may act. Raises NotSent.
        """
        async with self._my_turn():
            last_check()
            pulse = _LinePulse(line, high, pulse_s, not_after=self._clock() + COMMAND_STALL_S)
            try:
                return await self._port.ask(pulse)
            except (LinesNotSupported, PortLost) as error:
                if (began_at := pulse.end()) is None:
                    raise NotSent(str(error)) from error
                return began_at
            finally:
                pulse.end()

    async def print_bytes(self, data: bytes, last_check: Callable[[], None]) -> None:
        """Send one receipt. Raises NotSent, and PrintInterrupted when part of it may have been printed."""
        async with self._my_turn():
            last_check()
            try:
                async with asyncio.timeout(self._wire_s(data) + self._receipt_stall_s):
                    await self._port.write(data)
                    while self._port.unsent():  # noqa: ASYNC110 - the driver sets no event
                        await asyncio.sleep(DRAIN_POLL_S)
            except (PortFull, TimeoutError) as error:
                self._drop()
                raise PrintInterrupted("the printer took only a part of the receipt; the rest was dropped") from error
            except PortLost as error:
                raise PrintInterrupted(f"the printer was lost while it printed: {error}") from error

    async def leave_the_chip(self) -> None:
        """Wait until what was sent is on the wire, before the port is closed."""
        await asyncio.sleep(CHIP_BYTES * BITS_PER_BYTE / self._baudrate + ADAPTER_LATENCY_S)

    @contextlib.asynccontextmanager
    async def _my_turn(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._turn_timeout_s):
                await self._turn.acquire()
        except TimeoutError:
            raise NotSent("the port is busy with a receipt") from None
        try:
            yield
        finally:
            self._turn.release()

    async def _hand_over(self, command: bytes) -> float:
        """The driver's buffer is empty here, so it takes a command whole or not at all."""
        try:
            async with asyncio.timeout(COMMAND_STALL_S):
                return await self._port.write(command)
        except TimeoutError:
            raise NotSent("the device takes nothing (flow control)") from None
        except (PortFull, PortLost) as error:
            raise NotSent(str(error)) from error

    async def _see_it_leave(self, command: bytes) -> None:
        until = self._clock() + self._wire_s(command) + COMMAND_STALL_S
        try:
            while unsent := self._port.unsent():
                if self._clock() < until:
                    await asyncio.sleep(DRAIN_POLL_S)
                    continue
                self._port.discard()
                if unsent >= len(command):
                    raise NotSent("the device takes nothing (flow control)")
                log.warning("a command left the port only in part; the rest was dropped")
                return
        except PortLost:
            log.warning("the port was lost while a command left it")

    def _wire_s(self, data: bytes) -> float:
        return len(data) * BITS_PER_BYTE / self._baudrate

    def _drop(self) -> None:
        with contextlib.suppress(PortLost):  # a port that is gone holds nothing
            self._port.discard()
