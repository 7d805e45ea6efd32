"""From the bytes of one serial reader to whole scans. Pure: the times at which the bytes were read are given.

Ends that are recognised without being told: CR, LF, CR LF, and STX … ETX, where CR and LF inside belong to the text.
A reader that has sent one frame frames all of its scans; a line without STX has lost its beginning then. A text is
UTF-8, which plain ASCII is too; other bytes are noise, or the wrong parity.

A torn scan lasts until an end has come *and* the line was silent for the idle time after it. The end alone is not
enough as it is for keys (device/key_decoder.py): a line can turn any byte into a CR, and the driver counts an error
before the byte it belongs to is read, or after. The silence shows that nothing of the torn scan is on its way.

Without a suffix the silence is the end, also of a torn scan. CR, LF and ETX still end one at once.

Silence is what `wake` says, and nothing else: somebody looked at the line after the idle time, and nothing lay there.
The time between two reads is none. A process that stood still reads late what came in one burst; taken for silence,
that would make two scans of one. Where a stall hides a true gap, two scans become one, which is no card.
"""

import re
from dataclasses import dataclass
from typing import Final

from device.interface import Torn
from device.key_decoder import Suffix
from device.scan_text import MAX_CHARACTERS, Discard, Outcome, decoded, scan_or_torn

IDLE_S: Final = 0.15  # a scan comes in one burst; this is what an adapter may hold bytes back, many times over

STX, ETX, CR, LF, TAB = b"\x02", b"\x03", b"\r", b"\n", b"\t"
_TOKENS = re.compile(rb"[\x02\x03\r\n\t]|[^\x02\x03\r\n\t]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineReading:
    """How a serial reader is set.

    The suffix "enter" is CR, LF, CR LF or ETX; "tab" is a tabulator beside these; "none" makes silence an end. With
    STX in the prefix, STX is a prefix and begins no frame.
    """

    suffix: Suffix = "enter"
    prefix: str = ""
    idle_s: float = IDLE_S


class LineDecoder:
    """Takes the bytes of one reader in order. It outlives the connections: what was torn stays torn."""

    def __init__(self, scanner: str, reading: LineReading) -> None:
        self._scanner = scanner
        self._reading = reading
        self._frames = "\x02" not in reading.prefix
        self._ends = (CR, LF, TAB) if reading.suffix == "tab" else (CR, LF)
        self._received = bytearray()
        self._framed = False  # inside a frame
        self._always_framed = False
        self._discard = Discard(scanner)
        self._end_was_last = False  # while discarding: nothing came after an end
        self._last = 0.0
        self._was_silent = True  # since the port was opened

    def opened(self, at: float) -> None:
        """The port was opened. Bytes that come before it was silent for the idle time are the rest of something."""
        self._last = at
        self._was_silent = False
        self._always_framed = False

    def lost(self, at: float) -> tuple[Outcome, ...]:
        """The port is gone, and with it what nobody had read yet: no silence ends a scan now."""
        if self._reading_one:
            self._tear(Torn.LOST)
        return self._discard.report(at)

    def wake_at(self) -> float | None:
        """When to look whether the line is silent, if nothing comes before."""
        pending = self._reading_one or self._discard.unreported or not self._was_silent
        return self._last + self._reading.idle_s if pending else None

    def wake(self, now: float) -> tuple[Outcome, ...]:
        """Nothing lay on the line at `now`: the end of a scan without suffix, a stalled one, or the end of a torn one.

        To be called only after the line was looked at, and before anything more of it is read.
        """
        if now < self._last + self._reading.idle_s:
            return ()
        self._was_silent = True
        outcomes: tuple[Outcome, ...] = ()
        if self._reading_one and self._reading.suffix == "none" and not self._framed:
            outcomes = self._end(self._last)
        elif self._reading_one:
            self._tear(Torn.STALLED)
        outcomes += self._discard.report(self._last)
        if self._end_was_last or self._reading.suffix == "none":
            self._discard.end()
            self._end_was_last = False
        return outcomes

    def damaged(self, at: float) -> None:
        """The driver counted errors since the last call: neither what came before nor what comes now is to be trusted.

        To be told before `feed` and before `wake`: the time since the last byte was no silence then.
        """
        self._last = at
        self._tear(Torn.LINE_ERROR)

    def feed(self, data: bytes, at: float) -> tuple[Outcome, ...]:
        """Take what was read at `at`."""
        self._last = at
        outcomes: list[Outcome] = []
        for token in _TOKENS.findall(data):
            outcomes.extend(self._take(token, at))
        return tuple(outcomes)

    @property
    def _reading_one(self) -> bool:
        return self._framed or bool(self._received)

    def _take(self, token: bytes, at: float) -> tuple[Outcome, ...]:
        if self._discard.active:
            self._end_was_last = token in (*self._ends, ETX)
            self._discard.go_on()
        elif token == STX and self._frames:
            self._begin_frame()
        elif token == ETX and self._framed:
            return self._end(at)
        elif token == ETX and self._frames:
            self._end_without_frame()
        elif token in self._ends and not self._framed:
            return self._end(at)
        else:
            self._keep(token)
        return ()

    def _begin_frame(self) -> None:
        if self._reading_one:
            self._tear(Torn.INTERLEAVED)
        else:
            self._framed = True

    def _end_without_frame(self) -> None:
        """Nothing after a line that ended in CR; after a text it is the end of a frame whose beginning is missing."""
        if self._received:
            self._tear(Torn.DROPPED)
            self._end_was_last = True

    def _keep(self, token: bytes) -> None:
        if not self._was_silent:
            self._tear(Torn.LOST)
        elif len(self._received) + len(token) > MAX_CHARACTERS:
            self._tear(Torn.OVERFLOW)
        else:
            self._received += token

    def _end(self, at: float) -> tuple[Outcome, ...]:
        text = decoded(self._received, self._reading.prefix)
        begins = self._framed or not (self._always_framed and text)
        self._always_framed |= self._framed
        self._received.clear()
        self._framed = False
        if text is None or not begins:
            self._tear(Torn.UNDECODABLE if text is None else Torn.DROPPED)
            self._end_was_last = True
            return ()
        scan = scan_or_torn(self._scanner, text, at, prefix=self._reading.prefix)
        self._discard.after(scan)
        return (scan,) if scan else ()

    def _tear(self, reason: Torn) -> None:
        self._received.clear()
        self._framed = False
        self._end_was_last = False
        self._discard.begin(reason)
