"""Where profile files lie, and what is wrong with one: each problem with file, line, key and what to do."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from device.drawer_profile import STATUS_SOURCES, DrawerProfile, keys_of

OVERRIDES = "[drawer]"  # how the overriding keys of tillwire.toml are called in a problem


class ProfileRefused(ValueError):
    """A profile that cannot be used. `problems` has one plain line for each reason, all at once."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def shipped_profiles() -> Traversable:
    """The directory of the profiles that come with the program."""
    return resources.files("config.drawers")


def profile_files(directory: Path | None) -> dict[str, Path | Traversable]:
    """Every profile by its name. A file of the installer's own `directory` wins over a shipped one of the same name."""
    places: list[Path | Traversable] = [shipped_profiles()]
    if directory is not None and directory.is_dir():
        places.append(directory)
    return {file.name.removesuffix(".toml"): file for place in places for file in sorted(_toml_files(place), key=str)}


def load_profile(
    name: str, directory: Path | None = None, overrides: Mapping[str, object] | None = None
) -> DrawerProfile:
    """Read the profile called `name`, with the keys of `[drawer]` that override it.

    Raises ProfileRefused: no such profile, not readable, not TOML, or a key is wrong.
    """
    files = profile_files(directory)
    if name not in files:
        raise ProfileRefused([f"no drawer profile is called {name!r}; {_nearest(name, files)}"])
    try:
        text = files[name].read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileRefused([f"{files[name]}: cannot be read: {error}"]) from error
    return parse_profile(text, file=str(files[name]), overrides=overrides)


def parse_profile(text: str, *, file: str, overrides: Mapping[str, object] | None = None) -> DrawerProfile:
    """Read a profile from its TOML text. `file` is named in problems. Raises ProfileRefused."""
    try:
        keys = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileRefused([f"{file}: {error}"]) from error
    given = overrides or {}
    try:
        return DrawerProfile.model_validate(_overridden(keys, given))
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise ProfileRefused(_problem(detail, text, file, given) for detail in details) from None


def _toml_files(place: Path | Traversable) -> Iterable[Path | Traversable]:
    return (file for file in place.iterdir() if file.name.endswith(".toml"))


def _overridden(keys: Mapping[str, object], overrides: Mapping[str, object]) -> dict[str, object]:
    """The keys with their overrides. A `status` of another source replaces the profile's whole; else key by key."""
    status, given = keys.get("status"), overrides.get("status")
    merged = {**keys, **overrides}
    if (
        isinstance(status, dict)
        and isinstance(given, dict)
        and given.get("source", status.get("source")) == status.get("source")
    ):
        merged["status"] = {**status, **given}
    return merged


def _problem(detail: ErrorDetails, text: str, file: str, overrides: Mapping[str, object]) -> str:
    reason = detail["msg"].removeprefix("Value error, ")
    keys = [str(part) for part in detail["loc"]]
    known = keys_of(DrawerProfile)
    if keys[:1] == ["status"] and len(keys) > 1:
        known = keys_of(STATUS_SOURCES[keys.pop(1)])  # the source, that pydantic puts between the table and its key
    if not keys:  # a rule about several keys names the first of them itself
        key, _, reason = reason.partition(": ")
        keys = [key]
    if detail["type"] == "extra_forbidden":
        reason = f"unknown key; {_nearest(keys[-1], known)}"
    place = OVERRIDES if _is_overridden(keys, overrides) else f"{file}:{_line_of(keys, text)}:"
    return f"{place} {'.'.join(keys)}: {reason}"


def _is_overridden(keys: list[str], overrides: Mapping[str, object]) -> bool:
    inner = overrides.get(keys[0])
    if len(keys) > 1 and isinstance(inner, Mapping):
        return keys[1] in inner
    return keys[0] in overrides


def _line_of(keys: list[str], text: str) -> int:
    """The line of the key, of its table where the key is missing, or 1."""
    table, found = "", 1
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([\w-]+)\s*\]", line):
            table = header[1]
            found = number if keys == [table] or [table] == keys[:-1] else found
        elif (key := re.match(r"\s*([\w-]+)\s*=", line)) and [part for part in (table, key[1]) if part] == keys:
            return number
    return found


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib  # noqa: PLC0415 - for a profile that is not there

    near = difflib.get_close_matches(word, list(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
