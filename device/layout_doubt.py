"""Whether a keyboard-mode reader plays another keyboard than the configuration says, as its own scans show it. Pure.

A number and the stripe of a card are what they are on the right layout only: a French reader presses Shift for digits,
and the signs around a stripe are on other keys everywhere.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from device.interface import DeviceState, Receiver, Report, Scan
from device.keyboard_layouts import LAYOUTS, MAIN_KEYS, LayoutName, Level
from device.magstripe import split_tracks

_NUMBER: Final = re.compile(r"\d{8,}")
"""No code has as many characters of the keyboard's uppermost row by chance."""
_LEVELS: Final[tuple[Level, ...]] = ("plain", "shift", "altgr")
_REASON: Final = (
    'layout = "{layout}" reads this reader wrong, its codes make sense as "{played}": '
    "correct it, or run `tillwire learn scanner`"
)


def played_layout(text: str, layout: LayoutName) -> LayoutName | None:
    """Return the layout on which the keys of this text are a card's; None: none is, or `layout` itself."""
    if _is_card(text):
        return None
    return next((other for other in LAYOUTS if _is_card(_retyped(text, layout, other))), None)


def _is_card(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) or any(track.readable for track in split_tracks(text))


def _retyped(text: str, layout: LayoutName, other: LayoutName) -> str:
    """Return what the same keys type on the other layout; NUL for one that types nothing there."""
    return "".join(_characters(layout, other).get(character, "\0") for character in text)


@cache
def _characters(layout: LayoutName, other: LayoutName) -> Mapping[str, str]:
    """Return for each character of a layout what its key types on the other; the lowest level that has it counts."""
    return {
        character: LAYOUTS[other].character(level, key) or "\0"
        for level in reversed(_LEVELS)
        for key in MAIN_KEYS  # the keypad is the same everywhere
        if (character := LAYOUTS[layout].character(level, key)) is not None
    }


class LayoutDoubt:
    """Passes on what a reader reports, and says beside it when its layout is another, until a card is read right."""

    def __init__(self, layout: LayoutName, report: Receiver) -> None:
        self._layout = layout
        self._report = report
        self._played: LayoutName | None = None

    def take(self, report: Report) -> None:
        self._report(report)
        match report:
            case DeviceState():
                self._played = None
            case Scan():
                self._judge(report)

    def _judge(self, scan: Scan) -> None:
        played = played_layout(scan.text, self._layout)
        if played == self._played or (played is None and not _is_card(scan.text)):
            return
        self._played = played
        reason = _REASON.format(layout=self._layout, played=played) if played else None
        self._report(DeviceState(name=scan.scanner, kind="scanner", state="present", reason=reason, at=scan.at))
