"""What a keyboard-mode reader sends for a text: the other way round of device/key_decoder.py. Pure.

The simulated readers type with it, and so do the tests.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from device.key_decoder import EV_KEY, EV_SYN, PRESSED, RELEASED, InputEvent, Suffix
from device.keyboard import KEY_LEFTALT, KEY_RIGHTALT
from device.keyboard_layouts import KEY_ENTER, KEY_SPACE, KEY_TAB, KEYPAD_DIGITS, LAYOUTS, MAIN_KEYS, LayoutName, Level

EV_MSC, MSC_SCAN, SYN_REPORT = 4, 4, 0
KEY_LEFTSHIFT, KEY_LEFTCTRL, KEY_RIGHTBRACE = 42, 29, 27
LEVEL_KEYS: dict[Level, tuple[int, ...]] = {"plain": (), "shift": (KEY_LEFTSHIFT,), "altgr": (KEY_RIGHTALT,)}
SUFFIX_KEYS: dict[Suffix, int] = {"enter": KEY_ENTER, "tab": KEY_TAB}
KEYPAD = {digit: key for key, digit in KEYPAD_DIGITS.items()}


@dataclass(frozen=True, slots=True)
class Stroke:
    """A key, and the modifiers that are held for it."""

    key: int
    held: tuple[int, ...] = ()


class CannotType(ValueError):
    """The layout has no key for a character. The text is not in the message."""


def strokes(text: str, layout: LayoutName, suffix: Suffix) -> list[Stroke]:
    """The keys a reader set to `layout` presses for a text. Raises CannotType."""
    table = _keys(layout)
    try:
        typed = [stroke for character in text for stroke in table[character]]
    except KeyError:
        raise CannotType(f"the layout {layout} has no key for a character of this text") from None
    return [*typed, Stroke(SUFFIX_KEYS[suffix])] if suffix in SUFFIX_KEYS else typed


def alt_strokes(text: str, suffix: Suffix) -> list[Stroke]:
    """The same in Alt mode: each ASCII character as its three digits on the keypad, with Alt held."""
    digits = [f"{ord(character):03}" for character in text]
    typed = [Stroke(KEYPAD[digit], (KEY_LEFTALT,)) for code in digits for digit in code]
    return [*typed, Stroke(SUFFIX_KEYS[suffix])] if suffix in SUFFIX_KEYS else typed


def key_events(typed: Iterable[Stroke], at: float, key_s: float) -> Iterator[InputEvent]:
    """The kernel's events for these keys, a key each `key_s` seconds.

    Modifiers go up with the key, but for the digits of one Alt code, which are three keys under one Alt.
    """
    in_alt_code = 0
    for place, stroke in enumerate(typed):
        start = at + place * key_s
        middle = start + key_s / 2
        alt = stroke.held == (KEY_LEFTALT,)
        if not (alt and in_alt_code):
            for modifier in stroke.held:
                yield from _transition(modifier, PRESSED, start)
        yield from _transition(stroke.key, PRESSED, start)
        yield from _transition(stroke.key, RELEASED, middle)
        in_alt_code = (in_alt_code + 1) % 3 if alt else 0
        if not (alt and in_alt_code):
            for modifier in reversed(stroke.held):
                yield from _transition(modifier, RELEASED, middle)


def _transition(key: int, value: int, at: float) -> Iterator[InputEvent]:
    yield InputEvent(at, EV_MSC, MSC_SCAN, key)
    yield InputEvent(at, EV_KEY, key, value)
    yield InputEvent(at, EV_SYN, SYN_REPORT, 0)


@cache
def _keys(layout: LayoutName) -> dict[str, tuple[Stroke, ...]]:
    """Character to keys; a dead key is followed by Space, as on any keyboard."""
    table: dict[str, tuple[Stroke, ...]] = {"\x1d": (Stroke(KEY_RIGHTBRACE, (KEY_LEFTCTRL,)),)}
    levels: tuple[Level, ...] = ("plain", "shift", "altgr")
    for level in levels:
        characters = getattr(LAYOUTS[layout], level)
        for key in MAIN_KEYS & characters.keys():
            space = (Stroke(KEY_SPACE),) if (level, key) in LAYOUTS[layout].dead else ()
            table.setdefault(characters[key], (Stroke(key, LEVEL_KEYS[level]), *space))
    return table
