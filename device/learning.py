"""How a reader is set, from what it sends for one known code. Pure.

The calibration text has characters that every layout types with other keys, in both cases, and none that is a dead key
anywhere. What was found out is proved: the reader's own decoder, set so, must deliver the text from the same events.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from math import ceil
from typing import Final, Literal

from device.hidpos_decoder import IDLE_S as HIDPOS_IDLE_S
from device.hidpos_decoder import HidPosDecoder
from device.interface import Scan
from device.key_decoder import (
    EV_KEY,
    EV_LED,
    EV_SYN,
    IDLE_S,
    LED_CAPSL,
    PRESSED,
    RELEASED,
    SYN_DROPPED,
    InputEvent,
    KeyDecoder,
    KeyReading,
    Suffix,
)
from device.keyboard import KEY_LEFTALT, CapsLock, Keyboard, NoCharacter
from device.keyboard_layouts import KEYPAD_DIGITS, LAYOUTS, LayoutName
from device.line_decoder import LineDecoder, LineReading
from device.scan_text import BLANK, Outcome, is_decodable
from device.symbology import split_identifier

CALIBRATION_TEXT: Final = "Tillwire-1z@Y+/2"
SILENCE_S: Final = 1.0  # so long after its last sign of life a scan is over, whatever it is
PIECE: Final = 4  # characters of the text in a row: no other code has them
PARITY_BIT: Final = 0x80
STX, ETX = "\x02", "\x03"
IDENTIFIER_CHARACTERS: Final = 3
_SEVEN_BITS: Final = bytes(value & ~PARITY_BIT for value in range(256))


class NotLearned(StrEnum):
    """Why nothing was found out. The value is one plain line for people."""

    TORN = "only a part of the code came: scan it again"
    TWICE = "the code came more than once: scan it once"
    ANOTHER_CODE = "that was another code: scan the calibration code"
    UNKNOWN_LAYOUT = "the reader plays a keyboard that is not known here: set it to US, then scan again"
    CASE_TURNED = "the reader turns upper and lower case around: switch that off in it, then scan again"
    UPPER_CASE = "the reader sends capital letters only: switch that off in it, then scan again"
    MORE_AFTER_IT = "the reader sends more than Enter or Tab after a code: switch that off in it, then scan again"
    GARBLED = "what came is no text at this speed"


@dataclass(frozen=True, slots=True)
class AnotherCode:
    """Something else was scanned: as each layout reads it. It may be anybody's card, so nobody is shown it."""

    texts: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysLearned:
    """A reader in keyboard mode. `layouts`: all that explain what came; the first is as good as any."""

    layouts: tuple[LayoutName, ...]
    reading: KeyReading
    alt_mode: bool

    @property
    def is_ambiguous(self) -> bool:
        return len(self.layouts) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LineLearned:
    """A reader on a serial line whose speed is right."""

    reading: LineReading
    bytesize: Literal[7, 8]
    parity: Literal["none", "even", "odd", "mark"]


@dataclass(frozen=True, slots=True)
class ReportsLearned:
    """A reader in HID POS mode: there is nothing to be set."""


