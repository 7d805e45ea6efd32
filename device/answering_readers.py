"""Listens to every device that may be a reader, until one of them was given something to scan.

For the installer: nothing is configured yet, so keyboards, HID POS readers and serial ports are opened as the drivers
open them, grabbed too, and what comes is kept raw for device/learning.py. Escape on a keyboard gives up: a person whose
keyboard is listened to has no other key left.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Generic, Literal, Protocol, Self, TypeVar

from device.blocking import OpenTimeout, close_in_executor, open_in_executor
from device.evdev_scanner import EvdevScannerSettings, KeyDevice, OpenKeyDevice, grab, open_key_device
from device.hidpos_scanner import HidPosScannerSettings, OpenReportDevice, open_report_device
from device.key_decoder import EV_KEY, EV_SYN, LED_CAPSL, PRESSED, SYN_DROPPED, InputEvent
from device.learning import SILENCE_S, Answer, Chunk, learn_keys, learn_line, learn_reports
from device.matching import Match, PluggedDevice
from device.reconnect import Unavailable, unavailable
from device.tty import PortSettings, Tty, open_tty

Driver = Literal["evdev", "hidpos", "serial"]
KEY_ESC: Final = 1
Sign = TypeVar("Sign")
MOST_SIGNS: Final = 20_000  # events, reports or reads of one scan: what sends more is no reader
SPEEDS: Final = (9600, 115_200, 38_400, 19_200, 57_600, 4_800, 2_400, 1_200, 600, 300)  # the usual ones first


class GivenUp(Exception):
    """Somebody pressed Escape."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A device that may be the reader. `only_keyboard`: listen to it though it may be the only keyboard."""

    driver: Driver
    device: PluggedDevice
    only_keyboard: bool = False
    baudrate: int = SPEEDS[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Openers:
    """How devices are opened."""

    keys: OpenKeyDevice = open_key_device
    reports: OpenReportDevice = open_report_device
    tty: Callable[[PortSettings], Tty] = open_tty


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a device sent, as far as it was understood."""

    candidate: Candidate
    answer: Answer


class _Device(Protocol):
    def fileno(self) -> int: ...
    def close(self) -> None: ...


class _Ear(Generic[Sign]):
    """One open device, and what came from it. `read` returns what lies ready."""

    def __init__(
        self, device: _Device, read: Callable[[], Iterable[Sign]], learn: Callable[[Sequence[Sign]], Answer]
    ) -> None:
        self.fileno = device.fileno
        self.close = device.close
        self._read = read
        self._learn = learn
        self._signs: list[Sign] = []

    @property
    def has_heard(self) -> bool:
        return bool(self._signs)

    def take(self) -> bool:
        """Whether there was a sign of life. OSError when the device is gone."""
        came = list(self._read())
        self._signs += came[: MOST_SIGNS - len(self._signs)]
        return bool(came)

    def answer(self) -> Answer:
        return self._learn(self._signs)

    def forget(self) -> None:
        self._signs.clear()


_AnyEar = _Ear[InputEvent] | _Ear[Chunk]


class AnsweringReaders:
    """All candidates, open. `refused` says why one of them could not be opened, or was lost."""

    def __init__(self, candidates: Sequence[Candidate], openers: Openers, silence_s: float = SILENCE_S) -> None:
        self._candidates = candidates
        self._openers = openers
        self._silence_s = silence_s
        self._loop = asyncio.get_running_loop()
        self._ears: dict[Candidate, _AnyEar] = {}
        self._lost: list[_AnyEar] = []
        self._heard = asyncio.Event()
        self._given_up = False
        self.refused: dict[Candidate, str] = {}

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            await asyncio.gather(*map(self._open, self._candidates))
            stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    @property
    def listening(self) -> tuple[Candidate, ...]:
        return tuple(self._ears)

    async def answers(self, within_s: float) -> Sequence[Answered]:
        """Return what came of the next scan, once every device has been silent. None is told twice.

        Raises TimeoutError when nothing came, GivenUp.
        """
        async with asyncio.timeout(within_s):
            await self._heard.wait()
        with suppress(TimeoutError):
            while not self._given_up:
                self._heard.clear()
                async with asyncio.timeout(self._silence_s):
                    await self._heard.wait()
        if self._given_up:
            raise GivenUp
        heard = {candidate: ear for candidate, ear in self._ears.items() if ear.has_heard}
        answers = [Answered(candidate=candidate, answer=ear.answer()) for candidate, ear in heard.items()]
        for ear in heard.values():
            ear.forget()
        return answers

    async def listen_at(self, candidate: Candidate, baudrate: int) -> None:
        """Open a port anew at another speed."""
        await self._drop(candidate)
        await self._open(replace(candidate, baudrate=baudrate))

    async def _open(self, candidate: Candidate) -> None:
        try:
            ear = await open_in_executor(lambda: _ear(candidate, self._openers))
        except OpenTimeout as error:
            self.refused[candidate] = unavailable(candidate.device.node, error).reason
        except Unavailable as why:
            self.refused[candidate] = why.reason
        else:
            self._ears[candidate] = ear
            self._loop.add_reader(ear.fileno(), self._take, candidate, ear)

    def _take(self, candidate: Candidate, ear: _AnyEar) -> None:
        try:
            if ear.take():
                self._heard.set()
        except BlockingIOError:
            pass
        except GivenUp:
            self._given_up = True
            self._heard.set()
        except OSError as error:
            self._loop.remove_reader(ear.fileno())
            self._lost.append(self._ears.pop(candidate))
            self.refused[candidate] = error.strerror or "the device reports an error"

    async def _drop(self, candidate: Candidate) -> None:
        ear = self._ears.pop(candidate)
        self._loop.remove_reader(ear.fileno())
        await close_in_executor(ear)

    async def _close(self) -> None:
        await asyncio.gather(*map(self._drop, list(self._ears)), *map(close_in_executor, self._lost))


def _ear(candidate: Candidate, openers: Openers) -> _AnyEar:
    """Open a device. Blocks. Raises Unavailable."""
    node = candidate.device.node
    match candidate.driver:
        case "evdev":
            settings = EvdevScannerSettings(name=node, match=Match(path=node), only_keyboard=candidate.only_keyboard)
            return _grabbed(openers.keys(settings), node)
        case "hidpos":
            reports = openers.reports(HidPosScannerSettings(name=node, match=Match(path=node)))
            return _Ear(reports, lambda: [Chunk(time.monotonic(), reports.read())], learn_reports)
        case "serial":
            try:
                tty = openers.tty(PortSettings(path=node, baudrate=candidate.baudrate))
            except (OSError, ValueError) as error:
                raise unavailable(node, error) from error
            return _Ear(tty, lambda: [Chunk(time.monotonic(), _received(tty))], learn_line)


def _grabbed(device: KeyDevice, node: str) -> _Ear[InputEvent]:
    try:
        grab(device, node)
    except OSError as error:
        device.close()
        raise unavailable(node, error) from error
    except Unavailable:
        device.close()
        raise
    return _Ear(device, _key_signs(device), partial(_learn_keys, device))


def _learn_keys(device: KeyDevice, events: Sequence[InputEvent]) -> Answer:
    return learn_keys(events, caps_lock_is_on=LED_CAPSL in device.leds())


def _key_signs(device: KeyDevice) -> Callable[[], Iterator[InputEvent]]:
    """Read keys, and that some of them were lost: the signs of life. What is read raises GivenUp."""
    begun = False

    def read() -> Iterator[InputEvent]:
        nonlocal begun
        for event in device.read():
            kind, code, value = event.type, event.code, event.value
            if (kind, code, value) == (EV_KEY, KEY_ESC, PRESSED):
                raise GivenUp
            dropped = (kind, code) == (EV_SYN, SYN_DROPPED)
            begun = begun or dropped or (kind, value) == (EV_KEY, PRESSED)  # Enter, that began all this, is let go now
            if begun and (dropped or kind == EV_KEY):
                yield InputEvent(event.timestamp(), kind, code, value)

    return read


def _received(tty: Tty) -> bytes:
    data = tty.read()
    if not data:
        raise OSError(0, "the port was hung up")
    return data
