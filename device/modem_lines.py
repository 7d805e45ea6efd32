"""A drawer's switch on a modem line: samples of CTS, DSR, DCD or RI, and what happened between two of them.

The line is polled, since waiting for a change (TIOCMIWAIT) cannot be interrupted and some drivers refuse it
(hardware.md 1.5). The driver's edge counters (TIOCGICOUNT) tell of an open-and-close between two polls. Drivers count
each edge of CTS, DSR and DCD; of RI the 8250 counts only the one from on to off, which is enough here.

Cost of one poll (levels and counters), measured: see docs/hardware.md.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from device.tty import LineCounts, ModemLines, Tty

Line = Literal["cts", "dsr", "dcd", "ri"]

# Levels and counters are two questions to the driver; when an edge falls between them they are asked again. More edges
# than that in a row are noise, and the last answer is as good as any.
SAMPLE_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSample:
    """One look at a line: its level, the driver's count of its edges where it counts, and the time (monotonic)."""

    high: bool
    edges: int | None
    at: float


def sample(tty: Tty, line: Line, clock: Callable[[], float]) -> LineSample:
    """Look at the line now. Blocks where an adapter has to be asked. Raises LinesNotSupported, OSError."""
    before = tty.counts()
    for _ in range(SAMPLE_TRIES):
        lines, after = tty.lines(), tty.counts()
        if edges_of(before, line) == edges_of(after, line):
            break
        before = after
    return LineSample(high=level_of(lines, line), edges=edges_of(after, line), at=clock())


def level_of(lines: ModemLines, line: Line) -> bool:
    """The level of one line: True is on."""
    return {"cts": lines.cts, "dsr": lines.dsr, "dcd": lines.dcd, "ri": lines.ri}[line]


def edges_of(counts: LineCounts | None, line: Line) -> int | None:
    """The edges that the driver counted on one line."""
    if counts is None:
        return None
    return {"cts": counts.cts, "dsr": counts.dsr, "dcd": counts.dcd, "ri": counts.ri}[line]


class FlickerFinder:
    """PURE: finds edges between two samples of the same level.

    They are told one sample later, when the level still is what it was: edges right before a change are how the change
    began. Drivers restart their counters at nothing we could mistake: a port that was opened anew has a new finder.
    """

    def __init__(self) -> None:
        self._last: LineSample | None = None
        self._waiting: float | None = None

    def flicker(self, sample: LineSample) -> float | None:
        """Take the next sample; the time of a flicker before it, where there was one."""
        last, self._last = self._last, sample
        if last is None or last.high != sample.high:
            self._waiting = None
            return None
        found = self._waiting
        self._waiting = sample.at if sample.edges != last.edges else None
        return None if self._waiting is not None else found