Learned = KeysLearned | LineLearned | ReportsLearned
Answer = Learned | NotLearned | AnotherCode


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that were read at once, or one report."""

    at: float
    data: bytes = field(repr=False)


# Keyboard mode


def learn_keys(events: Sequence[InputEvent], *, caps_lock_is_on: bool = False) -> Answer:
    """Find out how a keyboard-mode reader is set. `caps_lock_is_on`: its light, while it typed."""
    if any(event.type == EV_SYN and event.code == SYN_DROPPED for event in events):
        return NotLearned.TORN
    typed = {layout: _typed(events, layout) for layout in LAYOUTS}
    known = {layout: text for layout, text in typed.items() if text is not None}
    if not known:
        return NotLearned.TORN
    if texts := _calibrations(known, str):
        return _keys_learned(texts, events, "ignored", caps_lock_is_on=caps_lock_is_on)
    if texts := _calibrations(known, str.swapcase):
        if not caps_lock_is_on:
            return NotLearned.CASE_TURNED
        return _keys_learned(texts, events, "compensated", caps_lock_is_on=True)
    return _something_else(tuple(known.values()))


def _keys_learned(
    texts: Mapping[LayoutName, str], events: Sequence[InputEvent], caps_lock: CapsLock, *, caps_lock_is_on: bool
) -> KeysLearned | NotLearned:
    around = _around(next(iter(texts.values())))
    if isinstance(around, NotLearned):
        return around
    reading = KeyReading(
        layout=next(iter(texts)),
        prefix=around.prefix,
        suffix=around.suffix,
        caps_lock=caps_lock,
        idle_s=_idle_s(event.at for event in events if event.type == EV_KEY),
    )
    if not _is_read(reading, events, caps_lock_is_on=caps_lock_is_on):
        return NotLearned.TORN
    return KeysLearned(layouts=tuple(texts), reading=reading, alt_mode=_has_alt_codes(events))


def _calibrations(texts: Mapping[LayoutName, str], turn: Callable[[str], str]) -> dict[LayoutName, str]:
    return {layout: turn(text) for layout, text in texts.items() if CALIBRATION_TEXT in turn(text)}


def _typed(events: Iterable[InputEvent], layout: LayoutName) -> str | None:
    """What the keys type on this layout; None where a key is missing. One without a character there types NUL."""
    keyboard = Keyboard(layout)
    characters = []
    for event in events:
        if event.type != EV_KEY or event.value not in (PRESSED, RELEASED):
            continue
        typed = keyboard.press(event.code) if event.value == PRESSED else keyboard.release(event.code)
        if typed in (NoCharacter.LOST, NoCharacter.OUT_OF_ORDER):
            return None
        characters.append(typed if isinstance(typed, str) else "\0")
    return "".join(characters)


def _has_alt_codes(events: Iterable[InputEvent]) -> bool:
    """Digits of the keypad while Alt is held."""
    alt = False
    for event in events:
        if event.type == EV_KEY and event.code == KEY_LEFTALT:
            alt = event.value != RELEASED
        elif alt and event.type == EV_KEY and event.code in KEYPAD_DIGITS:
            return True
    return False


def _is_read(reading: KeyReading, events: Sequence[InputEvent], *, caps_lock_is_on: bool) -> bool:
    decoder = KeyDecoder("", reading)
    decoder.opened(events[0].at - reading.idle_s)
    decoder.feed(InputEvent(events[0].at, EV_LED, LED_CAPSL, caps_lock_is_on))
    outcomes = [outcome for event in events for outcome in decoder.feed(event)]
    return _is_the_text([*outcomes, *decoder.wake(events[-1].at + reading.idle_s)])


# Serial lines


def learn_line(chunks: Sequence[Chunk]) -> Answer:
    """Find out how a serial reader is set, from bytes that were read as 8N1 at some speed."""
    data = b"".join(chunk.data for chunk in chunks)
    framing = _framing(data)
    if framing is None:
        return NotLearned.GARBLED
    bare = [Chunk(chunk.at, chunk.data.translate(_SEVEN_BITS)) for chunk in chunks]
    text = b"".join(chunk.data for chunk in bare).decode()
    if CALIBRATION_TEXT not in text:
        return _something_else((text,))
    framed = text.startswith(STX) and text.rstrip("\r\n").endswith(ETX)
    around = _around(text.strip(STX + ETX + BLANK) + "\r" if framed else text)
    if isinstance(around, NotLearned):
        return around
    idle_s = _idle_s(chunk.at for chunk in chunks)
    reading = LineReading(prefix=around.prefix, suffix=around.suffix, idle_s=idle_s)
    if not _is_received(reading, bare):
        return NotLearned.TORN
    bytesize, parity = framing
    return LineLearned(reading=reading, bytesize=bytesize, parity=parity)


Framing = tuple[Literal[7, 8], Literal["none", "even", "odd", "mark"]]
_MARKED: Final[Mapping[Framing, Callable[[int], bool]]] = {
    (8, "none"): lambda _seven_bits: False,
    (7, "even"): lambda seven_bits: seven_bits.bit_count() % 2 == 1,
    (7, "odd"): lambda seven_bits: seven_bits.bit_count() % 2 == 0,
    (7, "mark"): lambda _seven_bits: True,
}
"""Whether the eighth bit is set when seven data bits and a parity bit are read as eight data bits."""


def _framing(data: bytes) -> Framing | None:
    """Return the framing that explains every byte as ASCII text; None when none does."""
    bare = data.translate(_SEVEN_BITS)
    if not is_decodable(bare.decode(), STX + ETX):
        return None
    return next((framing for framing, marked in _MARKED.items() if _explains(marked, data)), None)


def _explains(marked: Callable[[int], bool], data: bytes) -> bool:
    return all(marked(byte & ~PARITY_BIT) == bool(byte & PARITY_BIT) for byte in data)


def _is_received(reading: LineReading, chunks: Sequence[Chunk]) -> bool:
    decoder = LineDecoder("", reading)
    outcomes: list[Outcome] = []
    for chunk in chunks:
        outcomes += decoder.wake(chunk.at)
        outcomes += decoder.feed(chunk.data, chunk.at)
    return _is_the_text([*outcomes, *decoder.wake(chunks[-1].at + reading.idle_s)])


# HID POS


def learn_reports(reports: Sequence[Chunk]) -> Answer:
    """Find out whether this is the calibration code."""
    decoder = HidPosDecoder("")
    decoder.opened(reports[0].at - HIDPOS_IDLE_S)
    outcomes = [outcome for report in reports for outcome in decoder.feed(report.data, report.at)]
    outcomes += decoder.wake(reports[-1].at + HIDPOS_IDLE_S)
    if _is_the_text(outcomes):
        return ReportsLearned()
    scans = [outcome for outcome in outcomes if isinstance(outcome, Scan)]
    if len(scans) < len(outcomes) or not scans:
        return NotLearned.TORN
    return _something_else(tuple(scan.text for scan in scans))


# What they have in common


@dataclass(frozen=True, slots=True)
class _Around:
    prefix: str
    suffix: Suffix


def _around(text: str) -> _Around | NotLearned:
    """What stands before and after the code. An AIM identifier is no prefix: it says what kind of code it was."""
    before, _, after = text.partition(CALIBRATION_TEXT)
    if CALIBRATION_TEXT in after:
        return NotLearned.TWICE
    if after.strip(BLANK):
        return NotLearned.MORE_AFTER_IT
    suffix: Suffix = "enter" if after.strip("\t") else "tab" if after else "none"
    before = before.lstrip(BLANK)
    is_identifier = split_identifier(before[-IDENTIFIER_CHARACTERS:]) == (before[-IDENTIFIER_CHARACTERS:], "")
    return _Around(before[:-IDENTIFIER_CHARACTERS] if is_identifier else before, suffix)


def _idle_s(times: Iterable[float]) -> float:
    """The usual idle time, or more where this reader is slower: half as much again as its longest pause."""
    longest = max((later - earlier for earlier, later in pairwise(times)), default=0.0)
    if longest >= SILENCE_S:
        return IDLE_S
    return max(IDLE_S, ceil(longest * 1.5 * 20) / 20)


def _is_the_text(outcomes: Sequence[Outcome]) -> bool:
    return [outcome.text if isinstance(outcome, Scan) else None for outcome in outcomes] == [CALIBRATION_TEXT]


def _something_else(texts: Sequence[str]) -> NotLearned | AnotherCode:
    """Why the code is not in any of these readings of what came."""
    pieces = [CALIBRATION_TEXT[start : start + PIECE] for start in range(len(CALIBRATION_TEXT) - PIECE + 1)]
    if any(CALIBRATION_TEXT.upper() in text for text in texts):
        return NotLearned.UPPER_CASE
    if not any(piece in text for piece in pieces for text in texts):
        return AnotherCode(tuple(texts))
    longest = max(len(text.strip(BLANK)) for text in texts)
    return NotLearned.TORN if longest < len(CALIBRATION_TEXT) else NotLearned.UNKNOWN_LAYOUT
