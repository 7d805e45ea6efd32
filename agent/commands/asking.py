"""How a command does its work: asks the running agent, or, where none runs, opens the agent's journal itself."""

import argparse
import asyncio
import getpass
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from agent.commands.common import NO, complain, complain_of
from agent.commands.lanes import unit_of
from agent.control import ControlError, agent_at
from agent.journal.errors import InUse, JournalError
from agent.journal.journal import FILE_NAME, Journal, open_journal
from agent.kiosk.requests import Name
from agent.smart.errors import SmartError
from config.problems import WrongConfig
from config.settings import Settings

Value = TypeVar("Value")


class Failed(Exception):
    """The command cannot do it. The text is one plain line that says what to do."""


class Busy(Failed):
    """Another program has the state directory."""


def answered(work: Coroutine[object, object, int], *, interrupted: int = NO) -> int:
    """Do the work of a command and return its exit code, `interrupted` after Ctrl-C; what fails is said in one line."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return interrupted
    except (Failed, ControlError, JournalError, SmartError) as error:
        complain(str(error))
        return NO
    except WrongConfig as wrong:
        return complain_of(wrong)


async def be_without_agent(config: Path, settings: Settings) -> None:
    """Raise Failed while an agent runs: it holds the readers and ports."""
    async with agent_at(settings) as agent:
        if agent is not None:
            stop = f"systemctl stop {unit_of(config)}"
            raise Failed(f"the agent runs and has readers and ports: stop it ({stop}), and start it afterwards")


def add_by(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--by",
        type=checked(TypeAdapter(Name)),
        default=operator_name(),
        metavar="NAME",
        help="who does this (%(default)s)",
    )


def checked(adapter: TypeAdapter[Value]) -> Callable[[str], Value]:
    """Return what argparse checks an argument with: the same rules as for a request of the local interface."""

    def check(text: str) -> Value:
        try:
            return adapter.validate_strings(text)
        except ValidationError as error:
            raise argparse.ArgumentTypeError(error.errors()[0]["msg"].removeprefix("Value error, ")) from None

    return check


def operator_name() -> str:
    """Return who sits at this terminal: the user behind sudo, else the login name."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user that the system has no name for
        return f"user {os.getuid()}"


def journal_file(settings: Settings) -> Path:
    return settings.state.directory / FILE_NAME


@asynccontextmanager
async def own_journal(settings: Settings) -> AsyncIterator[Journal]:
    """Open or make the journal of an agent that does not run. Raises Failed and what `open_journal` raises."""
    check_directory(settings.state.directory)
    path = journal_file(settings)
    with ThreadPoolExecutor(1, "journal") as executor:
        try:
            journal = await open_journal(path, executor)
        except InUse:
            raise Busy(_in_use(settings)) from None
        try:
            yield journal
        finally:
            await journal.close()


def _in_use(settings: Settings) -> str:
    return (
        f"another program has {settings.state.directory} open and does not answer at {settings.control_socket}: "
        "an agent that is starting or stopping, or another tillwire command; try again in a moment"
    )


def check_directory(directory: Path) -> None:
    """Raise Failed where nothing can be kept."""
    if not directory.is_dir():
        raise Failed(f"{directory} is not there: make it, or correct [state] directory")
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        raise Failed(f"{directory} cannot be written: do this as root or as the agent's user")


def check_there(settings: Settings) -> None:
    """Raise Failed where there is no journal: who only reads makes none."""
    check_directory(settings.state.directory)
    if not journal_file(settings).exists():
        raise Failed(
            f"there is no journal in {settings.state.directory}: the agent was not started yet, or keeps its state "
            "elsewhere ([state] directory)"
        )
