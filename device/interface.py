"""What a scanner and a cash drawer are, and what they report. No IO here.

A device is wanted for ever: `run` opens it, reads it, and opens it again after it was lost, until it is cancelled.
It never raises for a missing or broken device; it reports. Reports are delivered by calling `report` on the event
loop; the receiver must not block.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

Level = Literal["open", "closed", "unknown"]
DeviceKind = Literal["scanner", "drawer", "printer", "paid_message"]
Presence = Literal["present", "missing", "lost", "fault"]


class Torn(StrEnum):
    """Why a scan was thrown away whole. Each is shown to people as `torn`; the value is for the log."""

    DROPPED = "dropped"  # a part is missing: the kernel's queue overflowed (SYN_DROPPED), or the keys show it
    STALLED = "stalled"  # the suffix did not come within the idle time
    INTERLEAVED = "interleaved"  # a second scan began inside the first
    OVERFLOW = "overflow"  # longer than any code
    LINE_ERROR = "line-error"  # the port counted an overrun, a framing or a parity error
    UNDECODABLE = "undecodable"  # a key or byte that no code contains
    READER_ERROR = "reader-error"  # the reader itself says that it could not read (magstripe `;E?`)
    LOST = "lost"  # the reader was unplugged in the middle


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One complete scan. `text` is what was read, without prefix, suffix and AIM identifier."""

    scanner: str
    text: str = field(repr=False)
    symbology: str | None = None  # the AIM identifier, as "]C0"
    at: float  # monotonic seconds of the last key or byte


@dataclass(frozen=True, slots=True, kw_only=True)
class TornScan:
    """Something was read and is not complete. Nothing of it is kept."""

    scanner: str
    reason: Torn
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceState:
    """A device came, went, or cannot be used."""

    name: str
    kind: DeviceKind
    state: Presence
    reason: str | None = None  # one plain line that says what to do
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerLevel:
    """What the status source says now. Sent after each change, and once as the first status of a connection.

    `connection` counts the openings of the port: a new number means that the line was broken in between.
    """

    drawer: str
    level: Level
    connection: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidMessage:
    """A line from a till or cash machine that says the money is in."""

    drawer: str
    amount: int | None  # cents, where the message has one
    connection: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TornMessage:
    """A line from a till or cash machine that cannot be read whole. It may have said that the money is in."""

    drawer: str
    at: float


Report = Scan | TornScan | DeviceState | DrawerLevel | PaidMessage | TornMessage
Receiver = Callable[[Report], None]


class Scanner(Protocol):
    """A barcode or magstripe reader."""

    @property
    def name(self) -> str: ...

    async def run(self, report: Receiver) -> None:
        """Read until cancelled."""


class DrawerRefused(Exception):
    """The pulse was certainly not sent. The text says why, and what to do."""


class PrintRefused(Exception):
    """Certainly nothing was printed. The text says why, and what to do."""


class PrintInterrupted(Exception):
    """Part of the receipt may have been printed, and the rest never will be. The text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawerCapabilities:
    """What this drawer can tell. UnifiedPOS: CapStatus, CapStatusMultiDrawerDetect.

    `cut_wire` is the level that a cut status wire cannot be told from, `unknown` where no document says it.
    """

    status: bool
    multi_drawer_detect: bool = False
    cut_wire: Level = "unknown"


class CashDrawer(Protocol):
    """A drawer, however it is wired."""

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> DrawerCapabilities: ...

    async def run(self, report: Receiver) -> None:
        """Hold the port and read the status until cancelled."""

    async def open_drawer(self, still_wanted: Callable[[], bool]) -> float:
        """Send the pulse once and return the monotonic time at which its last byte was handed to the port.

        `still_wanted` is asked immediately before the bytes go.
        Raises DrawerRefused when nothing was sent: no port, recharging, offline, no longer wanted.
        """
        ...


class ReceiptPrinter(Protocol):
    """Takes finished bytes; shares the port when the drawer hangs on the printer."""

    @property
    def name(self) -> str: ...

    async def run(self, report: Receiver) -> None:
        """Look after the printer, and report how it is, until cancelled."""

    async def print_bytes(self, data: bytes) -> None:
        """Send one receipt.

        Raises PrintRefused when nothing was sent, PrintInterrupted when part of it may have been printed.
        """
        ...
