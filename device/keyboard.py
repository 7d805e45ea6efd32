"""Which characters a reader types, from the keys it presses and releases. Pure.

One Keyboard belongs to one reader. It knows which keys are down and says, for each press and release, which character
that typed, or why it typed none. A key that is released was pressed before, and a modifier is pressed again only after
it was released: the kernel never breaks this, so where it is broken something was lost. A key of a character that is
pressed twice without a release is different: only the release was lost, and both presses are characters.
"""

from collections import deque
from enum import Enum, auto
from typing import Literal

from device.keyboard_layouts import (
    CHARACTER_KEYS,
    KEY_ENTER,
    KEY_KPENTER,
    KEY_SPACE,
    KEY_TAB,
    KEYPAD_DIGITS,
    LAYOUTS,
    LayoutName,
    Level,
)

CapsLock = Literal["ignored", "compensated"]

KEY_CAPSLOCK, KEY_LEFTALT, KEY_RIGHTALT = 58, 56, 100
SHIFT_KEYS, CONTROL_KEYS, META_KEYS = frozenset({42, 54}), frozenset({29, 97}), frozenset({125, 126})
MODIFIER_KEYS = SHIFT_KEYS | CONTROL_KEYS | META_KEYS | {KEY_LEFTALT, KEY_RIGHTALT}
LOCK_KEYS = frozenset({KEY_CAPSLOCK, 69, 70})  # Num Lock and Scroll Lock change no character of a reader
END_KEYS = {KEY_ENTER: "\r", KEY_KPENTER: "\r", KEY_TAB: "\t"}
KEYS_AT_ONCE = 6  # as many as a report of the boot protocol holds
KEYS_THAT_OVERLAP = 2  # the next key may go down before the last one goes up
ALT_DIGITS = 4  # Alt and the keypad: three digits of the OEM page, or four with a leading zero of the Windows page


class NoCharacter(Enum):
    """What a key can mean that types nothing we can take. What it is worth is decided in device/key_decoder.py."""

    LOST = auto()  # the press of a character is missing
    OUT_OF_ORDER = auto()  # the press or the release of a modifier, or the press of Enter, is missing
    UNPRINTABLE = auto()  # the layout has no character there: it is not the reader's layout
    COMMAND = auto()  # a key that never stands for a character, as F1 or Backspace


Typed = str | NoCharacter  # "" for a key that types nothing, as Shift


