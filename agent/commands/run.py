"""`tillwire run`: the agent, until SIGTERM."""

import argparse
import asyncio
import json
import logging
import os
import signal
import sys
from functools import partial

from agent.commands.common import WRONG_USE, add_config, complain, load_settings
from agent.journal.errors import JournalError
from agent.kiosk.server import CannotListen
from agent.service import serve
from config.problems import WrongConfig
from config.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="print the line that says it is ready as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_run(settings, as_json=arguments.json))
    except WrongConfig as wrong:
        for problem in wrong.problems:
            complain(str(problem))
        return WRONG_USE
    except (JournalError, CannotListen) as error:
        complain(str(error))
        return 1
    return 0


async def _run(settings: Settings, *, as_json: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve(settings, stop.wait, environment=os.environ, ready=partial(_say_ready, settings, as_json))


def _say_ready(settings: Settings, as_json: bool, url: str | None) -> None:  # noqa: FBT001 - bound by partial
    address = url or settings.kiosk.listen
    line = json.dumps({"url": address, "pid": os.getpid()}) if as_json else f"tillwire is ready at {address}"
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
