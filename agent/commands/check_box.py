"""What `tillwire check` looks at on the box itself: the state directory, its space, who can read the secrets."""

import os
import pwd
import shutil
import stat
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from agent.commands.findings import Finding, ok, wrong
from agent.retention import unresolved_files
from agent.smart.credentials import FILE_NAME
from config.settings import Settings

LEAST_FREE_BYTES = 64 << 20
"""The journal of months of a busy till, and the copy that is kept of a damaged one."""
_OTHERS = stat.S_IRWXO
_NOT_THE_OWNER = stat.S_IRWXG | stat.S_IRWXO


def check_state(settings: Settings) -> Iterator[Finding]:
    """Look at the state directory with the rights of its owner."""
    directory = settings.state.directory
    if not directory.is_dir():
        yield wrong("state", f"{directory} is not there: make it for the agent's user, or correct [state] directory")
        return
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        yield wrong("state", f"{directory} cannot be written by {user_name()}: check as root or as the agent's user")
        return
    if directory.stat().st_mode & stat.S_IWOTH:
        yield wrong("state", f"anybody can write into {directory}: chmod o-w {directory}")
    else:
        yield ok("state", f"{directory}, for {user_name()}")
    yield _space(directory)
    yield from _unresolved(directory)
    yield from _too_readable(directory / FILE_NAME, _NOT_THE_OWNER, "chmod 600")


def _space(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    if free < LEAST_FREE_BYTES:
        least = LEAST_FREE_BYTES >> 20
        return wrong("space", f"{free >> 20} MiB are free in {directory}, less than {least}: make room")
    return ok("space", f"{free >> 20} MiB are free")


def _unresolved(directory: Path) -> Iterator[Finding]:
    for file in unresolved_files(directory):
        count = file.read_bytes().count(b"\n")
        settle = "settle them with the API's operator, and move the file away"
        yield wrong("payments", f"{count} that nobody decided in time are in {file}: {settle}")


def check_secret_files(settings: Settings, handed_over: AbstractSet[Path]) -> list[Finding]:
    """Look whether the agent can read the secrets, and nobody else; systemd hands some over, which root alone reads."""
    api, fleet = settings.api, settings.fleet
    named = [api.client_secret_file, api.device_pin_file, *((fleet.password_file, fleet.key_file) if fleet else ())]
    files = [path for path in named if path is not None]
    found = [finding for path in files for finding in _file(path, handed_over)]
    return found or [ok("secrets", "can be read by the agent alone" if files else "not in a file of their own")]


def _file(path: Path, handed_over: AbstractSet[Path]) -> Iterator[Finding]:
    if path not in handed_over:
        yield from _unreadable(path)
    elif not path.exists():
        yield wrong("secrets", f"{path} is not there, and systemd is to hand it over: write it, readable by root alone")
    yield from _too_readable(path, _OTHERS, "chmod o=")


def _unreadable(path: Path) -> Iterator[Finding]:
    if not os.access(path, os.R_OK):
        mend = "chown it, or hand it over as a systemd credential"
        yield wrong("secrets", f"{path} cannot be read by {user_name()}: {mend}")


def _too_readable(path: Path, mode: int, command: str) -> Iterator[Finding]:
    if path.exists() and path.stat().st_mode & mode:
        yield wrong("secrets", f"{path} can be read by others: {command} {path}")


def user_name() -> str:
    """Return whom this process has the rights of."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"
