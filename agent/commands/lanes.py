"""One till on a box, or several lanes: how configuration file and unit belong together."""

import subprocess
from pathlib import Path

from config.settings import DEFAULT_FILE


def lane_of(config: Path) -> str | None:
    """Return the name of the lane that this is the configuration of; None where a box is one till."""
    return None if config.name == DEFAULT_FILE.name else config.stem


def unit_of(config: Path) -> str:
    lane = lane_of(config)
    return "tillwire.service" if lane is None else f"tillwire@{lane}.service"


def handed_over(config: Path) -> frozenset[Path]:
    """Return the files that systemd reads as root and hands to the agent as credentials; none without systemd."""
    command = ("systemctl", "show", "--property=LoadCredential", "--value", unit_of(config))
    try:
        shown = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.CalledProcessError):
        return frozenset()
    return frozenset(Path(each.partition(":")[2]) for each in shown.stdout.split())
