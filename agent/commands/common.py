"""What most commands share: the configuration file, and one line that says what is wrong."""

import argparse
import os
import sys
from pathlib import Path

from config.problems import WrongConfig
from config.settings import DEFAULT_FILE, Settings, load

WRONG_USE = 2
"""The exit code for a wrong command line or a wrong configuration."""


def add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, default=DEFAULT_FILE, metavar="FILE", help=f"default: {DEFAULT_FILE}")


def load_settings(arguments: argparse.Namespace) -> Settings:
    """Read the configuration, or end the program with every problem on a line of its own."""
    try:
        return load(arguments.config, os.environ)
    except WrongConfig as wrong:
        for problem in wrong.problems:
            complain(str(problem))
        raise SystemExit(WRONG_USE) from None


def complain(text: str) -> None:
    """Say on stderr, in one line, what is wrong and what to do."""
    sys.stderr.write(f"tillwire: {text}\n")
