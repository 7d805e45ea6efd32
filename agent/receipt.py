"""The API's receipt lines as plain text, HTML and ESC/POS bytes.

An answer carries its receipt as lines of four types: separator, textline, name-value, space (smart-api.md 5). They are
read once, leniently and safely: an unknown or broken line is passed over, no control character goes on, card numbers
are masked. What is printed from then on can neither command a printer nor run in a browser.

The printed bytes must not disturb a drawer that hangs on the printer. `ESC @` is not sent, because it ends the
automatic status that the drawer is watched by (Bixolon SRP-332II manual, GS a: "effective until ESC @"). `FS` is not
sent, because it opens the drawer of a printer in Star mode (hardware.md 1.3). Each group of rows says its whole style.
"""

import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from itertools import groupby

from agent.card import mask_numbers

MAX_LINES = 500  # an end-of-day report has some dozen lines; more is a fault of the sender
MAX_CHARACTERS = 500  # in one text: about ten printed rows
NARROWEST = 16  # columns: less holds no amount beside a name


class Alignment(StrEnum):
    """The API's decorations for the place of a line."""

    LEFT = "align-left"
    CENTER = "align-center"
    RIGHT = "align-right"


class CodePage(StrEnum):
    """A printer's character table, by the name of its Python codec. Both have the umlauts and the euro sign."""

    WPC1252 = "cp1252"
    PC858 = "cp858"


@dataclass(frozen=True, slots=True)
class Separator:
    """Begins a block of the receipt."""

    caption: str = ""


@dataclass(frozen=True, slots=True)
class TextLine:
    text: str
    important: bool = False
    alignment: Alignment = Alignment.LEFT


@dataclass(frozen=True, slots=True)
class NameValue:
    name: str
    value: str
    important: bool = False


@dataclass(frozen=True, slots=True)
class Space:
    """An empty line."""


Line = Separator | TextLine | NameValue | Space

FEED = b"\x1bd\x04"  # ESC d: four lines, to bring the last one over the tear bar
FEED_AND_CUT = b"\x1dVB\x00"  # GS V 66 0: to the cutter, and a partial cut

_IMPORTANT = "important"
_CODE_TABLE = {CodePage.WPC1252: b"\x1bt\x10", CodePage.PC858: b"\x1bt\x13"}  # ESC t
_ASCII_AS_IT_IS = b"\x1bR\x00"  # ESC R 0: no national characters in the place of brackets
_ALIGN = {Alignment.LEFT: b"\x1ba\x00", Alignment.CENTER: b"\x1ba\x01", Alignment.RIGHT: b"\x1ba\x02"}  # ESC a
_EMPHASIS = {False: b"\x1bE\x00", True: b"\x1bE\x01"}  # ESC E
_SIZE = {False: b"\x1d!\x00", True: b"\x1d!\x11"}  # GS !: double width and height
_LARGE = 2  # columns that a character of double width takes


# From the API


def parse_lines(receipt: object) -> tuple[Line, ...]:
    """Read the API's `receipt` or `receipt_merchant`. What is not understood is left out."""
    if not isinstance(receipt, list):
        return ()
    return tuple(line for item in receipt[:MAX_LINES] if (line := _parse_line(item)) is not None)


def as_json(lines: Iterable[Line]) -> list[dict[str, object]]:
    """Give the lines in the API's own shape; `parse_lines` reads them back."""
    return [_as_api_line(line) for line in lines]


def _parse_line(item: object) -> Line | None:
    if not isinstance(item, Mapping):
        return None
    value = item.get("value")
    fields: Mapping[object, object] = value if isinstance(value, Mapping) else {}
    important, alignment = _parse_decoration(fields.get("decoration"))
    texts = {key: _clean(fields.get(key)) for key in ("caption", "text", "name", "value")}
    match item.get("type"), texts:
        case "separator", {"caption": caption}:
            return Separator(caption or "")
        case "space", _:
            return Space()
        case "textline", {"text": str(text)}:
            return TextLine(text, important, alignment)
        case "name-value", {"name": str(name), "value": str(text)}:
            return NameValue(name, text, important)
        case _:
            return None


def _parse_decoration(decoration: object) -> tuple[bool, Alignment]:
    given = decoration if isinstance(decoration, list) else []
    return _IMPORTANT in given, next((place for place in Alignment if place in given), Alignment.LEFT)


def _clean(text: object) -> str | None:
    """Make foreign text safe to show: composed, printable, masked, capped. A whole number is taken as its digits."""
    if isinstance(text, bool) or not isinstance(text, str | int):
        return None
    composed = unicodedata.normalize("NFC", str(text))
    shown = "".join(character for character in composed if character.isprintable() or character.isspace())
    return mask_numbers(" ".join(shown.split()))[:MAX_CHARACTERS].rstrip()


