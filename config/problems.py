"""What is wrong with a configuration, for the person who wrote it: file, line, key, and the key that was meant.

A value is never repeated in a problem, because it may be a secret.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

KeyPath = tuple[str | int, ...]
T = TypeVar("T")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")  # what TOML writes without quotes


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right. `file` is the file, or the environment variable, that says it."""

    file: str
    key: str  # dotted, as "scanner[1].port"; empty where the whole file is meant
    message: str
    line: int | None = None
    nearest: str | None = None  # the known key or value that was probably meant

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        said = f"{place}: {self.key} {self.message}" if self.key else f"{place}: {self.message}"
        return said if self.nearest is None else f"{said}; did you mean {self.nearest}?"


class WrongConfig(Exception):
    """The configuration cannot be used. All problems at once, one line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Finding(NamedTuple):
    """A problem before it is known where it stands."""

    path: KeyPath
    message: str
    nearest: str | None = None


# From pydantic

UNKNOWN_KEY = "is not a known key"

_WORDS: Mapping[str, str] = {
    "bool_type": "must be true or false",
    "dict_type": "must be a table",
    "extra_forbidden": UNKNOWN_KEY,
    "finite_number": "must be a number",
    "float_type": "must be a number",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "int_type": "must be a whole number",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "missing": "is missing",
    "model_type": "must be a table",
    "path_type": "must be a path in quotes",
    "string_too_short": "must not be empty",
    "string_type": "must be text in quotes",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "is missing",
    "value_error": "{error}",
}


def findings(error: ValidationError, model: type[BaseModel]) -> Iterator[Finding]:
    """Put pydantic's errors about `model` into plain words."""
    for details in error.errors(include_url=False):
        if details["type"] == "too_short" and details["input"]:
            continue  # only because its items are refused, which is said of each
        path, siblings = _in_the_file(details["loc"], model)
        yield Finding(_meant(path, details), _message(details), _nearest(path, siblings, details))


def _message(details: ErrorDetails) -> str:
    words = _WORDS.get(details["type"])
    return words.format(**details.get("ctx", {})) if words else f"is refused: {details['msg']}"


def _meant(path: KeyPath, details: ErrorDetails) -> KeyPath:
    """Add the key that tells the kinds of a table apart, where that key is wrong or missing."""
    if details["type"].startswith("union_tag"):
        return (*path, details["ctx"]["discriminator"].strip("'"))
    return path


def _nearest(path: KeyPath, siblings: Iterable[str], details: ErrorDetails) -> str | None:
    match details["type"]:
        case "extra_forbidden":
            return nearest(str(path[-1]), siblings)
        case "literal_error":
            return nearest(str(details["input"]), _quoted(details["ctx"]["expected"]))
        case "union_tag_invalid":
            return nearest(details["ctx"]["tag"], _quoted(details["ctx"]["expected_tags"]))
        case _:
            return None


def _quoted(words: str) -> list[str]:
    return re.findall(r"'([^']+)'", words)


def nearest(word: str, known: Iterable[str]) -> str | None:
    import difflib  # noqa: PLC0415 - for a configuration that is wrong: the start of every other one is shorter without

    return next(iter(difflib.get_close_matches(word, list(known), n=1)), None)


def _in_the_file(location: KeyPath, model: type[BaseModel]) -> tuple[KeyPath, list[str]]:
    """Take the kinds of tables out of pydantic's location, and tell which keys are known beside its last one."""
    path: list[str | int] = []
    models, siblings = [model], list(model.model_fields)
    for part in location:
        if isinstance(part, int):
            path.append(part)
        elif len(models) > 1 and (kinds := [kind for kind in models if _is_kind(kind, part)]):
            models = kinds
        else:
            path.append(part)
            siblings = [name for known in models for name in known.model_fields]
            fields = [known.model_fields[part] for known in models if part in known.model_fields]
            models = [inner for field in fields for inner in models_in(field.annotation)]
    return tuple(path), siblings


def _is_kind(model: type[BaseModel], tag: str) -> bool:
    return any(get_args(field.annotation) == (tag,) for field in model.model_fields.values())


def models_in(annotation: object) -> list[type[BaseModel]]:
    """Return the tables that a field's type speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


# Where it stands


def dotted(path: KeyPath) -> str:
    """Write a path as people do: ("scanner", 1, "port") as "scanner[1].port", and an unusual key in quotes."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_shown(part)}" for part in path).removeprefix(".")


def _shown(key: str) -> str:
    return key if BARE_KEY.fullmatch(key) else json.dumps(key)


def locate(
    found: Iterable[Finding], file: str, lines: Mapping[KeyPath, int], variables: Mapping[KeyPath, str]
) -> Iterator[Problem]:
    """Say of each finding which variable said it, or which line of the file. `variables` win, as they do in effect."""
    for finding in found:
        key = dotted(finding.path)
        inside = (name for path, name in variables.items() if path[: len(finding.path)] == finding.path)
        written = finding.path in lines
        if variable := _closest(finding.path, variables.get) or (None if written else next(inside, None)):
            yield Problem(variable, key, finding.message, None, finding.nearest)
        else:
            yield Problem(file, key, finding.message, _closest(finding.path, lines.get), finding.nearest)


def _closest(path: KeyPath, find: Callable[[KeyPath], T | None]) -> T | None:
    """Ask for the key itself, then for the tables it stands in."""
    places = (find(path[:length]) for length in range(len(path), 0, -1))
    return next((place for place in places if place is not None), None)


_TABLE = re.compile(r"\s*\[(\[)?([^\[\]]+)\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"\s*([\w\"'.\- ]+?)\s*=")
_WORD = re.compile(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)")
_MULTI_LINE = re.compile(r'"""|\'\'\'')


def key_lines(text: str) -> dict[KeyPath, int]:
    """Find the line of each table and key of a TOML text. Lines count from 1.

    The standard library's parser does not tell; this reads as much of TOML as people write into a configuration.
    """
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    in_text = False
    for number, row in enumerate(text.split("\n"), start=1):
        if not in_text:
            if (header := _TABLE.fullmatch(row)) and (words := _words(header[2])):
                table = _table_path(words, counts, is_item=header[1] is not None)
                lines.setdefault(table, number)
            elif key := _KEY.match(row):
                lines.setdefault((*table, *_words(key[1])), number)
        in_text ^= len(_MULTI_LINE.findall(row)) % 2 == 1
    return lines


def _words(name: str) -> KeyPath:
    return tuple(next(filter(None, word), "") for word in _WORD.findall(name))


def _table_path(words: KeyPath, counts: dict[KeyPath, int], *, is_item: bool) -> KeyPath:
    """Put in the numbers of the list items that a header speaks of; `[[…]]` begins the next item."""
    path: KeyPath = ()
    for word in words[:-1]:
        path = (*path, word)
        path = (*path, counts[path]) if path in counts else path
    path = (*path, words[-1])
    if not is_item:
        return path
    counts[path] = counts.get(path, -1) + 1
    return (*path, counts[path])
