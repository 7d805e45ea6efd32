"""What reading costs: `python -m tests.bench_readers`.

Prints the processor time of a scan and the delay from its last key to its report, for a keyboard-mode reader on a pipe
and beside it for a bare loop that only reads; and how late the reader's thread takes a key while the event loop does
nothing but Python, which is the worst there is for another thread.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator

import evdev
from evdev.eventio import EventIO

from device.evdev_scanner import EvdevScanner, EvdevScannerSettings
from device.interface import Scan
from device.key_decoder import EV_KEY, IDLE_S, PRESSED, InputEvent
from device.keyboard_layouts import KEY_ENTER
from device.keystrokes import key_events, strokes
from device.matching import Match
from device.simulated_scanner import INPUT_EVENT, SimulatedKeyScanner
from tests.scanner_reports import running

CARD = "9276004429942845"
SCANS = 2_000
SPIN_S = 3.0
SETTINGS = EvdevScannerSettings(name="counter", match=Match())


async def main() -> None:
    lines = [f"{'':24}{'cpu a scan':>12}{'delay p50':>12}{'p99':>10}"]
    for name, measure in (("a loop that only reads", bare), ("EvdevScanner", whole)):
        async with SimulatedKeyScanner() as reader:
            cpu_s, delays = await measure(reader)
        centiles = statistics.quantiles(delays, n=100)
        figures = (cpu_s / SCANS, centiles[49], centiles[98])
        lines.append(f"{name:24}{{:>9.0f}} us{{:>9.0f}} us{{:>7.0f}} us".format(*(figure * 1e6 for figure in figures)))
    lags = [lag * 1e3 for lag in await lags_while_the_loop_spins()]
    lines.append(
        f"while the loop spins, a key is taken after {statistics.median(lags):.1f} ms, {max(lags):.1f} ms at most"
    )
    print("\n".join(lines))  # noqa: T201 - a command prints


def a_scan(after_s: float) -> list[InputEvent]:
    """A whole scan whose last key comes now."""
    return list(key_events(strokes(CARD, "us", "enter"), time.monotonic() + after_s, 0.0))


async def bare(reader: SimulatedKeyScanner) -> tuple[float, list[float]]:
    """Reads events until Enter, and does nothing with them."""
    device = reader.open_device(SETTINGS)
    entered = asyncio.Queue[None]()

    def read() -> None:
        for _, _, kind, code, value in INPUT_EVENT.iter_unpack(os.read(device.fileno(), 65_536)):
            if (kind, code, value) == (EV_KEY, KEY_ENTER, PRESSED):
                entered.put_nowait(None)

    asyncio.get_running_loop().add_reader(device.fileno(), read)
    figures = await _measured(reader, entered.get)
    asyncio.get_running_loop().remove_reader(device.fileno())
    device.close()
    return figures


async def whole(reader: SimulatedKeyScanner) -> tuple[float, list[float]]:
    """The scanner as it is."""
    async with running(EvdevScanner(SETTINGS, open_device=reader.open_device)) as reports:
        await reports.state()
        await asyncio.sleep(IDLE_S)
        return await _measured(reader, lambda: reports.next(Scan))


async def _measured(reader: SimulatedKeyScanner, scanned: Callable[[], Awaitable[object]]) -> tuple[float, list[float]]:
    delays = []
    cpu = time.process_time()
    for _ in range(SCANS):
        reader.send(a_scan(0.0))
        sent = time.monotonic()
        await scanned()
        delays.append(time.monotonic() - sent)
    return time.process_time() - cpu, delays


class TimedDevice(EventIO):
    """Notes how late each event is read."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.lags: list[float] = []

    def read(self) -> Iterator[evdev.InputEvent]:
        events = list(super().read())
        now = time.monotonic()
        self.lags += [now - event.timestamp() for event in events]
        return iter(events)

    def grab(self) -> None:
        """Nobody else reads a pipe."""

    def leds(self) -> list[int]:
        return []

    def close(self) -> None:
        os.close(self.fd)


TYPIST = """
import os, struct, sys, time
until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until:
    now = time.monotonic()
    os.write(int(sys.argv[1]), struct.pack("llHHi", int(now), int(now % 1 * 1e6), 4, 4, 0))
    time.sleep(0.005)
"""


async def lags_while_the_loop_spins() -> list[float]:
    """Another process types a key each 5 ms, as the fastest readers do."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    device = TimedDevice(reading)
    async with running(EvdevScanner(SETTINGS, open_device=lambda _: device)) as reports:
        await reports.state()
        typing = [sys.executable, "-c", TYPIST, str(writing), str(SPIN_S)]
        with subprocess.Popen(typing, pass_fds=[writing]) as typist:  # noqa: ASYNC220 - the loop is to stand still
            until = time.monotonic() + SPIN_S
            while time.monotonic() < until:  # neither call lets go of the interpreter
                sum(range(1000))
            typist.wait()
    os.close(writing)
    return device.lags


if __name__ == "__main__":
    asyncio.run(main())
