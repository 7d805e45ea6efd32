"""What `tillwire check` looks at on the box itself: the state directory and its disk, who can read which file."""

import os
import pwd
import shutil
import stat
import tempfile
import time
import tomllib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path

from agent.commands.common import AGENT_GROUP
from agent.commands.findings import Finding, note, ok, wrong
from agent.retention import unresolved_files
from agent.smart.credentials import FILE_NAME
from config.settings import Settings

LEAST_FREE_BYTES = 64 << 20
"""The journal of months of a busy till, and the copy that is kept of a damaged one."""
SLOWEST_WRITE_S = 0.5
"""A checkout is written down about ten times, and the customer waits for each."""
WRITES_TIMED = 3
"""The fastest counts: another program may write just now."""
_PAGE = 4096
_OTHERS = stat.S_IRWXO
_NOT_THE_OWNER = stat.S_IRWXG | stat.S_IRWXO


def check_configuration(config: Path) -> Finding:
    """Look whether the agent's user can read the configuration, which root has just read."""
    if (closed := _closed_folder(config)) is not None:
        return wrong("configuration", _not_passed(config, closed))
    if not os.access(config, os.R_OK):
        mend = f"chgrp {AGENT_GROUP} {config}; chmod g+r {config}"
        return wrong("configuration", f"{config} cannot be read by {user_name()}: {mend}")
    return ok("configuration", str(config))


def _closed_folder(path: Path) -> Path | None:
    """Return the folder on the way to a path that this user may not pass; None where all may be passed, or end."""
    for folder in reversed(path.parents):
        if not os.access(folder, os.X_OK):
            return folder if folder.is_dir() else None
    return None


def _not_passed(path: Path, closed: Path) -> str:
    return f"{path} is in a folder that {user_name()} may not pass: chmod o+x {closed}"


def check_state(settings: Settings) -> Iterator[Finding]:
    """Look at the state directory with the rights of its owner."""
    directory = settings.state.directory
    if (closed := _closed_folder(directory)) is not None:
        yield wrong("state", _not_passed(directory, closed))
        return
    if not directory.is_dir():
        yield wrong("state", f"{directory} is not there: make it for the agent's user, or correct [state] directory")
        return
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        yield wrong("state", f"{directory} is on a disk that is read-only: see `dmesg` for why, mend or replace it")
        return
    if not os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        yield wrong("state", f"{directory} cannot be written by {user_name()}: check as root or as the agent's user")
        return
    if directory.stat().st_mode & stat.S_IWOTH:
        yield wrong("state", f"anybody can write into {directory}: chmod o-w {directory}")
    else:
        yield ok("state", f"{directory}, for {user_name()}")
    yield from _disk(directory)
    yield from _unresolved(directory)
    yield from _too_readable(directory / FILE_NAME, _NOT_THE_OWNER, "chmod 600")


def _disk(directory: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(directory).free
    if free < LEAST_FREE_BYTES:
        least = LEAST_FREE_BYTES >> 20
        yield wrong("disk", f"is full: {free >> 20} MiB are free in {directory}, less than {least}: make room")
        return
    yield ok("disk", f"{free >> 20} MiB are free")
    try:
        write_s = min(_timed_write(directory) for _ in range(WRITES_TIMED))
    except OSError as error:
        yield wrong("disk", f"cannot be written: {error.strerror}: see `dmesg` for why, mend or replace it")
        return
    if write_s > SLOWEST_WRITE_S:
        yield note("disk", f"is slow, a write takes {write_s:.1f} s and a customer waits for ten: use a faster one")


def _timed_write(directory: Path) -> float:
    """Write a page as the journal does, and return after how many seconds it was on the disk. Raises OSError."""
    with tempfile.TemporaryFile(dir=directory) as file:
        begun = time.monotonic()
        file.write(bytes(_PAGE))
        file.flush()
        os.fsync(file.fileno())
        return time.monotonic() - begun


def _unresolved(directory: Path) -> Iterator[Finding]:
    for file in unresolved_files(directory):
        count = file.read_bytes().count(b"\n")
        settle = "settle them with the API's operator, and move the file away"
        yield wrong("payments", f"{count} that nobody decided in time are in {file}: {settle}")


def check_secret_files(settings: Settings, handed_over: AbstractSet[Path]) -> list[Finding]:
    """Look whether the agent can read the secrets, and nobody else; systemd hands some over, which root alone reads."""
    files = _secret_files(settings)
    found = [finding for path in files for finding in _file(path, handed_over)]
    return found or [ok("secrets", "can be read by the agent alone" if files else "not in a file of their own")]


def _secret_files(settings: Settings) -> list[Path]:
    api, fleet = settings.api, settings.fleet
    named = [api.client_secret_file, api.device_pin_file, *((fleet.password_file, fleet.key_file) if fleet else ())]
    return [path for path in named if path is not None]


def _file(path: Path, handed_over: AbstractSet[Path]) -> Iterator[Finding]:
    if path not in handed_over:
        yield from _unreadable(path)
    elif _closed_folder(path) is None and not path.exists():
        yield wrong("secrets", f"{path} is not there, and systemd is to hand it over: write it, readable by root alone")


def check_secrecy(config: Path, settings: Settings, handed_over: AbstractSet[Path]) -> Iterator[Finding]:
    """Look whether others can read a secret: in a file that is named or handed over, or the configuration itself."""
    files = {*_secret_files(settings), *handed_over, *filter(None, [settings.kiosk.tls_key_file])}
    for path in sorted(files | ({config} if holds_secret(config) else set())):
        yield from _too_readable(path, _OTHERS, "chmod o=")


def holds_secret(config: Path) -> bool:
    """Say whether a configuration that was read has the secret in it, and not from the environment."""
    try:
        return "client_secret" in tomllib.loads(config.read_text("utf-8")).get("api", {})
    except OSError:  # the agent's user may not read it: others even less
        return False


def _unreadable(path: Path) -> Iterator[Finding]:
    if not os.access(path, os.R_OK):
        mend = "chown it, or hand it over as a systemd credential"
        yield wrong("secrets", f"{path} cannot be read by {user_name()}: {mend}")


def _too_readable(path: Path, mode: int, command: str) -> Iterator[Finding]:
    if _closed_folder(path) is None and path.exists() and path.stat().st_mode & mode:
        yield wrong("secrets", f"{path} can be read by others: {command} {path}")


def user_name() -> str:
    """Return whom this process has the rights of."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"
