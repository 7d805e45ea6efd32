"""`tillwire demo`: the seed's checkout without account or hardware."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from agent.commands.common import complain
from agent.demo.stage import NotStarted, Stage, one_time_address, set_up
from agent.demo.story import CARD, Teller, WentWrong, listening, play


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--serve", action="store_true", help="keep everything running, with the reference screen")


def run(arguments: argparse.Namespace) -> int:
    try:
        asyncio.run(_serve() if arguments.serve else _play())
    except (NotStarted, WentWrong) as error:
        complain(f"the demo went wrong: {error}")
        return 1
    except KeyboardInterrupt:
        return 0
    return 0


async def _play() -> None:
    teller = Teller(sys.stdout.write)
    with tempfile.TemporaryDirectory(prefix="tillwire-demo-") as directory:
        async with set_up(Path(directory)) as stage:
            _show_config(stage, teller)
            teller.head("What happens")
            await play(stage, teller)


def _show_config(stage: Stage, teller: Teller) -> None:
    teller.head(f"The configuration, {stage.config}")
    teller.write(stage.config.read_text(encoding="utf-8"))


HELP = """\
Type what happens at the till, then Enter:
  scan            hold the card under the reader
  scan NUMBER     another card or code
  torn            a scan that stops in the middle
  close           push the drawer in
  key             open the drawer with its key
  unplug, plug    the drawer's cable
  url             a new one-time address for the screen
  quit
"""


async def _serve() -> None:
    teller = Teller(sys.stdout.write)
    with tempfile.TemporaryDirectory(prefix="tillwire-demo-") as directory:
        async with set_up(Path(directory)) as stage:
            _show_config(stage, teller)
            teller.head("The screen")
            teller.write(f"{await one_time_address(stage)}\n\n{HELP}")
            async with listening(stage.screen, teller):
                await _obey(stage, teller)


async def _obey(stage: Stage, teller: Teller) -> None:
    """Play the hardware as the person at the keyboard says, until they quit or go away."""
    lines = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    try:
        while (line := (await lines.readline()).decode()) and (words := line.split() or [""]) != ["quit"]:
            teller.write(await _act(stage, words[0], words[1:]))
    finally:
        transport.close()


async def _act(stage: Stage, word: str, rest: list[str]) -> str:
    match word:
        case "scan":
            await stage.scanner.scan(rest[0] if rest else CARD)
        case "torn":
            await stage.scanner.scan_torn(CARD[:9])
        case "close":
            stage.drawer.close_drawer()
        case "key":
            stage.drawer.open_by_key()
        case "unplug":
            stage.drawer.unplug()
        case "plug":
            stage.drawer.plug_in()
        case "url":
            return f"{await one_time_address(stage)}\n"
        case _:
            return HELP
    return ""
