"""`python -m tests.bench [--rounds N] [--starts N]`: the table of docs/bench.md, measured now.

The rounds count only when the two identical floors measured the same; on a machine that does something else they do
not, and the answer is no (exit code 1).
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench import footprint, latency
from tests.bench.figures import Figure, figure, is_same
from tests.bench.latency import FLOORS, Samples

GOALS = {
    latency.CLOSING: ("closing byte to start/cash at the API", 1.25, 2.0),
    latency.CARD_TO_REQUEST: ("last byte of a card to the request it causes", 1.4, None),
    latency.CARD_TO_SCREEN: ("last byte of a card to the event at the screen", 2.0, None),
}
"""What is measured, and how many times the floor it may be at the median and at p95."""
START_GOAL, MEMORY_GOAL, WAKEUPS_GOAL, CPU_GOAL = 1.15, 1.1, 2.0, 0.002


async def _run(rounds: int, starts: int) -> bool:
    with tempfile.TemporaryDirectory(prefix="tillwire-bench-") as directory:
        (place := Path(directory, "latency")).mkdir()
        samples = await latency.measure(place, rounds, seed=1)
        (place := Path(directory, "footprint")).mkdir()
        paid = await footprint.measure(place, starts)
    sys.stdout.write("\n".join((*_latencies(samples), *_footprint(paid))) + "\n")
    return _counts(samples)


def _counts(samples: Samples) -> bool:
    return all(is_same(*(figure(samples[what, floor]) for floor in FLOORS)) for what in GOALS)


def _latencies(samples: Samples) -> Iterator[str]:
    yield f"{'':48}{'floor':>16}{'again':>16}{'agent':>16}{'ratio':>14}  goal"
    for what, (words, median_goal, p95_goal) in GOALS.items():
        floor, again, agent = (figure(samples[what, who]) for who in (*FLOORS, "agent"))
        ratio = f"{agent.median / floor.median:.2f} / {agent.p95 / floor.p95:.2f}"
        goal = f"{median_goal} / {p95_goal or '-'}"
        yield f"{words:48}{_ms(floor):>16}{_ms(again):>16}{_ms(agent):>16}{ratio:>14}  {goal}"
    counts = "counts" if _counts(samples) else "does not count: two identical floors measured differently"
    yield f"ms at the median / p95, {agent.rounds} rounds; the run {counts}"


def _ms(measured: Figure) -> str:
    return f"{measured.median:.2f} / {measured.p95:.2f}"


def _footprint(paid: footprint.Footprint) -> Iterator[str]:
    yield ""
    for words, value, floor, unit, goal in (
        ("exec to ready, and importing the libraries", paid.start_s, paid.floor_start_s, "s", START_GOAL),
        ("memory at rest, and that of the libraries", paid.rss_mib, paid.floor_rss_mib, "MiB", MEMORY_GOAL),
    ):
        yield f"{words:48}{value:.2f} {unit}, {floor:.2f} {unit}, ratio {value / floor:.2f}, goal {goal}"
    yield f"{'wake-ups a second at rest':48}{paid.wakeups_a_second:.2f}, goal {WAKEUPS_GOAL}"
    yield f"{'share of a core at rest':48}{paid.cpu_share:.2%}, goal {CPU_GOAL:.1%}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2000, help="of each latency (%(default)s)")
    parser.add_argument("--starts", type=int, default=10, help="of agent and floor (%(default)s)")
    arguments = parser.parse_args()
    raise SystemExit(0 if asyncio.run(_run(arguments.rounds, arguments.starts)) else 1)
