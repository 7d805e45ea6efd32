"""What systemd says of a unit. Without systemd, or where it does not answer, it says nothing."""

import subprocess
from dataclasses import dataclass

ANSWER_S = 10
"""systemd answers at once; on a box that is starting its bus may not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit that systemd knows: does it run, does it start with the machine, and what was added to it."""

    active: bool
    enabled: bool
    drop_ins: str = ""


def unit_facts(name: str) -> Unit | None:
    """Ask systemd for a unit; None: there is none, or no systemd runs."""
    command = ["systemctl", "show", "--property=LoadState,ActiveState,UnitFileState,DropInPaths", name]
    try:
        shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=ANSWER_S)  # noqa: S603 - fixed words, a name
    except (OSError, subprocess.SubprocessError):
        return None
    told = dict(line.partition("=")[::2] for line in shown.stdout.splitlines())
    if told.get("LoadState") != "loaded":
        return None
    return Unit(
        active=told.get("ActiveState") in {"active", "activating", "reloading"},
        enabled=told.get("UnitFileState", "").startswith("enabled"),
        drop_ins=told.get("DropInPaths", ""),
    )
