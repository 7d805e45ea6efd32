"""The command `tillwire`: which commands there are. Each has a file of its own, imported only when it is used."""

import argparse
import gc
import sys
from collections.abc import Container, Sequence
from importlib import import_module
from importlib.metadata import version
from typing import Protocol

COMMANDS = {
    "demo": ("agent.commands.demo", "the seed's checkout without account or hardware"),
    "run": ("agent.commands.run", "the agent (what systemd starts)"),
    "check": ("agent.commands.check", "is this box ready? one line a finding, with what to do"),
    "pair": ("agent.commands.pair", "device login: shows code and address, waits, stores the credentials"),
    "devices": ("agent.commands.devices", "readers and ports that are plugged in, with the lines that would use them"),
    "learn": ("agent.commands.learn", "finds out how a device is set: learn scanner (from one code), learn drawer"),
    "scan": ("agent.commands.scan", "shows what the readers read, masked"),
    "setup": ("agent.commands.setup", "the whole installation from an answer file, without a keystroke"),
    "udev-rules": ("agent.commands.udev_rules", "stable names and rights for the devices of the configuration"),
    "drawer": ("agent.commands.drawer", "the cash drawer: open, status, watch"),
    "checkouts": ("agent.commands.checkouts", "the journal: list, show, retry, resolve, reverse, export"),
    "report": ("agent.commands.report", "the sheet of a day: cash, and the drawer's openings with their reasons"),
    "kiosk": ("agent.commands.kiosk", "a one-time address that logs the browser of the screen or operator in"),
    "config": ("agent.commands.config", "the schema of the configuration file, or what is in effect"),
    "fleet": ("agent.commands.fleet", "for head office: all tills in one table, commands to one of them"),
    "replay": ("agent.commands.replay", "a recorded day again: does the agent still do what it did?"),
    "simulator": ("agent.simulator.command", "the simulated API alone"),
}


class Command(Protocol):
    """What the file of a command offers."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...
    def run(self, arguments: argparse.Namespace) -> int:
        """Return the exit code: 0 good, 1 the answer is no, 2 wrong use or wrong configuration."""
        ...


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line says and return the exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser(words).parse_args(words)
    try:
        return _command(COMMANDS[arguments.command][0]).run(arguments)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        sys.stderr.close()
        return 0


def build_parser(in_full: Container[str]) -> argparse.ArgumentParser:
    """Return the parser of the command line. Only the commands named `in_full` know their own arguments."""
    parser = argparse.ArgumentParser(prog="tillwire", description="The till agent for secuconnect Smart Transactions.")
    parser.add_argument("--version", action="version", version=f"tillwire {version('tillwire')}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (module, what) in COMMANDS.items():
        command_parser = commands.add_parser(name, help=what, description=what)
        if name in in_full:
            _command(module).add_arguments(command_parser)
    return parser


def _command(module: str) -> Command:
    """Import a command. What modules are made of stays: looking through it for garbage is a tenth of the start."""
    gc.disable()
    try:
        command: Command = import_module(module)
    finally:
        gc.freeze()
        gc.enable()
    return command
