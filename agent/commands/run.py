"""`tillwire run`: the agent, until SIGTERM."""

import argparse
import asyncio
import json
import os
import signal
from pathlib import Path

from agent.commands.common import WRONG_USE, add_config, complain, load_settings, say
from agent.journal.errors import JournalError
from agent.kiosk.server import CannotListen
from agent.outside import Outside
from agent.service import serve
from agent.service_manager import ServiceManager, Supervision
from agent.system_log import start_logging
from config.problems import WrongConfig
from config.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    parser.add_argument(
        "--busy-file", type=Path, metavar="FILE", help="is there while a customer is being served: do not restart then"
    )
    parser.add_argument("--json", action="store_true", help="print the line that says it is ready as JSON")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="write what happens to FILE, to be replayed: docs/recording.md"
    )


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments)
    start_logging(os.environ)
    supervision = Supervision(manager=ServiceManager(os.environ), busy_file=arguments.busy_file)
    try:
        asyncio.run(_run(settings, supervision, arguments))
    except WrongConfig as wrong:
        for problem in wrong.problems:
            complain(str(problem))
        return WRONG_USE
    except (JournalError, CannotListen) as error:
        complain(str(error))
        return 1
    return 0


async def _run(settings: Settings, supervision: Supervision, arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)

    async def stopped() -> None:
        await stop.wait()
        supervision.manager.stopping()

    def say_ready(url: str | None) -> None:
        _say_ready(url or settings.kiosk.listen, as_json=arguments.json)
        supervision.manager.ready()

    outside = Outside(
        beside=supervision.works,
        beside_no_till=supervision.without_till,
        record=arguments.record,
        config_file=arguments.config.absolute(),
    )
    await serve(settings, stopped, environment=os.environ, ready=say_ready, outside=outside)


def _say_ready(address: str, *, as_json: bool) -> None:
    line = json.dumps({"url": address, "pid": os.getpid()}) if as_json else f"tillwire is ready at {address}"
    say(line)
