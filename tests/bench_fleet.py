"""What a fleet costs: `python -m tests.bench_fleet load` and `… agent`; the figures stand in docs/fleet.md.

`load`: as many sessions as tills, of the agent's own code, on one real Mosquitto without TLS. Each tells a sale's
events at a pace; a consumer in a process of its own takes the time from before the publication until it has the event.
Then all of them tell as fast as they can.
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
from contextlib import AsyncExitStack
from pathlib import Path

import psutil

from agent.fleet.broker import MOST_FOLLOWED, Broker, Publication, Session, connected
from agent.fleet.view import event_of
from agent.simulator import CLIENT_ID, CLIENT_SECRET
from agent.simulator.server import SimulatorServer
from tests.fleet_bench import until_listening
from tests.journal_entries import journal_at, sale

PORT = 18830
AT_ONCE = 50  # connections being made, as after a broker's restart with the tills' jitter
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
FLEET = f'[fleet]\nhost = "127.0.0.1"\nport = {PORT}\ntls = false\ntill = "bench"\n'


def broker(name: str) -> Broker:
    return Broker(
        host="127.0.0.1", port=PORT, client_id=name, tls=None, username=None, password=None, answer_timeout_s=60
    )


async def start_mosquitto(directory: Path) -> asyncio.subprocess.Process:
    file = directory / "mosquitto.conf"
    file.write_text(f"user root\nlistener {PORT} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 100000\n")
    process = await asyncio.create_subprocess_exec("mosquitto", "-c", str(file), stderr=subprocess.DEVNULL)
    await until_listening(PORT)
    return process


async def payloads(directory: Path) -> list[dict[str, object]]:
    """Return a sale's events as they are told."""
    async with journal_at(directory / "journal.sqlite") as journal:
        await journal.commit(*sale("co_0123456789abcdef0123"))
        return [json.loads(event_of(stored, journal.id).as_json()) for stored in await journal.events_since(0)]


# The consumer, in a process of its own


async def consume() -> None:
    """Print, for each line on stdin, how many events came since the last one and their delays' percentiles."""
    delays: list[float] = []

    async def listen(session: Session) -> None:
        async for message in session.messages():
            if isinstance(message.payload, bytes):
                delays.append(  # noqa: PERF401 - the list is looked at meanwhile
                    time.monotonic() - json.loads(message.payload)["sent"]
                )

    async with connected(broker("consumer"), most_waiting=20 * MOST_FOLLOWED) as session:
        await session.subscribe("tillwire/+/event")
        listening = asyncio.ensure_future(listen(session))
        sys.stdout.write("listening\n")
        sys.stdout.flush()
        while await asyncio.to_thread(sys.stdin.readline):
            told = sorted(delays)
            delays.clear()
            at = {name: told[int(len(told) * part)] for name, part in (("p50", 0.5), ("p99", 0.99))} if told else {}
            sys.stdout.write(json.dumps({"events": len(told), **at}) + "\n")
            sys.stdout.flush()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


# The tills


async def tell(session: Session, till: int, events: list[dict[str, object]], pause_s: float, until: float) -> int:
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


async def load(tills: int, seconds: float, pause_s: float) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        events = await payloads(directory)
        mosquitto = await start_mosquitto(directory)
        consumer = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench_fleet", "consume", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert consumer.stdin is not None
        assert consumer.stdout is not None
        await consumer.stdout.readline()
        async with AsyncExitStack() as stack:
            gate = asyncio.Semaphore(AT_ONCE)

            async def come(till: int) -> Session:
                async with gate:
                    return await stack.enter_async_context(connected(broker(f"till-{till}")))

            began = time.monotonic()
            sessions = await asyncio.gather(*map(come, range(tills)))
            report("sessions", {"tills": tills, "connected in s": round(time.monotonic() - began, 1)})
            for what, pause in (("at a pace", pause_s), ("as fast as it goes", 0.0)):
                broker_cpu = psutil.Process(mosquitto.pid).cpu_times()
                until = time.monotonic() + seconds
                told = sum(await asyncio.gather(*(tell(s, n, events, pause, until) for n, s in enumerate(sessions))))
                await asyncio.sleep(2)
                consumer.stdin.write(b"\n")
                heard = json.loads(await consumer.stdout.readline())
                used = psutil.Process(mosquitto.pid).cpu_times()
                cpu = (used.user + used.system - broker_cpu.user - broker_cpu.system) / seconds
                figures = {"told": told, "a second": round(told / seconds), **heard, "broker's cores": round(cpu, 2)}
                report(
                    what, figures | {"broker MiB": round(psutil.Process(mosquitto.pid).memory_info().rss / 2**20, 1)}
                )
        consumer.stdin.close()
        await consumer.wait()
        mosquitto.terminate()
        await mosquitto.wait()


# One agent


async def cost(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        mosquitto = await start_mosquitto(Path(name))
        async with SimulatorServer() as simulator:
            for what, section in (("without [fleet]", ""), ("with [fleet]", FLEET)):
                state = Path(name) / what.split()[0]
                state.mkdir()
                api = {"base_url": simulator.base_url, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
                config = state / "tillwire.toml"
                config.write_text(CONFIGURATION.format(**api, state=state) + section)
                report(what, await at_rest(config, seconds))
        mosquitto.terminate()
        await mosquitto.wait()


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
    arguments = parser.parse_args()
    match arguments.what:
        case "load":
            report("machine", {"cores": os.cpu_count(), "load": os.getloadavg()[0]})
            asyncio.run(load(arguments.tills, arguments.seconds, arguments.pause))
        case "agent":
            asyncio.run(cost(arguments.seconds))
        case _:
            asyncio.run(consume())


if __name__ == "__main__":
    main()
