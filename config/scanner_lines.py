"""A `[[scanner]]` in the text of a configuration file: added, or changed in place. Pure.

Line by line, because the file is its owner's: comments, order and spacing of everything else stay as they are. A parser
that keeps comments moves them between tables, and joins lists of tables that stand apart. What comes out is parsed and
must mean exactly what was meant; a file that is written so that this fails is left alone.
"""

import json
import re
import tomllib
from collections.abc import Mapping

Value = str | int | float | bool | Mapping[str, str]
Keys = Mapping[str, Value]

OWNERS_KEYS = frozenset({"name", "other_codes"})  # nobody but the owner knows them, so they stay when a reader changes
_HEADER = re.compile(r"\s*\[\[\s*scanner\s*\]\]\s*(#.*)?")
_ANY_HEADER = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*")


class CannotEdit(Exception):
    """The file is written in a way that is not understood here. The text says what to do."""


def scanner_lines(keys: Keys) -> str:
    """Return the lines of one scanner, without an end of line."""
    return "\n".join(("[[scanner]]", *(f"{key} = {_toml(value)}" for key, value in keys.items())))


def with_scanner(text: str, keys: Keys) -> str:
    """Return the file's text with this scanner: the one of its name changed, else one more at the end.

    Raises CannotEdit.
    """
    meant = tomllib.loads(text)
    scanners = meant.setdefault("scanner", [])
    place = next((place for place, one in enumerate(scanners) if one.get("name") == keys["name"]), None)
    if place is None:
        scanners.append(dict(keys))
        changed = f"{text.rstrip()}\n\n{scanner_lines(keys)}\n"
    else:
        old = scanners[place]
        scanners[place] = {key: value for key, value in old.items() if key in OWNERS_KEYS} | dict(keys)
        changed = _changed(text, place, keys)
    try:
        is_so = tomllib.loads(changed) == meant
    except tomllib.TOMLDecodeError:
        is_so = False
    if not is_so:
        raise CannotEdit("the [[scanner]] cannot be changed in this file as it is written: copy the lines by hand")
    return changed


def _changed(text: str, place: int, keys: Keys) -> str:
    lines = text.split("\n")
    headers = [number for number, line in enumerate(lines) if _HEADER.fullmatch(line)]
    if len(headers) <= place:
        return text
    first = headers[place] + 1
    after = next((number for number in range(first, len(lines)) if _ANY_HEADER.match(lines[number])), len(lines))
    return "\n".join((*lines[:first], *_block(lines[first:after], keys), *lines[after:]))


def _block(lines: list[str], keys: Keys) -> list[str]:
    """The lines of one table: known keys with their new values, new keys behind the last one, the others gone."""
    changed: list[str] = []
    missing, last = dict(keys), 0
    for line in lines:
        key = _KEY.match(line)
        if key is None:
            changed.append(line)
        elif key[1] in keys:
            changed.append(key[0] + _toml(missing.pop(key[1])) + _comment(line[key.end() :]))
            last = len(changed)
        elif key[1] in OWNERS_KEYS:
            changed.append(line)
            last = len(changed)
    return changed[:last] + [f"{key} = {_toml(value)}" for key, value in missing.items()] + changed[last:]


def _comment(rest: str) -> str:
    """What stands behind the value on its line: the value ends where it is whole."""
    for mark in re.finditer(r"\s*#", rest):
        try:
            tomllib.loads(f"value = {rest[: mark.start()]}")
        except tomllib.TOMLDecodeError:
            continue
        return rest[mark.start() :]
    return ""


def _toml(value: Value) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", r"\u007f")
