"""What the fleet changed at this till: kept in the state directory, and laid over the file wherever it is read.

The till's own file stays the master: only keys that its `may_change` names count, the environment still wins, and a
change that this release refuses is passed over with a line in the log, because it must not keep a till from starting.
"""

import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from config.environment import PREFIX
from config.problems import WrongConfig
from config.settings import Settings, load

logger = logging.getLogger("tillwire.fleet")

FILE_NAME = "fleet-changes.json"

Changes = Mapping[str, object]
"""The new values by their keys, as {"offline.max_payments": 10}."""


def load_in_effect(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read the configuration as `load` does, with the fleet's changes over the file. Raises WrongConfig."""
    settings = load(path, environment)
    changes = read_changes(settings)
    if not changes:
        return settings
    try:
        return load(path, with_changes(changes, environment))
    except WrongConfig as wrong:
        logger.warning("what the fleet changed is passed over: %s", "; ".join(map(str, wrong.problems)))
        return settings


def with_changes(changes: Changes, environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment that says these changes, and wins over them where it says something itself."""
    return {_variable(key): json.dumps(value) for key, value in changes.items()} | dict(environment)


def read_changes(settings: Settings) -> dict[str, object]:
    """Return what was changed and may be; nothing where nothing can be read."""
    if settings.fleet is None or not settings.fleet.may_change:
        return {}
    try:
        written = json.loads((settings.state.directory / FILE_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    known = written.items() if isinstance(written, dict) else ()
    return {key: value for key, value in known if key in settings.fleet.may_change}


def write_changes(directory: Path, changes: Changes) -> None:
    """Keep these changes, and no others; whole or not at all. Raises OSError."""
    file, new = directory / FILE_NAME, directory / f".{FILE_NAME}.new"
    with new.open("w", encoding="utf-8") as out:
        json.dump(dict(changes), out)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", "__")
