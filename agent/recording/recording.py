"""The recording of a running agent, or none: what the service puts between the agent and its surroundings."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from agent.card import CardRules
from agent.kiosk.kiosk import KioskCall
from agent.smart.transport import Observer
from agent.till.listener import Listener, Listeners
from config.settings import Settings
from device.interface import CashDrawer, Receiver, Report

if TYPE_CHECKING:
    from agent.recording.records import Begun
    from agent.recording.taps import Taps

# What records is loaded by the first recording: few tills ever have one, and all of them start.


@dataclass(frozen=True, slots=True)
class Recording:
    """Hears everything where there are taps, and is nothing where there are none."""

    taps: "Taps | None" = None

    @property
    def exchanged(self) -> Observer | None:
        return None if self.taps is None else self.taps.exchanged

    @property
    def called(self) -> Callable[[KioskCall], None] | None:
        return None if self.taps is None else self.taps.called

    def drawer(self, drawer: CashDrawer | None) -> CashDrawer | None:
        if drawer is None or self.taps is None:
            return drawer
        from agent.recording.taps import RecordedDrawer  # noqa: PLC0415 - see above

        return RecordedDrawer(drawer, self.taps.pulsed)

    def listener(self, listener: Listener) -> Listener:
        return listener if self.taps is None else Listeners(listener, of_checkouts=self.taps.checkout_changed)

    def receiver(self, receive: Receiver) -> Receiver:
        taps = self.taps
        if taps is None:
            return receive

        def recorded(report: Report) -> None:
            taps.reported(report)
            receive(report)

        return recorded


@asynccontextmanager
async def open_recording(
    file: Path | None, settings: Settings, begin: Callable[[], "Begun"]
) -> AsyncIterator[Recording]:
    """Record into this file while inside; None: nothing. A file that cannot be written stops nothing but itself."""
    if file is None:
        yield Recording()
        return
    from agent.recording.recorder import Recorder  # noqa: PLC0415 - see above
    from agent.recording.taps import Taps  # noqa: PLC0415 - see above

    recorder = Recorder(file, asyncio.get_running_loop().time)
    forwarding = frozenset(scanner.name for scanner in settings.scanner if scanner.other_codes == "forward")
    taps = Taps(recorder, CardRules(prefixes=settings.cards.prefixes, lengths=settings.cards.lengths), forwarding)
    taps.began(begin())
    try:
        yield Recording(taps)
    finally:
        await asyncio.to_thread(recorder.close)


def beginning(settings: Settings, started: datetime, seed: int, settling_s: float) -> "Begun":
    """What a recording begins with. No secret of the configuration is part of it."""
    from agent.recording.records import Begun  # noqa: PLC0415 - see above

    return Begun(
        program=version("tillwire"),
        started=started,
        seed=seed,
        settling_s=settling_s,
        settings=settings.model_dump(mode="json", exclude={"api": {"client_id", "client_secret"}, "fleet": True}),
    )