class Keyboard:
    """The state of one reader's keys."""

    def __init__(self, layout: LayoutName, caps_lock: CapsLock = "ignored") -> None:
        """`caps_lock` says what the reader does when the box has Caps Lock on: nothing, or it turns its Shift around.

        Readers that switch Caps Lock off and on by themselves, with its key, are understood either way.
        """
        self._layout = LAYOUTS[layout]
        self._caps_lock = caps_lock
        self._light = False  # of Caps Lock, for a reader that minds it
        self._caps: bool | None = False  # None: events were lost, one of Caps Lock perhaps
        self._modifiers: set[int] = set()
        self._presses: deque[int | None] = deque(maxlen=KEYS_AT_ONCE)  # the last other keys; None for one let go
        self._scan_is_over = False
        self._alt_digits = ""
        self._after_dead = False

    @property
    def modified(self) -> bool:
        """Whether Shift, Alt or AltGr is held, as it never is at the end of a scan."""
        return not self._modifiers <= CONTROL_KEYS

    @property
    def holding(self) -> bool:
        """Whether a modifier is down: a character has begun."""
        return bool(self._modifiers)

    def let_go(self) -> None:
        """The scan is over. Releases that are still missing never come, but for those of its last two keys."""
        self._modifiers.clear()
        while len(self._presses) > KEYS_THAT_OVERLAP:
            self._presses.popleft()
        self._scan_is_over = True
        self._alt_digits = ""
        self._after_dead = False

    def rest(self) -> None:
        """Nothing was pressed or released for the idle time: no key is held that long."""
        self._presses.clear()

    def between_scans(self) -> None:
        """At rest, and no scan has begun: who switches Caps Lock for a scan has switched it back."""
        if self._caps is None:
            self._caps = self._light

    def forget(self) -> None:
        """Forget every key: events were lost, or the reader is a new one."""
        self._presses.clear()
        self._caps = None
        self.let_go()

    def caps_lock_light(self, *, on: bool) -> None:
        """The kernel switched the reader's Caps Lock light."""
        if self._caps_lock == "compensated":
            self._light = on
            self._caps = None if self._caps is None else on

    def press(self, key: int) -> Typed:
        """What the press of a key types."""
        if key in MODIFIER_KEYS:
            again = key in self._modifiers
            self._modifiers.add(key)
            return NoCharacter.OUT_OF_ORDER if again else ""
        self._hold(key)
        if key in LOCK_KEYS:
            if key == KEY_CAPSLOCK and self._caps is not None:
                self._caps = not self._caps
            return ""
        if key in END_KEYS:
            return END_KEYS[key]
        return self._character(key) if key in CHARACTER_KEYS else NoCharacter.COMMAND

    def release(self, key: int) -> Typed:
        """What the release of a key types: something only when it ends an Alt code."""
        if key in self._presses:
            self._presses[self._presses.index(key)] = None
            return ""
        if key not in self._modifiers:
            return NoCharacter.LOST if key in CHARACTER_KEYS else NoCharacter.OUT_OF_ORDER
        self._modifiers.remove(key)
        if key != KEY_LEFTALT or not self._alt_digits:
            return ""
        digits, self._alt_digits = self._alt_digits, ""
        return _alt_character(digits)

    def _hold(self, key: int) -> None:
        """Note that a key is down. One whose release is missing drops out, so that its next release is missed."""
        if self._scan_is_over:
            self._presses.clear()
            self._scan_is_over = False
        elif key in self._presses:
            self._presses[self._presses.index(key)] = None
        self._presses.append(key)

    def _character(self, key: int) -> Typed:
        control, left_alt = not self._modifiers.isdisjoint(CONTROL_KEYS), KEY_LEFTALT in self._modifiers
        if self._modifiers & META_KEYS:
            return NoCharacter.UNPRINTABLE
        if control and not left_alt:
            return self._control(key)
        if left_alt and not control:
            return self._collect_alt(key)
        return self._printable(key)

    def _printable(self, key: int) -> Typed:
        if self._caps is None and self._layout.is_letter(key):
            return NoCharacter.LOST
        swallowed = self._after_dead and key == KEY_SPACE  # a dead key and Space type the dead key's character
        level = self._level(key)
        character = self._layout.character(level, key) if level else None
        self._after_dead = level is not None and (level, key) in self._layout.dead
        if swallowed:
            return ""
        return NoCharacter.UNPRINTABLE if character is None else character

    def _level(self, key: int) -> Level | None:
        shift = not self._modifiers.isdisjoint(SHIFT_KEYS)
        if not self._modifiers.isdisjoint((KEY_RIGHTALT, KEY_LEFTALT)):  # AltGr, or Control and Alt as Windows takes it
            return None if shift else "altgr"
        if self._caps and self._layout.is_letter(key):
            shift = not shift
        return "shift" if shift else "plain"

    def _control(self, key: int) -> Typed:
        """Control and one of `A` to `_` is a control character; readers send GS (FNC1) as Control and `]`.

        Where the layout has none of these on the key, it is meant as on a US keyboard.
        """
        for layout in (self._layout, LAYOUTS["us"]):
            character = (layout.character("plain", key) or " ").upper()[0]
            if "A" <= character <= "_":
                return chr(ord(character) & 0x1F)
        return NoCharacter.UNPRINTABLE

    def _collect_alt(self, key: int) -> Typed:
        if key not in KEYPAD_DIGITS or len(self._alt_digits) == ALT_DIGITS:
            return NoCharacter.UNPRINTABLE
        self._alt_digits += KEYPAD_DIGITS[key]
        return ""


def _alt_character(digits: str) -> Typed:
    """The character that Windows makes of Alt and these digits."""
    code = int(digits)
    if not 0 < code <= 0xFF:
        return NoCharacter.UNPRINTABLE
    page = "cp1252" if digits[0] == "0" and len(digits) == ALT_DIGITS else "cp437"
    try:
        return bytes([code]).decode("ascii" if code < 0x80 else page)
    except UnicodeDecodeError:
        return NoCharacter.UNPRINTABLE
