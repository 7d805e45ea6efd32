"""Readers and drawer of a recorded day: they report what they reported, each at its time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from agent.chosen_devices import DRAWER
from agent.recording.records import (
    Delivered,
    DeviceSeen,
    Happened,
    LevelSeen,
    Paid,
    Pulsed,
    Scanned,
    TornPaid,
    TornRead,
)
from agent.replay.differences import Differences
from device.interface import (
    DeviceState,
    DrawerCapabilities,
    DrawerLevel,
    DrawerRefused,
    PaidMessage,
    Receiver,
    Report,
    Scan,
    TornMessage,
    TornScan,
)

PAYMENT_CARD: Final = "4000000000000000"
"""What is read where a bank card was: it looks like one, and none was ever issued with it."""
NOT_A_CARD: Final = "?"


class ReplayedDevices:
    """What every reader and port delivered. It is run as one device."""

    def __init__(self, happened: Sequence[Happened], began: float) -> None:
        self._delivered = sorted((each for each in happened if isinstance(each, Delivered)), key=lambda each: each.at)
        self._began = began

    async def run(self, report: Receiver) -> None:
        """Deliver until cancelled."""
        loop = asyncio.get_running_loop()
        for each in self._delivered:
            at = self._began + each.at
            await asyncio.sleep(max(0.0, at - loop.time()))
            report(_as_report(each, at))
        await asyncio.Event().wait()


class ReplayedDrawer:
    """A drawer that is asked to open as often as it was then. Its levels come from ReplayedDevices."""

    def __init__(self, happened: Sequence[Happened], differences: Differences, now: Callable[[], float]) -> None:
        self._pulses = [each for each in happened if isinstance(each, Pulsed)]
        self._differences = differences
        self._now = now

    @property
    def name(self) -> str:
        return DRAWER

    @property
    def capabilities(self) -> DrawerCapabilities:
        return DrawerCapabilities(status=True)

    async def run(self, report: Receiver) -> None:
        """Nothing: its reports are delivered with those of the others."""
        del report

    async def open_drawer(self, still_wanted: Callable[[], bool]) -> float:
        """Do as the drawer did. Raises DrawerRefused; see CashDrawer."""
        if not still_wanted():
            raise DrawerRefused("nobody waits for the drawer any more")
        if not self._pulses:
            self._differences.add(self._now(), "now the drawer is asked to open, which it was not then")
        elif (refused := self._pulses.pop(0).refused) is not None:
            raise DrawerRefused(refused)
        return asyncio.get_running_loop().time()

    def tell_what_was_not_asked(self, until: float) -> None:
        """The drawer was asked to open then and is not now."""
        for each in self._pulses:
            if each.at < until:
                self._differences.add(each.at, "recorded: the drawer is asked to open, now it is not")


def _as_report(delivered: Delivered, at: float) -> Report:
    match delivered:
        case Scanned():
            return Scan(scanner=delivered.scanner, text=_text(delivered), symbology=delivered.symbology, at=at)
        case TornRead():
            return TornScan(scanner=delivered.scanner, reason=delivered.reason, at=at)
        case DeviceSeen():
            return DeviceState(
                name=delivered.name, kind=delivered.device, state=delivered.state, reason=delivered.reason, at=at
            )
        case LevelSeen():
            return DrawerLevel(drawer=delivered.drawer, level=delivered.level, connection=delivered.connection, at=at)
        case Paid():
            return PaidMessage(drawer=delivered.drawer, amount=delivered.amount, connection=delivered.connection, at=at)
        case TornPaid():
            return TornMessage(drawer=delivered.drawer, at=at)


def _text(scanned: Scanned) -> str:
    if scanned.text is not None:
        return scanned.text
    return PAYMENT_CARD if scanned.read == "payment_card" else NOT_A_CARD
