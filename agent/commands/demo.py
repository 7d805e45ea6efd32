"""`tillwire demo`: the seed's checkout without account or hardware."""

import argparse
import asyncio
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path

from agent.commands.common import complain, write
from agent.demo.acts import ACTS
from agent.demo.flows import FLOWS, Flow, hands_of, in_words, played
from agent.demo.panel_server import HOST, panel_at
from agent.demo.panel_server import USUAL_PORT as PANEL_PORT
from agent.demo.stage import USUAL_PORT, NotStarted, Stage, free_port, set_up
from agent.demo.story import Teller, WentWrong, listening, play
from agent.kiosk.roles import Role


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--serve", action="store_true", help="keep everything running, with the reference screen")
    what.add_argument("--flow", choices=FLOWS, metavar="NAME", help=f"play another flow: {', '.join(FLOWS)}")


def run(arguments: argparse.Namespace) -> int:
    try:
        asyncio.run(_until_ended(_work(arguments)))
    except (NotStarted, WentWrong) as error:
        complain(f"the demo went wrong: {error}")
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    return 0


def _work(arguments: argparse.Namespace) -> Coroutine[None, None, None]:
    if arguments.flow:
        return _play_flow(FLOWS[arguments.flow])
    return _serve() if arguments.serve else _play()


async def _until_ended(work: Coroutine[None, None, None]) -> None:
    """Work on; ended from outside it cleans up, as it does after ctrl-C."""
    working = asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, working.cancel)
    await working


async def _play() -> None:
    teller = Teller(write)
    with tempfile.TemporaryDirectory(prefix="tillwire-demo-") as directory:
        async with set_up(Path(directory)) as stage:
            _show_config(stage, teller)
            teller.head("What happens")
            await play(stage, teller)


async def _play_flow(flow: Flow) -> None:
    """Play one flow and number the calls that went out."""
    with tempfile.TemporaryDirectory(prefix="tillwire-demo-") as directory:
        async with (
            set_up(Path(directory)) as stage,
            listening(stage.screen, teller := Teller(write)) as heard,
        ):
            teller.head(f"{flow.letter}. {flow.title}: {flow.story}")
            await stage.settled()
            requests = await played(flow, hands_of(stage, heard), stage.simulator_url)
        teller.head("What went over the wire")
        for number, request in enumerate(requests, 1):
            teller.write(f"{number:3}. {in_words(request)}  {request['status']}\n")


def _show_config(stage: Stage, teller: Teller) -> None:
    teller.head(f"The configuration, {stage.config}")
    teller.write(stage.config.read_text(encoding="utf-8"))


async def _serve() -> None:
    teller = Teller(write)
    panel_port = free_port(PANEL_PORT)
    origin = f"http://{HOST}:{panel_port}"
    with tempfile.TemporaryDirectory(prefix="tillwire-demo-") as directory:
        async with (
            set_up(Path(directory), port=free_port(USUAL_PORT), framed_by=origin) as stage,
            panel_at(stage, panel_port) as panel,
        ):
            _show_config(stage, teller)
            await stage.settled()
            async with listening(stage.screen, teller):
                _show_addresses(stage, panel, teller)
                await (_obey(stage, teller) if _is_typed_at(sys.stdin.fileno()) else asyncio.Event().wait())


def _is_typed_at(descriptor: int) -> bool:
    """Whether words may come, now or later: from a terminal or a pipe, not from a file or /dev/null."""
    return os.isatty(descriptor) or not (stat.S_ISREG(mode := os.fstat(descriptor).st_mode) or stat.S_ISCHR(mode))


def _show_addresses(stage: Stage, panel: str, teller: Teller) -> None:
    teller.head("The demo")
    teller.write(f"the screen, and a panel that plays its hardware   {panel}\n")
    teller.write(f"the agent's local interface                       {stage.agent_url}\n")
    for role in Role:
        token = f"the {role}'s token"
        teller.write(f"{token:<50}{stage.tokens / role}\n")
    teller.write("\nOr type what happens at the till, then Enter:\n")
    for name, act in ACTS.items():
        teller.write(f"  {name:<15} {act.text}\n")
    teller.write("  quit\n\n")


async def _obey(stage: Stage, teller: Teller) -> None:
    """Play the hardware as the person at the keyboard says, until they quit or go away."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    try:
        while (line := (await lines.readline()).decode()) and (word := line.strip()) != "quit":
            if word in ACTS:
                await ACTS[word].do(stage)
            else:
                teller.write(f"{', '.join(ACTS)}, quit\n")
    finally:
        transport.close()
