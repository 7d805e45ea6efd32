"""The lines of one table in the text of a configuration file, changed in place. Pure.

Line by line, because the file is its owner's: comments, order and spacing of everything else stay as they are. A parser
that keeps comments moves them between tables, and joins lists of tables that stand apart. Whoever changes a file so
parses what came out, and leaves the file alone where it does not mean exactly what was meant.
"""

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from typing import Protocol

Value = str | int | float | bool | Mapping[str, str]
Keys = Mapping[str, Value]

_ANY_HEADER = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=\s*")


class CannotEdit(Exception):
    """The file is written in a way that is not understood here. The text says what to do."""


class Header(Protocol):
    """Whether a line is the header that is looked for."""

    def fullmatch(self, string: str) -> object: ...


def table_lines(header: str, keys: Keys) -> str:
    """Return the lines of one table, without an end of line."""
    return "\n".join((header, *(f"{key} = {_toml(value)}" for key, value in keys.items())))


def with_table(text: str, header: Header, place: int, keys: Keys, stays: Callable[[str], bool]) -> str | None:
    """Return the text with these keys in the `place`-th table of this header; None where there is none.

    Known keys get their new values, new ones come behind the last; of the others only what `stays` is left.
    """
    lines = text.split("\n")
    headers = [number for number, line in enumerate(lines) if header.fullmatch(line)]
    if len(headers) <= place:
        return None
    first = headers[place] + 1
    after = next((number for number in range(first, len(lines)) if _ANY_HEADER.match(lines[number])), len(lines))
    return "\n".join((*lines[:first], *_block(lines[first:after], keys, stays), *lines[after:]))


def means(text: str, meant: object) -> bool:
    """Whether this text parses to exactly this."""
    try:
        return tomllib.loads(text) == meant
    except tomllib.TOMLDecodeError:
        return False


def _block(lines: list[str], keys: Keys, stays: Callable[[str], bool]) -> list[str]:
    changed: list[str] = []
    missing, last = dict(keys), 0
    for line in lines:
        key = _KEY.match(line)
        if key is None:
            changed.append(line)
        elif key[1] in keys:
            changed.append(key[0] + _toml(missing.pop(key[1])) + _comment(line[key.end() :]))
            last = len(changed)
        elif stays(key[1]):
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
