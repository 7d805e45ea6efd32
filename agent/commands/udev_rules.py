"""`tillwire udev-rules`: names under /dev/tillwire/ and rights for the devices of the configuration."""

import argparse
import subprocess
from pathlib import Path

from agent.commands.common import GOOD, NO, WRONG_USE, add_config, complain, load_settings, say
from agent.commands.lanes import lane_of
from agent.udev_rules import NoDevice, udev_rules

RULES = Path("/etc/udev/rules.d")
UDEV_RUNS = Path("/run/udev/control")
SUBSYSTEMS = ("input", "hidraw", "tty", "usb")
SETTLE_S = 30
"""udev takes milliseconds for a device; this is for a box that is starting."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = f"Written to {RULES}, they are in force at once, also for what is plugged in already."
    add_config(parser)
    parser.add_argument("--write", action="store_true", help=f"write them to {RULES} and let udev apply them")


def run(arguments: argparse.Namespace) -> int:
    settings, lane = load_settings(arguments), lane_of(arguments.config)
    try:
        rules = "".join(f"{line}\n" for line in udev_rules(settings, lane))
    except NoDevice as problem:
        complain(str(problem))
        return WRONG_USE
    if not arguments.write:
        say(rules.rstrip("\n"))
        return GOOD
    return _write(rules_file(lane), rules)


def rules_file(lane: str | None) -> Path:
    return RULES / ("99-tillwire.rules" if lane is None else f"99-tillwire-{lane}.rules")


def _write(file: Path, rules: str) -> int:
    try:
        file.write_text(rules, encoding="utf-8")
        if UDEV_RUNS.exists():  # not in an image that is being built
            apply_rules()
    except OSError as error:
        complain(f"{error.filename or file}: {error.strerror}; do this as root")
        return NO
    except subprocess.CalledProcessError as error:
        complain(f"{file} is written, and udev did not take it: {error.cmd[0]} ended with {error.returncode}")
        return NO
    say(f"{file} is written.")
    return GOOD


def apply_rules() -> None:
    """Let udev read its rules again and look at every device anew. Raises OSError and CalledProcessError."""
    subsystems = [f"--subsystem-match={name}" for name in SUBSYSTEMS]
    for command in (
        ["udevadm", "control", "--reload"],
        ["udevadm", "trigger", "--action=change", *subsystems],
        ["udevadm", "settle", f"--timeout={SETTLE_S}"],
    ):
        subprocess.run(command, check=True)  # noqa: S603 - fixed words
