"""What watching a modem line costs: `python -m tests.bench_lines --seconds 10`.

A pseudo-terminal with simulated lines stands for the port, so the driver's own part comes on top of it: 24 us a look
with an 8250 and 290 us with an FTDI adapter, measured in an emulated machine (hardware.md 1.5).
"""

import argparse
import asyncio
import tempfile
import time
from functools import partial
from pathlib import Path

from device.drawer import SerialDrawer
from device.drawer_profile_file import load_profile
from device.interface import Report
from device.modem_lines import sample
from device.port import open_port
from device.simulated_drawer import SimulatedDrawer
from device.tty import PortSettings

LOOKS = 5_000


async def one_look_us(drawer: SimulatedDrawer) -> float:
    """Microseconds of this process for one look, through the port's own thread and back."""
    port = await open_port(
        PortSettings(path=drawer.path), on_data=lambda *_: None, on_lost=lambda _: None, opener=drawer.opener
    )
    look = partial(sample, line="ri", clock=asyncio.get_running_loop().time)
    started = time.process_time()
    for _ in range(LOOKS):
        await port.ask(look)
    spent_s = time.process_time() - started
    await port.close()
    return spent_s / LOOKS * 1e6


async def watching_percent(drawer: SimulatedDrawer, seconds: float) -> float:
    """Percent of one processor while a drawer is watched and nothing happens."""
    watched = SerialDrawer(name="drawer", path=drawer.path, profile=drawer.profile, opener=drawer.opener)
    running = asyncio.create_task(watched.run(_ignore))
    await asyncio.sleep(1.0)
    started = time.process_time()
    await asyncio.sleep(seconds)
    spent_s = time.process_time() - started
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    return spent_s / seconds * 100


def _ignore(report: Report) -> None:
    """Nobody wants to know."""


async def _measure(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("mmf", "glancetron-8005u", "escpos"):
            async with SimulatedDrawer(load_profile(name), Path(folder) / name) as drawer:
                if name == "mmf":
                    print(f"one look at a line: {await one_look_us(drawer):.0f} us")  # noqa: T201 - a command prints
                percent = await watching_percent(drawer, seconds)
                print(f"{name}: {percent:.2f} % of a processor, the simulated device included")  # noqa: T201 - likewise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    asyncio.run(_measure(parser.parse_args().seconds))


if __name__ == "__main__":
    main()
