"""From the kernel's key events of one reader to whole scans. Pure: the times are those of the events.

A scan is delivered only when every one of its keys was seen, from its first to its suffix. Everything else is thrown
away whole, and the rule for what follows is what keeps half a number from ever coming out:

    A torn scan lasts until its suffix has come. Nothing else ends it, however long it takes.

After a gap the decoder cannot know whether the next keys are the rest of the torn scan or a new one, and the rest
alone, ending in Enter, is a valid short code. So it is thrown away up to its suffix. When the torn scan had no rest
(the reader gave up) that costs one good scan, which is reported as torn and scanned again; a rule by time would cost
nobody anything until the day it delivers a wrong code. A reader that was lost in the middle of a scan is held to the
same rule when it comes back, because a radio reader sends the rest then.

Each burst of keys that is thrown away is reported once, when it ends: at its suffix, or after the idle time. What a
keyboard repeats by itself is no sign of life.

A reader without a suffix has only silence as its end. A pause inside a scan that is longer than the idle time cannot
be told from the end then: give the reader a suffix.
"""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from device.interface import Torn
from device.keyboard import CapsLock, Keyboard, NoCharacter, Typed
from device.keyboard_layouts import LayoutName
from device.scan_text import BLANK, MAX_CHARACTERS, Discard, Outcome, is_decodable, scan_or_torn

EV_SYN, EV_KEY, EV_LED = 0x00, 0x01, 0x11
SYN_DROPPED, LED_CAPSL = 3, 1
RELEASED, PRESSED = 0, 1  # 2 is the keyboard's own repeating

IDLE_S: Final = 0.15  # slow readers type a key each 80 to 100 ms

Suffix = Literal["enter", "tab", "none"]
SUFFIXES: dict[Suffix, frozenset[str]] = {
    "enter": frozenset("\r\n"),
    "tab": frozenset("\t"),
    "none": frozenset(),
}


class InputEvent(NamedTuple):
    """One event of an input device, as the kernel's struct input_event has it; `at` in monotonic seconds."""

    at: float
    type: int
    code: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyReading:
    """How a keyboard-mode reader is set."""

    layout: LayoutName = "us"
    suffix: Suffix = "enter"
    prefix: str = ""
    caps_lock: CapsLock = "ignored"
    idle_s: float = IDLE_S


class KeyDecoder:
    """Takes the events of one reader in order. It outlives the connections: what was torn stays torn."""

    def __init__(self, scanner: str, reading: KeyReading) -> None:
        self._scanner = scanner
        self._reading = reading
        self._suffixes = SUFFIXES[reading.suffix]
        self._keyboard = Keyboard(reading.layout, reading.caps_lock)
        self._characters: list[str] = []
        self._discard = Discard(scanner)
        self._last = 0.0
        self._opened = -reading.idle_s

    def opened(self, at: float) -> None:
        """The reader was opened. Keys that come before it was silent for the idle time are the rest of something."""
        self._opened = at

    def lost(self, at: float) -> tuple[Outcome, ...]:
        """The reader is gone."""
        outcomes = self.wake(at)
        if self._begun:
            self._tear(Torn.LOST)
        self._keyboard.forget()
        return outcomes + self._discard.report(at)

    def wake_at(self) -> float | None:
        """When `wake` has something to say if nothing comes before."""
        return self._last + self._reading.idle_s if self._begun or self._discard.unreported else None

    def wake(self, now: float) -> tuple[Outcome, ...]:
        """Time has passed: the end of a scan without suffix, or a scan that stalled."""
        due = self.wake_at()
        if due is None or now < due:
            return ()
        if not self._suffixes:
            return self._end(self._last)
        if self._begun:
            self._tear(Torn.STALLED)
        return self._discard.report(self._last)

    def feed(self, event: InputEvent) -> tuple[Outcome, ...]:
        """Take the next event. Usually nothing comes of it."""
        if event.type == EV_KEY and event.value in (RELEASED, PRESSED):
            return self._key(event)
        if event.type == EV_SYN and event.code == SYN_DROPPED:
            self._dropped(event.at)
        if event.type == EV_LED and event.code == LED_CAPSL:
            self._keyboard.caps_lock_light(on=bool(event.value))
        return ()

    @property
    def _begun(self) -> bool:
        """A Shift that is held through a silence counts: it would turn the keys of the next scan around."""
        return bool(self._characters) or self._keyboard.holding

    def _dropped(self, at: float) -> None:
        """The time since the last event was no silence: it was full of the events that are missing."""
        self._last = at
        self._tear(Torn.DROPPED)
        self._keyboard.forget()

    def _key(self, event: InputEvent) -> tuple[Outcome, ...]:
        outcomes = self.wake(event.at)
        if event.at >= self._last + self._reading.idle_s:
            self._keyboard.rest()
            if not self._discard.active:
                self._keyboard.between_scans()
        self._last = event.at
        if event.value == RELEASED:
            typed = self._keyboard.release(event.code)
        else:
            self._refuse_the_rest(event.at)
            typed = self._keyboard.press(event.code)
        return outcomes + self._take(typed, event.at) if typed else outcomes

    def _refuse_the_rest(self, at: float) -> None:
        """What is pressed right after the reader was opened began before."""
        if at < self._opened + self._reading.idle_s and not self._discard.active:
            self._tear(Torn.LOST)

    def _take(self, typed: Typed, at: float) -> tuple[Outcome, ...]:
        if isinstance(typed, NoCharacter):
            self._refuse(typed)
        elif typed in self._suffixes:
            return self._end(at)
        elif self._discard.active:
            self._discard.go_on()
        elif len(self._characters) == MAX_CHARACTERS:
            self._tear(Torn.OVERFLOW)
        elif not is_decodable(typed, self._reading.prefix):
            self._tear(Torn.UNDECODABLE)
        elif self._characters or typed not in BLANK:
            self._characters.append(typed)
        return ()

    def _refuse(self, typed: NoCharacter) -> None:
        """Outside of a scan only a key of a character shows that one began."""
        match typed:
            case NoCharacter.LOST:
                self._tear(Torn.DROPPED)
            case NoCharacter.UNPRINTABLE:
                self._tear(Torn.UNDECODABLE)
            case NoCharacter.OUT_OF_ORDER if self._begun:
                self._tear(Torn.DROPPED)
            case NoCharacter.COMMAND if self._characters:
                self._tear(Torn.UNDECODABLE)

    def _end(self, at: float) -> tuple[Outcome, ...]:
        """The suffix has come, or the silence that stands for it."""
        if self._begun and self._keyboard.modified:
            self._tear(Torn.DROPPED)
        outcomes = self._discard.report(at)
        self._discard.end()
        self._keyboard.let_go()
        scan = scan_or_torn(self._scanner, "".join(self._characters), at, prefix=self._reading.prefix)
        self._characters.clear()
        self._discard.after(scan)
        return (*outcomes, scan) if scan else outcomes

    def _tear(self, reason: Torn) -> None:
        self._characters.clear()
        self._keyboard.let_go()
        self._discard.begin(reason)
