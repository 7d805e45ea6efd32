"""What most commands share: the configuration file, plain lines to people, and whose files they touch."""

import argparse
import os
import pwd
import sys
from contextlib import suppress
from pathlib import Path

from config.fleet_changes import load_in_effect
from config.problems import WrongConfig
from config.settings import DEFAULT_FILE, Settings

GOOD, NO, WRONG_USE = 0, 1, 2
"""The exit codes: good; the answer is no; a wrong command line or a wrong configuration."""
AGENT_GROUP = "tillwire"
"""Who reads a configuration with a secret in it, as the package has the agent run."""


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=f"default: {DEFAULT_FILE}")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer as JSON, for programs")


def load_settings(arguments: argparse.Namespace) -> Settings:
    """Read the configuration, or end the program with every problem on a line of its own."""
    try:
        return load_in_effect(arguments.config, os.environ)
    except WrongConfig as wrong:
        raise SystemExit(complain_of(wrong)) from None


def complain_of(wrong: WrongConfig) -> int:
    """Say every problem of a configuration and return the exit code."""
    for problem in wrong.problems:
        complain(str(problem))
    return WRONG_USE


def complain(text: str) -> None:
    """Say on stderr, in one line, what is wrong and what to do."""
    sys.stderr.write(f"tillwire: {text}\n")


def say(text: str = "") -> None:
    """Say a line on stdout."""
    write(f"{text}\n")


def write(text: str) -> None:
    """Write to stdout; what a person waits for is there at once. Where there is no room for it, the program ends."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        complain(f"the answer could not be written: {error.strerror}")
        with suppress(OSError):  # what is still buffered has no room either
            sys.stdout.close()
        raise SystemExit(NO) from None


def become_owner_of(directory: Path) -> None:
    """As root, go on as the user whose directory this is: what is made there, the agent must be able to read.

    It also shows devices as the agent sees them, with its rights and no others.
    """
    if os.geteuid() != 0 or not directory.is_dir() or (owner := directory.stat()).st_uid == 0:
        return
    try:
        os.initgroups(pwd.getpwuid(owner.st_uid).pw_name, owner.st_gid)
    except KeyError:  # a user without a name is in no further group
        os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
