"""`tillwire run`: the agent, until SIGTERM."""

import argparse
import asyncio
import logging
import signal
import sys

from agent.commands.common import add_config, complain, load_settings
from agent.journal.errors import JournalError
from agent.service import Service, serve
from config.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    try:
        asyncio.run(_run(settings))
    except JournalError as error:
        complain(str(error))
        return 1
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    await serve(settings, stop.wait(), ready=_say_ready)
