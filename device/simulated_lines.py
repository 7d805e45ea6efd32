"""Modem lines without hardware: a pseudo-terminal has none, so these are put over one.

What the agent reads as CTS, DSR, DCD and RI, and the edges that a driver would have counted, are set here; what the
agent drives as DTR and RTS is seen here.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from device.tty import LineCounts, ModemLines, PortSettings, Tty, open_tty

Input = Literal["cts", "dsr", "dcd", "ri"]
Output = Literal["dtr", "rts"]

NO_EDGES = LineCounts(cts=0, dsr=0, dcd=0, ri=0, frame=0, overrun=0, parity=0, brk=0)


class SimulatedLines:
    """The lines of one simulated port. `driven` is called when the agent sets an output line."""

    def __init__(self, driven: Callable[[Output, bool], None]) -> None:
        self.levels = ModemLines(cts=False, dsr=False, dcd=False, ri=False)
        self.counts = NO_EDGES
        self.counting = True  # false: a driver without counters
        self.looks = 0  # how often the agent looked
        self.driven = driven

    def set_level(self, line: Input, *, high: bool) -> None:
        """Move an input line. An edge is counted as the 8250 does: of RI only the one from on to off."""
        before: bool = getattr(self.levels, line)
        self.levels = replace(self.levels, **{line: high})
        if before != high and (line != "ri" or before):
            self.counts = replace(self.counts, **{line: getattr(self.counts, line) + 1})

    def opener(self, settings: PortSettings) -> Tty:
        """Opens the port with these lines over it. Pass it as the drawer's `opener`."""
        return _TtyWithLines(open_tty(settings), self)


class _TtyWithLines:
    """A Tty whose bytes go to a pseudo-terminal and whose lines are simulated."""

    def __init__(self, tty: Tty, lines: SimulatedLines) -> None:
        self._tty = tty
        self._lines = lines
        self.fileno = tty.fileno
        self.read = tty.read
        self.write = tty.write
        self.unsent = tty.unsent
        self.discard = tty.discard
        self.close = tty.close

    def lines(self) -> ModemLines:
        self._tty.unsent()  # raises where the device is gone, as the kernel would
        self._lines.looks += 1
        return self._lines.levels

    def counts(self) -> LineCounts | None:
        return self._lines.counts if self._lines.counting else None

    def set_line(self, line: Output, *, high: bool) -> None:
        self._lines.driven(line, high)
