"""What systemd says of a unit. Without systemd, or where it does not answer, it says nothing."""

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ANSWER_S = 10
"""systemd answers at once; on a box that is starting its bus may not."""
_STATE_ROOT = Path("/var/lib")
"""Where StateDirectory= lies."""
_PROPERTIES = "LoadState,ActiveState,UnitFileState,DropInPaths,ProtectSystem,ReadWritePaths,StateDirectory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit that systemd knows: does it run, does it start with the machine, and what was added to it.

    One that has `failed` is not started again. `writable` are the places that it leaves to its program; None: all that
    the program's user may write to.
    """

    active: bool
    enabled: bool
    failed: bool = False
    drop_ins: str = ""
    writable: tuple[Path, ...] | None = None


def unit_facts(name: str) -> Unit | None:
    """Ask systemd for a unit; None: there is none, or no systemd runs."""
    command = ["systemctl", "show", f"--property={_PROPERTIES}", name]
    try:
        shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=ANSWER_S)  # noqa: S603 - fixed words, a name
    except (OSError, subprocess.SubprocessError):
        return None
    told = dict(line.partition("=")[::2] for line in shown.stdout.splitlines())
    if told.get("LoadState") != "loaded":
        return None
    return Unit(
        active=told.get("ActiveState") in {"active", "activating", "reloading"},
        failed=told.get("ActiveState") == "failed",
        enabled=told.get("UnitFileState", "").startswith("enabled"),
        drop_ins=told.get("DropInPaths", ""),
        writable=_writable(told) if told.get("ProtectSystem") == "strict" else None,
    )


def _writable(told: Mapping[str, str]) -> tuple[Path, ...]:
    named = (path.lstrip("-+") for path in told.get("ReadWritePaths", "").split())  # which may be missing
    return (*(_STATE_ROOT / name for name in told.get("StateDirectory", "").split()), *map(Path, named))
