"""The agent as `tillwire run` serves it, on a clock that runs fast: weeks of trade in hours.

`python -m tests.soak.agent CONFIG SPEED` prints its address, and a line with the number of its tasks for each SIGUSR1.
Only the time for people runs fast, and how often what is old is deleted; no time-out does.
"""

import asyncio
import os
import signal
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

from agent import retention
from agent.outside import Outside, now
from agent.service import serve
from config.settings import load


def main() -> None:
    """Serve until SIGTERM."""
    config, speed = Path(sys.argv[1]), float(sys.argv[2])
    retention.INTERVAL_S /= speed
    asyncio.run(_serve(config, speed))


async def _serve(config: Path, speed: float) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, lambda: _say(str(len(asyncio.all_tasks()))))
    began, began_s = now(), time.monotonic()

    def wall() -> datetime:
        return began + timedelta(seconds=(time.monotonic() - began_s) * speed)

    outside = Outside(wall=wall, settling_s=0.0)
    await serve(load(config, os.environ), stop.wait, environment={}, ready=_say, outside=outside)


def _say(line: str | None) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