def _as_api_line(line: Line) -> dict[str, object]:
    match line:
        case Separator(caption):
            return {"type": "separator", "value": {"caption": caption} if caption else {}}
        case Space():
            return {"type": "space"}
        case NameValue(name, value, important):
            decoration = [_IMPORTANT] if important else []
            return {"type": "name-value", "value": {"name": name, "value": value, "decoration": decoration}}
        case TextLine(text, important, alignment):
            decoration = [_IMPORTANT] if important else []
            decoration += [alignment.value] if alignment is not Alignment.LEFT else []
            return {"type": "textline", "value": {"text": text, "decoration": decoration}}


# Rows of a fixed width


@dataclass(frozen=True, slots=True)
class _Row:
    text: str
    alignment: Alignment = Alignment.LEFT
    important: bool = False
    large: bool = False


def as_text(lines: Iterable[Line], width: int) -> str:
    """Set the lines in `width` columns, each row ended by a line feed."""
    place = {Alignment.LEFT: str.ljust, Alignment.CENTER: str.center, Alignment.RIGHT: str.rjust}
    rows = _set_rows(lines, width, caption_width=width)
    return "".join(place[row.alignment](row.text, width).rstrip() + "\n" for row in rows)


def as_escpos(
    lines: Iterable[Line], width: int, code_page: CodePage = CodePage.WPC1252, *, ending: bytes = FEED_AND_CUT
) -> bytes:
    """Set the lines for an ESC/POS printer of `width` columns. What its code page does not have becomes `?`."""
    rows = _set_rows(lines, width, caption_width=width // _LARGE)
    printed = b"".join(
        style + b"".join(row.text.encode(code_page, "replace") + b"\n" for row in group)
        for style, group in groupby(rows, _style)
    )
    return _CODE_TABLE[code_page] + _ASCII_AS_IT_IS + printed + _style(_Row("")) + ending


def _style(row: _Row) -> bytes:
    return _ALIGN[row.alignment] + _EMPHASIS[row.important] + _SIZE[row.large]


def _set_rows(lines: Iterable[Line], width: int, caption_width: int) -> Iterator[_Row]:
    if width < NARROWEST:
        raise ValueError(f"a receipt is at least {NARROWEST} columns wide")
    for number, line in enumerate(lines):
        if number and isinstance(line, Separator) and line.caption:
            yield _Row("")
        yield from _set_line(line, width, caption_width)


def _set_line(line: Line, width: int, caption_width: int) -> list[_Row]:
    match line:
        case Separator(""):
            return [_Row("-" * width)]
        case Separator(caption):
            rows = _wrap(caption, caption_width)
            return [*(_Row(row, Alignment.CENTER, important=True, large=True) for row in rows), _Row("")]
        case TextLine(text, important, alignment):
            return [_Row(row, alignment, important) for row in _wrap(text, width)]
        case NameValue(name, value, important):
            return [_Row(row, important=important) for row in _pair(name, value, width)]
        case Space():
            return [_Row("")]


def _wrap(text: str, width: int) -> Sequence[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _pair(name: str, value: str, width: int) -> Sequence[str]:
    """Put the name on the left and the value on the right; where there is no room, the value on the rows below."""
    if len(name) + 1 + len(value) <= width:
        return [name + value.rjust(width - len(name))]
    return [*_wrap(name, width), *(row.rjust(width) for row in _wrap(value, width))]


# HTML


def as_html(lines: Iterable[Line]) -> str:
    """Give the lines as an HTML fragment without style or script. A separator begins a section."""
    sections: list[list[Line]] = []
    for line in lines:
        if isinstance(line, Separator) or not sections:
            sections.append([])
        sections[-1].append(line)
    return '<article class="receipt">\n' + "".join(map(_section, sections)) + "</article>\n"


def _section(lines: Iterable[Line]) -> str:
    blocks = ((kind, "".join(map(_element, group))) for kind, group in groupby(lines, type))
    inner = "".join(f"<dl>\n{block}</dl>\n" if kind is NameValue else block for kind, block in blocks)
    return f"<section>\n{inner}</section>\n"


def _element(line: Line) -> str:
    match line:
        case Separator(""):
            return "<hr>\n"
        case Separator(caption):
            return f"<h2>{escape(caption)}</h2>\n"
        case TextLine(text, important, alignment):
            return f'<p class="{alignment}">{_emphasised(text, important=important)}</p>\n'
        case NameValue(name, value, important):
            term, description = (_emphasised(text, important=important) for text in (name, value))
            return f"<dt>{term}</dt>\n<dd>{description}</dd>\n"
        case Space():
            return '<div class="space"></div>\n'


def _emphasised(text: str, *, important: bool) -> str:
    return f"<strong>{escape(text)}</strong>" if important else escape(text)
