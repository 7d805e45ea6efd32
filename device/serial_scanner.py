"""A reader on a serial line: RS-232, or a USB port that behaves like one."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from device.interface import Receiver
from device.line_decoder import LineDecoder, LineReading
from device.plugging import Plugging
from device.reader_thread import keep_reading
from device.reconnect import unavailable
from device.scan_text import Outcome
from device.tty import PortSettings, Tty, open_tty


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialScannerSettings:
    """Which port, and how the reader on it is set."""

    name: str
    port: PortSettings
    reading: LineReading = field(default_factory=LineReading)


class SerialScanner:
    """A Scanner on a serial port."""

    def __init__(
        self,
        settings: SerialScannerSettings,
        *,
        opener: Callable[[PortSettings], Tty] = open_tty,
        plugging: Plugging | None = None,
    ) -> None:
        self._settings = settings
        self._opener = opener
        self._plugging = plugging
        self._decoder = LineDecoder(settings.name, settings.reading)

    @property
    def name(self) -> str:
        return self._settings.name

    async def run(self, report: Receiver) -> None:
        """Read until cancelled."""
        await keep_reading(self._open, name=self.name, report=report, plugging=self._plugging)

    def _open(self) -> "TtySource":
        port = self._settings.port
        try:
            return TtySource(self._opener(port), self._decoder)
        except (OSError, ValueError) as error:
            raise unavailable(port.path, error) from error


class TtySource:
    """An open port with the reader's decoder; the line's error counts are looked at before anything is believed."""

    def __init__(self, tty: Tty, decoder: LineDecoder) -> None:
        """Take the port over. OSError when it is gone already; it is closed then."""
        self._tty = tty
        self._decoder = decoder
        try:
            self._errors = self._count_errors()
        except OSError:
            tty.close()
            raise
        decoder.opened(time.monotonic())

    def fileno(self) -> int:
        return self._tty.fileno()

    def read(self) -> tuple[Outcome, ...]:
        data = self._tty.read()
        if not data:
            raise OSError(0, "the port was hung up")
        now = time.monotonic()
        self._notice_errors(now)
        return self._decoder.feed(data, now)

    def wake_at(self) -> float | None:
        return self._decoder.wake_at()

    def wake(self, now: float) -> tuple[Outcome, ...]:
        self._notice_errors(now)
        return self._decoder.wake(now)

    def lost(self, now: float) -> tuple[Outcome, ...]:
        return self._decoder.lost(now)

    def close(self) -> None:
        self._tty.close()

    def _notice_errors(self, now: float) -> None:
        """After the read: an error is counted before its byte can be read."""
        errors = self._count_errors()
        if errors != self._errors:
            self._errors = errors
            self._decoder.damaged(now)

    def _count_errors(self) -> int:
        counts = self._tty.counts()
        return counts.errors if counts else 0
