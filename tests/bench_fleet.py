"""What a fleet costs: `python -m tests.bench_fleet load` and `… agent`; the figures stand in docs/fleet.md.

`load`: as many sessions as tills, of the agent's own code, on one real Mosquitto with the documented configuration: TLS
and a client certificate (one for all). Each tells a sale's events at a pace; a consumer in another process takes the
time from before the publication until it has the event. Then all of them tell as fast as they can.
`agent`: one real agent at rest, without `[fleet]` and with it: memory, CPU time, wake-ups (voluntary context switches).
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from agent.fleet.broker import MOST_FOLLOWED, Broker, Publication, Session, connected, tls_context
from agent.fleet.view import event_of
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.server import SimulatorServer
from tests.fleet_bench import OFFICE, Mosquitto, mosquitto
from tests.journal_entries import journal_at, sale

Event = dict[str, object]

AT_ONCE = 50  # connections being made, as after a broker's restart with the tills' jitter
ACCESS = f"user {OFFICE}\ntopic readwrite tillwire/#\n"
SETTLING_S = 2.0  # until the consumer has what was told last
CONFIGURATION = """\
[api]
base_url = "{base_url}"
login = "client-credentials"
client_id = "{client_id}"
client_secret = "{client_secret}"
[cash]
confirmed_by = ["operator"]
[kiosk]
listen = "127.0.0.1:0"
[state]
directory = "{state}"
"""


# The consumer, in a process of its own


async def consume(port: int, directory: Path) -> None:
    """Print, for each line on stdin, how many events came since the last one and their delays' percentiles."""
    tls = tls_context(directory / "ca.crt", directory / f"{OFFICE}.crt", directory / f"{OFFICE}.key")
    broker = Broker(host="127.0.0.1", port=port, client_id="consumer", tls=tls, username=None, password=None)
    delays: list[float] = []

    async def listen(session: Session) -> None:
        async for message in session.messages():
            if isinstance(message.payload, bytes):
                delays.append(  # noqa: PERF401 - the list is looked at meanwhile
                    time.monotonic() - json.loads(message.payload)["sent"]
                )

    async with connected(broker, most_waiting=20 * MOST_FOLLOWED) as session:
        await session.subscribe("tillwire/+/event")
        listening = asyncio.ensure_future(listen(session))
        tell_parent({})
        while await asyncio.to_thread(sys.stdin.readline):
            told = sorted(delays)
            delays.clear()
            at = {name: ms(told[int(len(told) * part)]) for name, part in (("p50", 0.5), ("p99", 0.99))} if told else {}
            tell_parent({"heard": len(told), **at})
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


