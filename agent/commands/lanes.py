"""One till on a box, or several lanes: how configuration file and unit belong together."""

import re
import subprocess
from pathlib import Path

from config.settings import DEFAULT_FILE

_OUR_COMMAND = re.compile(r"`(tillwire [^`]+)`")
_LOADED = re.compile(r"^LoadCredential=\w+:(/\S+)$", re.MULTILINE)


def lane_of(config: Path) -> str | None:
    """Return the name of the lane that this is the configuration of; None where a box is one till."""
    return None if config.name == DEFAULT_FILE.name else config.stem


def unit_of(config: Path) -> str:
    lane = lane_of(config)
    return "tillwire.service" if lane is None else f"tillwire@{lane}.service"


def as_typed_for(config: Path, advice: str) -> str:
    """Return the advice with commands that name this configuration, where `tillwire` alone would take another."""
    if config == DEFAULT_FILE:
        return advice
    return _OUR_COMMAND.sub(lambda command: f"`{command[1]} --config {config}`", advice)


def handed_over(config: Path) -> frozenset[Path]:
    """Return the files that systemd reads as root and hands to the agent as credentials; none without its unit."""
    try:
        command = ["systemctl", "cat", unit_of(config)]
        shown = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - fixed words, a name
    except (OSError, subprocess.CalledProcessError):
        return frozenset()
    return frozenset(Path(path.replace("%i", lane_of(config) or "")) for path in _LOADED.findall(shown.stdout))
