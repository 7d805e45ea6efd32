"""`tillwire report --support`: one file for the help desk, of what it would ask to have typed. Numbers are masked."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from agent.card import mask_numbers
from agent.commands.common import GOOD, NO, complain, say
from agent.commands.lanes import unit_of

COMMAND_S = 60
"""`tillwire check` waits for devices and for the network; nothing else here takes a second."""
LOG_ENTRIES = 2000
"""Days of a quiet till, hours of a loud one."""
LONGEST_OUTPUT = 2 << 20


def write_report(config: Path, file: Path | None) -> int:
    """Ask the box everything, and write it to a file that only its owner reads."""
    target = file or Path(f"tillwire-support-{socket.gethostname()}-{datetime.now().astimezone():%Y%m%d-%H%M}.txt")
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        complain(f"{target}: {error.strerror}; name another file")
        return NO
    with os.fdopen(descriptor, "w", encoding="utf-8") as report:
        for command in commands(config):
            report.write(mask_numbers(f"$ {' '.join(command)}\n{_output(command)}\n"))
    say(f"{target} is written. It holds no card number and no secret: send it to the help desk.")
    return GOOD


def commands(config: Path) -> Iterator[tuple[str, ...]]:
    """Yield what is typed, the most telling first."""
    of_this = ("--config", str(config))
    yield ("tillwire", "--version")
    yield ("tillwire", "check", *of_this)
    yield ("tillwire", "checkouts", "list", *of_this)
    yield ("tillwire", "devices", *of_this)
    yield ("tillwire", "config", "show", *of_this)
    yield ("tillwire", "udev-rules", *of_this)
    yield ("systemctl", "status", "--no-pager", "--full", unit_of(config))
    yield ("ls", "-lR", "/dev/tillwire", "/dev/serial", "/dev/input")
    yield ("cat", "/etc/os-release")
    yield ("uname", "-a")
    yield ("timedatectl",)
    yield ("df", "-h")
    yield ("lsusb",)
    yield ("dpkg-query", "--list", "tillwire", "brltty", "modemmanager")
    yield ("journalctl", "--no-pager", f"--lines={LOG_ENTRIES}", "--output=short-iso", f"--unit={unit_of(config)}")
    yield ("journalctl", "--no-pager", f"--lines={LOG_ENTRIES}", "--output=short-iso", "--dmesg")


def _output(command: Sequence[str]) -> str:
    program = [sys.executable, "-m", "agent", *command[1:]] if command[0] == "tillwire" else command
    try:
        ran = subprocess.run(  # noqa: S603 - fixed words and the name of a file
            program, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=COMMAND_S
        )
    except OSError as error:
        return f"[{error.strerror}]\n"
    except subprocess.TimeoutExpired:
        return f"[no answer within {COMMAND_S} s]\n"
    ended = "" if ran.returncode == GOOD else f"[exit code {ran.returncode}]\n"
    return ran.stdout[-LONGEST_OUTPUT:].decode(errors="replace") + ended
