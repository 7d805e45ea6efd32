"""Writing a configuration file anew: checked first, replaced whole, the old one kept beside it."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from config.problems import WrongConfig
from config.settings import load


def replace_config(path: Path, text: str, environment: Mapping[str, str]) -> Path:
    """Replace the file by this text and return where the old one is kept (`.bak`). Owner and mode stay.

    Raises WrongConfig when the text is no good configuration, and OSError; the file is as it was then.
    """
    target, backup = path.resolve(), path.resolve().with_name(path.name + ".bak")
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    new = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _check(new, path, environment)
        was = target.stat()
        os.chown(new, was.st_uid, was.st_gid)
        shutil.copymode(target, new)
        shutil.copy2(target, backup)
        os.chown(backup, was.st_uid, was.st_gid)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
    return backup


def _check(new: Path, path: Path, environment: Mapping[str, str]) -> None:
    """Name the file that the person knows."""
    try:
        load(new, environment)
    except WrongConfig as wrong:
        named = (
            replace(problem, file=str(path)) if problem.file == str(new) else problem for problem in wrong.problems
        )
        raise WrongConfig(named) from None
