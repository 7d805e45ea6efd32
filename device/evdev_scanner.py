"""A reader that types like a keyboard: opened for reading only, grabbed so that nobody else gets a digit."""

import errno
import fcntl
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

import evdev

from device.interface import Receiver
from device.key_decoder import EV_LED, EV_SYN, LED_CAPSL, SYN_DROPPED, InputEvent, KeyDecoder, KeyReading
from device.layout_doubt import LayoutDoubt
from device.matching import Match, PluggedDevice, is_only_keyboard, the_one
from device.plugged_devices import System, plugged_devices
from device.plugging import Plugging
from device.reader_thread import keep_reading
from device.reconnect import Unavailable, unavailable
from device.scan_text import Outcome

EVIOCSCLOCKID: Final = 0x400445A0  # _IOW('E', 0xa0, int)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvdevScannerSettings:
    """Which reader, and how it is set.

    The only keyboard of the box is not taken away from it unless `only_keyboard` says that it is a reader.
    """

    name: str
    match: Match
    reading: KeyReading = field(default_factory=KeyReading)
    only_keyboard: bool = False


class KeyDevice(Protocol):
    """An open input device, as python-evdev's InputDevice is one. Events carry monotonic times."""

    def fileno(self) -> int: ...

    def read(self) -> Iterable[evdev.InputEvent]:
        """The events that lie ready. BlockingIOError when none do; OSError when the device is gone."""
        ...

    def grab(self) -> None: ...

    def leds(self) -> Iterable[int]:
        """The lights that are on."""
        ...

    def close(self) -> None: ...


OpenKeyDevice = Callable[[EvdevScannerSettings], KeyDevice]


def open_key_device(settings: EvdevScannerSettings, system: System | None = None) -> KeyDevice:
    """Find and open the reader. Blocks. Raises Unavailable."""
    plugged = [device for device in plugged_devices("input", system) if device.types_codes]
    found = the_one(settings.match, plugged)
    if not settings.only_keyboard and is_only_keyboard(found, plugged):
        raise Unavailable("fault", _ONLY_KEYBOARD.format(found=found))
    try:
        return _open(found)
    except OSError as error:
        raise unavailable(found.node, error) from error


_ONLY_KEYBOARD = (
    "{found.node} ({found.name}) looks like the only keyboard of this box and is left alone: "
    "if it is the reader, set only_keyboard = true"
)


def _open(found: PluggedDevice) -> KeyDevice:
    """Times come from the monotonic clock, which no time server turns back. Group read access is enough."""
    device = evdev.InputDevice(found.node, readonly=True)
    try:
        fcntl.ioctl(device.fd, EVIOCSCLOCKID, struct.pack("i", time.CLOCK_MONOTONIC))
    except OSError:
        device.close()
        raise
    return device


class EvdevScanner:
    """A Scanner in keyboard mode."""

    def __init__(
        self,
        settings: EvdevScannerSettings,
        *,
        open_device: OpenKeyDevice = open_key_device,
        plugging: Plugging | None = None,
    ) -> None:
        self._settings = settings
        self._open_device = open_device
        self._plugging = plugging
        self._decoder = KeyDecoder(settings.name, settings.reading)

    @property
    def name(self) -> str:
        return self._settings.name

    async def run(self, report: Receiver) -> None:
        """Read until cancelled."""
        doubt = LayoutDoubt(self._settings.reading.layout, report)
        await keep_reading(self._open, name=self.name, report=doubt.take, plugging=self._plugging)

    def _open(self) -> "KeySource":
        device = self._open_device(self._settings)
        try:
            grab(device, self.name)
            return KeySource(device, self._decoder)
        except OSError as error:
            device.close()
            raise unavailable(self.name, error) from error
        except Unavailable:
            device.close()
            raise


class KeySource:
    """An open, grabbed reader with its decoder."""

    def __init__(self, device: KeyDevice, decoder: KeyDecoder) -> None:
        self._device = device
        self._decoder = decoder
        decoder.opened(time.monotonic())
        self._look_at_light()

    def fileno(self) -> int:
        return self._device.fileno()

    def read(self) -> list[Outcome]:
        events = [InputEvent(event.timestamp(), event.type, event.code, event.value) for event in self._device.read()]
        outcomes = [outcome for event in events for outcome in self._decoder.feed(event)]
        if any((event.type, event.code) == (EV_SYN, SYN_DROPPED) for event in events):
            self._look_at_light()
        return outcomes

    def wake_at(self) -> float | None:
        return self._decoder.wake_at()

    def wake(self, now: float) -> tuple[Outcome, ...]:
        return self._decoder.wake(now)

    def lost(self, now: float) -> tuple[Outcome, ...]:
        return self._decoder.lost(now)

    def close(self) -> None:
        self._device.close()

    def _look_at_light(self) -> None:
        """Where its events may be missing."""
        on = LED_CAPSL in self._device.leds()
        self._decoder.feed(InputEvent(time.monotonic(), EV_LED, LED_CAPSL, on))


def grab(device: KeyDevice, name: str) -> None:
    """Without the grab the number is typed into the console as well, so a reader that cannot be grabbed is a fault."""
    try:
        device.grab()
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise Unavailable("fault", f"{name}: another program holds this reader; stop that one") from error
        raise
