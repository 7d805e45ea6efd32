"""What event readers cost a payment: `python -m tests.bench_events --blocks 10`.

Cash payments of a real agent over the simulated API, in turn with one reader of the event stream and with 32 of which
16 never read, in a process of their own. Measured is from pushing the drawer in until `start/cash` has arrived. Prints
both medians and their ratio, and exits 1 when it is above 1.2.
"""

import argparse
import asyncio
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from urllib.parse import urlsplit

from agent.kiosk.rate_limit import Rate
from agent.kiosk.stream import MOST_READERS
from tests.kiosk_bench import KioskBench, whole_agent
from tests.till_bench import CARD

ASLEEP = MOST_READERS // 2
AWAKE = MOST_READERS - ASLEEP - 1  # and the one that drives the sale
MOST_RATIO = 1.2
BALANCE = 500
"""Cents on the card before each payment, so that 296 are due."""
SALES_A_BLOCK = 4
LOOK_S = 0.02
PAYING_S = 0.1
"""The customer takes seconds; by then every reader has been told that the drawer is open."""
UNLIMITED = Rate(per_s=1e6, burst=1_000_000)


async def sale_s(bench: KioskBench, others: int) -> float:
    """Sell beside so many other readers, and return the seconds from the closing drawer to the request."""
    bench.simulator.set_card(CARD.value, cash_balance=BALANCE)
    booked = len(bench.simulator.requests_of("start/cash"))
    await readers_are(bench, others)
    checkout_id = await bench.due()
    await readers_are(bench, others)
    async with bench.events() as events:
        await events.next()
        await bench.call("POST", f"/v1/checkouts/{checkout_id}/pay", {"method": "cash", "amount": 296})
        await events.until(lambda told: told.name == "drawer" and told.data["event"] == "opened")
        await asyncio.sleep(PAYING_S)
        closed = time.time()
        bench.drawer.close_drawer()
        await events.phase("completed")
    return bench.simulator.requests_of("start/cash")[booked].at - closed


@contextmanager
def crowd(bench: KioskBench) -> Iterator[None]:
    command = (sys.executable, "-m", "tests.bench_events", "--read", bench.base_url)
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True) as process:
        try:
            if process.stdin is None:
                raise AssertionError("a pipe was asked for")
            process.stdin.write(f"{bench.tokens.screen}\n")
            process.stdin.flush()
            yield
        finally:
            process.kill()


async def readers_are(bench: KioskBench, count: int) -> None:
    while bench.kiosk.stream.reader_count != count:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(LOOK_S)


def read(url: str) -> None:
    """Be the crowd: connect, and read of the awake what comes, until killed."""
    token = sys.stdin.readline().strip()
    address = urlsplit(url)
    request = f"GET /v1/events HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
    selector, connections = DefaultSelector(), []
    for number in range(AWAKE + ASLEEP):
        connection = socket.create_connection((address.hostname or "", address.port or 0))
        connection.sendall(request.encode())
        connections.append(connection)  # those that nobody reads, too
        if number < AWAKE:
            selector.register(connection, EVENT_READ, connection)
    while True:
        for key, _ in selector.select():
            if not key.data.recv(1 << 16):
                return


async def measure(blocks: int) -> tuple[list[float], list[float]]:
    alone: list[float] = []
    watched: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        async with whole_agent(Path(directory), rate=UNLIMITED) as bench:
            await sale_s(bench, 0)  # everything is loaded then
            for _ in range(blocks):
                alone += [await sale_s(bench, 0) for _ in range(SALES_A_BLOCK)]
                with crowd(bench):
                    watched += [await sale_s(bench, AWAKE + ASLEEP) for _ in range(SALES_A_BLOCK)]
    return alone, watched


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=10, help=f"of {SALES_A_BLOCK} payments without and with readers")
    parser.add_argument("--read", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read is not None:
        read(options.read)
        return 0
    alone, watched = asyncio.run(measure(options.blocks))
    ratio = statistics.median(watched) / statistics.median(alone)
    for name, times in (("one reader", alone), (f"{MOST_READERS} readers, {ASLEEP} asleep", watched)):
        median_ms = statistics.median(times) * 1000
        print(f"{name:<24} {len(times)} payments, median {median_ms:.2f} ms, longest {max(times) * 1000:.2f} ms")  # noqa: T201 - a command prints
    print(f"ratio of the medians     {ratio:.3f}")  # noqa: T201 - likewise
    return 0 if ratio <= MOST_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
