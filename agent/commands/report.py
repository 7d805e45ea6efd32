"""`tillwire report`: what a day came to, on paper; or all that the help desk asks for."""

import argparse
from datetime import date, datetime
from pathlib import Path

from agent.commands.asking import answered
from agent.commands.checkout_records import open_records
from agent.commands.common import GOOD, add_config, add_json, become_owner_of, load_settings, say
from agent.commands.report_text import report_lines
from agent.commands.support import write_report
from agent.kiosk.queries import FIRST_DAY, LAST_DAY
from config.settings import Settings

TODAY = "today"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument(
        "--day",
        nargs="?",
        const=TODAY,
        type=_day,
        metavar="DATE",
        help="as 2026-11-22; today where no date is given. Fits on receipt paper: 42 columns",
    )
    kind.add_argument(
        "--support",
        nargs="?",
        const=Path(),
        type=Path,
        metavar="FILE",
        help="one file for the help desk: state, configuration, devices and log, without card numbers and secrets",
    )
    add_json(parser)
    add_config(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.support is not None:
        return write_report(arguments.config, arguments.support if arguments.support.name else None)
    settings = load_settings(arguments)
    become_owner_of(settings.state.directory)
    return answered(_report(settings, arguments.day, in_json=arguments.json))


def _day(text: str) -> date:
    """Raise ValueError, which argparse reports, for what is no day of a till."""
    day = datetime.now().astimezone().date() if text == TODAY else date.fromisoformat(text)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(text)
    return day


async def _report(settings: Settings, day: date, *, in_json: bool) -> int:
    async with open_records(settings) as records:
        report = await records.day(day)
    say(report.model_dump_json() if in_json else "\n".join(report_lines(report)))
    return GOOD
