"""From the reports of a reader in HID POS mode (usage page 8C) to whole scans. Pure.

Input report 2, 64 bytes with its number (hardware.md 3.5; the layout of published drivers, not of the standard):

    0       02, the number of the report
    1       how many bytes of data
    2 or 3  the AIM identifier, three characters that begin with `]`; where neither has it the report is no scan
    then    the data
    61      the maker's own letter for the kind of code
    63      not 0: the scan goes on in the next report

Each report of a scan carries the identifier again. There is no count, so a report that the kernel dropped leaves no
mark inside a scan; the driver tells when its queue was full. A torn scan lasts until a last report has come and nothing
came for the idle time after it.
"""

from dataclasses import dataclass
from typing import Final

from device.interface import Torn
from device.scan_text import MAX_CHARACTERS, Discard, Outcome, decoded, scan_or_torn

REPORT_ID, REPORT_BYTES = 2, 64
LENGTH_AT, IDENTIFIER_AT, DATA_END, GOES_ON_AT = 1, (2, 3), 61, 63
IDENTIFIER_BYTES = 3

IDLE_S: Final = 0.15  # the reports of one scan follow each other within milliseconds


@dataclass(frozen=True, slots=True)
class Part:
    """One report of a scan."""

    identifier: str
    data: bytes
    goes_on: bool


def parse(report: bytes) -> Part | Torn | None:
    """What a report says; None for one that belongs to no scan."""
    if not report or report[0] != REPORT_ID:
        return None
    if len(report) != REPORT_BYTES:
        return Torn.UNDECODABLE
    start = next((place for place in IDENTIFIER_AT if report[place : place + 1] == b"]"), None)
    if start is None:
        return None
    first = start + IDENTIFIER_BYTES
    if first + report[LENGTH_AT] > DATA_END:
        return Torn.UNDECODABLE
    identifier = report[start:first].decode("latin-1")
    return Part(identifier, report[first : first + report[LENGTH_AT]], report[GOES_ON_AT] != 0)


class HidPosDecoder:
    """Takes the reports of one reader in order. It outlives the connections: what was torn stays torn."""

    def __init__(self, scanner: str, *, idle_s: float = IDLE_S) -> None:
        self._scanner = scanner
        self._idle_s = idle_s
        self._identifier: str | None = None
        self._received = bytearray()
        self._discard = Discard(scanner)
        self._end_was_last = False  # while discarding: nothing came after a last report
        self._last = 0.0
        self._opened = -idle_s

    def opened(self, at: float) -> None:
        """The reader was opened. What comes before it was silent for the idle time can be the rest of something."""
        self._opened = at

    def lost(self, at: float) -> tuple[Outcome, ...]:
        """The reader is gone."""
        outcomes = self.wake(at)
        if self._identifier is not None:
            self._tear(Torn.LOST)
        return outcomes + self._discard.report(at)

    def wake_at(self) -> float | None:
        """When `wake` has something to say if nothing comes before."""
        pending = self._identifier is not None or self._discard.unreported
        return self._last + self._idle_s if pending else None

    def wake(self, now: float) -> tuple[Outcome, ...]:
        """Time has passed: a scan stalled between two reports, or a torn one is over."""
        if now < self._last + self._idle_s:
            return ()
        if self._identifier is not None:
            self._tear(Torn.STALLED)
        outcomes = self._discard.report(self._last)
        if self._end_was_last:
            self._discard.end()
            self._end_was_last = False
        return outcomes

    def dropped(self, at: float) -> None:
        """The kernel's queue was full: reports can be missing after the last one."""
        self._last = at
        self._tear(Torn.DROPPED)

    def feed(self, report: bytes, at: float) -> tuple[Outcome, ...]:
        """Take the next report, its number first."""
        outcomes = self.wake(at)
        part = parse(report)
        if part is None and self._identifier is not None and report[0] == REPORT_ID:
            part = Torn.UNDECODABLE  # where the next part of a scan was due
        if part is None:
            return outcomes
        self._last = at
        if isinstance(part, Torn):
            self._tear(part)
            return outcomes
        return outcomes + self._take(part, at)

    def _take(self, part: Part, at: float) -> tuple[Outcome, ...]:
        if self._discard.active:
            self._discard.go_on()
        elif at < self._opened + self._idle_s:
            self._tear(Torn.LOST)
        elif self._identifier not in (None, part.identifier):
            self._tear(Torn.INTERLEAVED)
        elif len(self._received) + len(part.data) > MAX_CHARACTERS:
            self._tear(Torn.OVERFLOW)
        else:
            self._identifier = part.identifier
            self._received += part.data
            return () if part.goes_on else self._end(part.identifier, at)
        self._end_was_last = not part.goes_on
        return ()

    def _end(self, identifier: str, at: float) -> tuple[Outcome, ...]:
        """The last report of a scan has come."""
        text = decoded(self._received)
        self._received.clear()
        self._identifier = None
        if text is None:
            self._tear(Torn.UNDECODABLE)
            self._end_was_last = True
            return ()
        scan = scan_or_torn(self._scanner, identifier + text, at) if text else None
        return (scan,) if scan else ()

    def _tear(self, reason: Torn) -> None:
        self._received.clear()
        self._identifier = None
        self._end_was_last = False
        self._discard.begin(reason)
