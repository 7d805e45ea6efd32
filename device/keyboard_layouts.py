"""Which character a key means, for each layout a reader can be set to.

A keyboard-mode reader sends key positions, not characters: it looks the characters of a code up in the layout it was
set to, and whoever reads it must look them up in the same one. The tables are those of xkb-data (symbols us, de, fr,
ch and gb) as far as they can occur in a code; keys are the kernel's codes (linux/input-event-codes.h), which name
positions on a US keyboard.

Each row of a table stands for the keys of the same row in `_ROWS`; a space stands for no character.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Literal

LayoutName = Literal["us", "de", "fr", "ch", "uk"]
Level = Literal["plain", "shift", "altgr"]

KEY_TAB, KEY_ENTER, KEY_SPACE, KEY_KPENTER = 15, 28, 57, 96

_ROWS = (
    (41, *range(2, 14)),  # grave, 1 to 0, minus, equal
    tuple(range(16, 28)),  # q to right brace
    (*range(30, 41), 43),  # a to apostrophe, backslash
    (86, *range(44, 54)),  # the key beside the left shift of European keyboards, z to slash
)
_KEYPAD = {71: "7", 72: "8", 73: "9", 75: "4", 76: "5", 77: "6", 79: "1", 80: "2", 81: "3", 82: "0"}
_KEYPAD_SIGNS = {55: "*", 74: "-", 78: "+", 98: "/", 117: "="}
_KEYPAD_POINT = 83

KEYPAD_DIGITS: Mapping[int, str] = MappingProxyType(_KEYPAD)
MAIN_KEYS = frozenset(chain(*_ROWS, [KEY_SPACE]))
CHARACTER_KEYS = MAIN_KEYS.union(_KEYPAD, _KEYPAD_SIGNS, [_KEYPAD_POINT])


@dataclass(frozen=True, slots=True)
class Layout:
    """The characters of one layout by key and level. The keypad is the same at every level: no reader turns it off."""

    plain: Mapping[int, str]
    shift: Mapping[int, str]
    altgr: Mapping[int, str]
    dead: frozenset[tuple[Level, int]]

    def character(self, level: Level, key: int) -> str | None:
        """The character, or None where the layout has none that occurs in a code."""
        table: Mapping[int, str] = getattr(self, level)
        return table.get(key)

    def is_letter(self, key: int) -> bool:
        """Whether Caps Lock turns this key around."""
        plain = self.plain.get(key, "")
        return plain.isalpha() and self.shift.get(key) == plain.upper()


def _table(rows: tuple[str, ...], keypad: Mapping[int, str]) -> Mapping[int, str]:
    characters = {
        key: character
        for keys, row in zip(_ROWS, rows, strict=True)
        for key, character in zip(keys, row, strict=True)
        if character != " "
    }
    return MappingProxyType({**characters, **keypad})


def _layout(
    *,
    plain: tuple[str, ...],
    shift: tuple[str, ...],
    altgr: tuple[str, ...] = (" " * 13, " " * 12, " " * 12, " " * 11),
    point: str = ".",
    dead: frozenset[tuple[Level, int]] = frozenset(),
) -> Layout:
    keypad = {**_KEYPAD, **_KEYPAD_SIGNS, _KEYPAD_POINT: point}
    with_space = {**keypad, KEY_SPACE: " "}
    return Layout(_table(plain, with_space), _table(shift, with_space), _table(altgr, keypad), dead)


LAYOUTS: Mapping[LayoutName, Layout] = MappingProxyType(
    {
        "us": _layout(
            plain=("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'\\", " zxcvbnm,./"),
            shift=("~!@#$%^&*()_+", "QWERTYUIOP{}", 'ASDFGHJKL:"|', " ZXCVBNM<>?"),
        ),
        "de": _layout(
            plain=("^1234567890ß´", "qwertzuiopü+", "asdfghjklöä#", "<yxcvbnm,.-"),  # noqa: RUF001 - the accents are dead keys
            shift=('°!"§$%&/()=?`', "QWERTZUIOPÜ*", "ASDFGHJKLÖÄ'", ">YXCVBNM;:_"),
            altgr=("  ²³   {[]}\\ ", "@ €        ~", " " * 12, "|      µ   "),
            point=",",
            dead=frozenset({("plain", 41), ("plain", 13), ("shift", 13)}),
        ),
        "fr": _layout(
            plain=("²&é\"'(-è_çà)=", "azertyuiop^$", "qsdfghjklmù*", "<wxcvbn,;:!"),
            shift=("~1234567890°+", "AZERTYUIOP¨£", "QSDFGHJKLM%µ", ">WXCVBN?./§"),
            altgr=("  ~#{[|`\\^@]}", "  €        ¤", " " * 12, " " * 11),
            dead=frozenset({("plain", 26), ("shift", 26)}),
        ),
        "ch": _layout(
            plain=("§1234567890'^", "qwertzuiopü¨", "asdfghjklöä$", "<yxcvbnm,.-"),
            shift=('°+"*ç%&/()=?`', "QWERTZUIOPè!", "ASDFGHJKLéà£", ">YXCVBNM;:_"),
            altgr=(" |@#  ¬|¢  ´~", "  €       []", "          {}", "\\          "),  # noqa: RUF001 - a dead key
            dead=frozenset({("plain", 13), ("shift", 13), ("altgr", 12), ("altgr", 13), ("plain", 27)}),
        ),
        "uk": _layout(
            plain=("`1234567890-=", "qwertyuiop[]", "asdfghjkl;'#", "\\zxcvbnm,./"),
            shift=('¬!"£$%^&*()_+', "QWERTYUIOP{}", "ASDFGHJKL:@~", "|ZXCVBNM<>?"),
            altgr=("|   €        ", " " * 12, " " * 12, " " * 11),
        ),
    }
)