def tell_parent(figures: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


def ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


@dataclass(frozen=True)
class Listening:
    """The consumer, as whoever started it sees it."""

    process: asyncio.subprocess.Process

    async def says(self) -> dict[str, object]:
        assert self.process.stdout is not None
        said: dict[str, object] = json.loads(await self.process.stdout.readline())
        return said

    async def asked(self) -> dict[str, object]:
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        return await self.says()


@asynccontextmanager
async def consumer(broker: Mosquitto) -> AsyncIterator[Listening]:
    words = ("consume", "--port", str(broker.office_port), "--directory", str(broker.authority.directory))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench_fleet", *words, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    listening = Listening(process)
    await listening.says()
    try:
        yield listening
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


# The tills


async def load(tills: int, seconds: float, pause_s: float) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        events = await events_of_a_sale(directory)
        broker = await stack.enter_async_context(mosquitto(directory, ACCESS))
        listening = await stack.enter_async_context(consumer(broker))
        began, before_s = time.monotonic(), broker_s(broker)
        sessions = await come(stack, broker, tills)
        took = {
            "connected in": f"{time.monotonic() - began:.1f} s",
            "broker's CPU": f"{broker_s(broker) - before_s:.2f} s",
        }
        report("sessions", {"tills": tills, **took})
        for what, pause in (("at a pace", pause_s), ("as fast as it goes", 0.0)):
            figures = await tell_all(sessions, events, broker, seconds, pause)
            report(what, figures | await listening.asked())


async def events_of_a_sale(directory: Path) -> list[Event]:
    """Return them as they are told."""
    async with journal_at(directory / "journal.sqlite") as journal:
        await journal.commit(*sale("co_0123456789abcdef0123"))
        return [json.loads(event_of(stored, journal.id).as_json()) for stored in await journal.events_since(0)]


async def come(stack: AsyncExitStack, broker: Mosquitto, tills: int) -> list[Session]:
    gate, office = asyncio.Semaphore(AT_ONCE), broker.broker(OFFICE)

    async def connect(till: int) -> Session:
        async with gate:
            one = replace(office, client_id=f"till-{till}", answer_timeout_s=60)
            return await stack.enter_async_context(connected(one))

    return await asyncio.gather(*map(connect, range(tills)))


async def tell_all(
    sessions: list[Session], events: list[Event], broker: Mosquitto, seconds: float, pause_s: float
) -> dict[str, object]:
    """Let all tell, and return how much that was and what it took of the broker."""
    before_s, until = broker_s(broker), time.monotonic() + seconds
    told = sum(await asyncio.gather(*(tell(s, n, events, pause_s, until) for n, s in enumerate(sessions))))
    await asyncio.sleep(SETTLING_S)
    used_s = broker_s(broker) - before_s
    return {
        "told": told,
        "a second": round(told / seconds),
        "broker's cores": round(used_s / seconds, 2),
        "broker's ms a message": round(used_s * 1000 / max(told, 1), 2),
        "broker MiB": round(psutil.Process(pid_of(broker)).memory_info().rss / 2**20, 1),
    }


async def tell(session: Session, till: int, events: list[Event], pause_s: float, until: float) -> int:
    """Tell events, one each pause, until that time; return how many. 0: as fast as the broker takes them."""
    told = 0
    await asyncio.sleep(pause_s * (till % 997) / 997)
    while time.monotonic() < until:
        began = time.monotonic()
        payload = json.dumps(events[told % len(events)] | {"sent": began}).encode()
        await session.publish(Publication(topic=f"tillwire/till-{till}/event", payload=payload))
        told += 1
        await asyncio.sleep(max(0.0, pause_s - (time.monotonic() - began)) if pause_s else 0)
    return told


def pid_of(broker: Mosquitto) -> int:
    assert broker.running is not None
    return broker.running.pid


def broker_s(broker: Mosquitto) -> float:
    """Return the CPU seconds that the broker has used."""
    used = psutil.Process(pid_of(broker)).cpu_times()
    return used.user + used.system


# One agent


async def cost(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        async with mosquitto(Path(name)) as broker, SimulatorServer() as simulator:
            for what, section in (("without [fleet]", ""), ("with [fleet]", broker.section())):
                state = Path(name) / what.split()[0]
                state.mkdir()
                api = {"base_url": simulator.base_url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
                config = state / "tillwire.toml"
                config.write_text(CONFIGURATION.format(**api, state=state) + section)
                report(what, await at_rest(config, seconds))


async def at_rest(config: Path, seconds: float) -> dict[str, object]:
    """Run an agent, wait until it has come to rest, and return what it takes."""
    agent = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent", "run", "--config", str(config), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert agent.stdout is not None
    await agent.stdout.readline()
    await asyncio.sleep(5)
    before, process = measured(agent.pid), psutil.Process(agent.pid)
    await asyncio.sleep(seconds)
    after = measured(agent.pid)
    found: dict[str, object] = {
        "MiB": round(process.memory_info().rss / 2**20, 1),
        "CPU ms a minute": round((after[0] - before[0]) * 1000 * 60 / seconds, 1),
        "wake-ups a second": round((after[1] - before[1]) / seconds, 2),
    }
    agent.terminate()
    await agent.wait()
    return found


def measured(pid: int) -> tuple[float, int]:
    """Return CPU seconds and voluntary context switches of all threads."""
    process = psutil.Process(pid)
    cpu = process.cpu_times()
    switches = 0
    for thread in process.threads():
        status = Path(f"/proc/{pid}/task/{thread.id}/status").read_text()
        switches += int(status.partition("voluntary_ctxt_switches:")[2].split()[0])
    return cpu.user + cpu.system, switches


def report(what: str, figures: dict[str, object]) -> None:
    sys.stdout.write(f"{what}: {json.dumps(figures)}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("load", "agent", "consume"))
    parser.add_argument("--tills", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--pause", type=float, default=5, help="seconds between two events of a till")
    parser.add_argument("--port", type=int, help="of consume, which load starts")
    parser.add_argument("--directory", type=Path, help="likewise: the certificates")
    arguments = parser.parse_args()
    match arguments.what:
        case "load":
            report("machine", {"cores": os.cpu_count(), "load": os.getloadavg()[0]})
            asyncio.run(load(arguments.tills, arguments.seconds, arguments.pause))
        case "agent":
            asyncio.run(cost(arguments.seconds))
        case _:
            asyncio.run(consume(arguments.port, arguments.directory))


if __name__ == "__main__":
    main()
