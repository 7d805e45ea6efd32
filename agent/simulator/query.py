"""The search expressions of the API's lists (`q`), parsed and matched. Pure.

`property:condition` with nested properties by dots, wildcards `?` and `*`, ranges `[min TO max]`, `AND`, `OR`, `NOT`,
`!`, parentheses and `_exists_:property`. Two conditions side by side are both needed. Quoted text is taken literally.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

Matcher = Callable[[object], bool]

_TOKEN: Final = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<not>!)"
    r'|(?P<range>[^\s():!\["]+:\[[^\]]*\])|(?P<quoted>[^\s():!"]+:"[^"]*")|(?P<plain>[^\s()!"]+))'
)
_RANGE: Final = re.compile(r"\[\s*(\S+)\s+TO\s+(\S+)\s*\]")
_MAX_LENGTH: Final = 1000  # a bound of the simulator; nesting cannot go deeper than Python's stack then


class BadQuery(ValueError):
    """The expression can't be read."""


@dataclass(slots=True)
class _Tokens:
    """What is left to parse."""

    left: list[tuple[str, str]]

    def peek(self) -> tuple[str, str]:
        return self.left[0] if self.left else ("end", "")

    def take(self) -> tuple[str, str]:
        return self.left.pop(0) if self.left else ("end", "")

    def take_word(self, word: str) -> bool:
        found = self.peek() == ("plain", word)
        if found:
            self.take()
        return found


def parse(expression: str) -> Matcher:
    """A function that says whether a JSON value matches. Raises BadQuery."""
    if len(expression) > _MAX_LENGTH:
        raise BadQuery(f"longer than {_MAX_LENGTH} characters")
    tokens = _Tokens(list(_tokens(expression)))
    try:
        matcher = _any_of(tokens)
    except RecursionError:
        raise BadQuery("nested too deeply") from None
    if tokens.left:
        raise BadQuery(f"unexpected {tokens.peek()[1]}")
    return matcher


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    position = 0
    text = expression.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise BadQuery(f"unexpected {text[position:][:20]}")
        yield match.lastgroup, match[match.lastgroup]
        position = match.end()


def _any_of(tokens: _Tokens) -> Matcher:
    parts = [_all_of(tokens)]
    while tokens.take_word("OR"):
        parts.append(_all_of(tokens))
    return lambda value: any(part(value) for part in parts)


def _all_of(tokens: _Tokens) -> Matcher:
    parts = [_one(tokens)]
    while tokens.take_word("AND") or _begins_condition(tokens.peek()):
        parts.append(_one(tokens))
    return lambda value: all(part(value) for part in parts)


def _begins_condition(token: tuple[str, str]) -> bool:
    return token[0] not in {"end", "close"} and token != ("plain", "OR")


def _one(tokens: _Tokens) -> Matcher:
    if tokens.take_word("NOT"):
        return _negated(_one(tokens))
    kind, text = tokens.take()
    if kind == "not":
        return _negated(_one(tokens))
    if kind == "open":
        return _in_parentheses(tokens)
    if kind in {"range", "quoted", "plain"}:
        return _condition(kind, text)
    raise BadQuery(f"a condition is missing before {text or 'the end'}")


def _negated(matcher: Matcher) -> Matcher:
    return lambda value: not matcher(value)


def _in_parentheses(tokens: _Tokens) -> Matcher:
    matcher = _any_of(tokens)
    if tokens.take()[0] != "close":
        raise BadQuery("a parenthesis is not closed")
    return matcher


def _condition(kind: str, text: str) -> Matcher:
    name, colon, wanted = text.partition(":")
    if not colon or not name or not wanted:
        raise BadQuery(f"{text} is not property:condition")
    path = tuple(name.split("."))
    if name == "_exists_":
        wanted_path = tuple(wanted.split("."))
        return lambda value: any(found is not None for found in _at(value, wanted_path))
    compare = _comparison(kind, wanted)
    return lambda value: any(compare(_text(found)) for found in _at(value, path) if found is not None)


def _comparison(kind: str, wanted: str) -> Callable[[str], bool]:
    if kind == "quoted":
        return lambda text: text == wanted[1:-1]
    if kind == "range":
        return _in_range(wanted)
    pattern = wanted.replace("[", "[[]")
    return lambda text: fnmatchcase(text, pattern)


def _in_range(wanted: str) -> Callable[[str], bool]:
    match = _RANGE.fullmatch(wanted)
    if match is None:
        raise BadQuery(f"{wanted} is not [min TO max]")
    low, high = match.groups()
    return lambda text: (low == "*" or not _less(text, low)) and (high == "*" or not _less(high, text))


def _less(one: str, other: str) -> bool:
    try:
        return float(one) < float(other)
    except ValueError:
        return one < other


def _at(value: object, path: tuple[str, ...]) -> Iterator[object]:
    """What stands at the path; a list stands for each of its members."""
    if isinstance(value, list):
        for member in value:
            yield from _at(member, path)
    elif not path:
        yield value
    elif isinstance(value, dict) and path[0] in value:
        yield from _at(value[path[0]], path[1:])


def _text(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
