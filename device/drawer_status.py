"""PURE: bytes from a drawer or printer -> what its switch says. One small parser for each way of telling.

A parser is fed whatever arrived, in any pieces, with the time as a value, and gives back the readings that are now
complete. It never raises, whatever comes. Levels are raw (`high`); what they mean is the profile's `open_level`.

How bytes of a printer are told apart (Citizen CBM1000, "Identification of Send Status", hardware.md 1.2 and 1.3):

    0xx1xx10   ESC/POS: answer to DLE EOT            bit 2 = drawer pin 3, bit 3 = offline
    0xx1xx00   ESC/POS: first of four ASB bytes      bit 2 = drawer pin 3, bit 3 = offline
    0xx0xxxx   ESC/POS: ASB bytes two to four, or an answer to GS r or GS I
    0xx0xxx1   Star: first byte of a status block    its length is in this and the next byte
    0xx0xxx0   Star: the other bytes                 third byte: bit 2 = drawer switch, bit 3 = offline
    00010001   XON, 00010011 XOFF: flow control, may stand anywhere, also inside a block
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from device.drawer_profile import AsbStatus, QueryStatus, Status, StreamStatus

XON, XOFF = 0x11, 0x13

# DLE EOT 1 and ESC ACK SOH are answered at once, also by a printer that is offline.
ASB_QUESTIONS = {"escpos": b"\x10\x04\x01", "star": b"\x1b\x06\x01"}
# GS a 3: a block at each change of drawer or online state. ESC RS a 0: none by itself, since a Star printer must not be
# asked while it sends blocks by itself.
ASB_GREETINGS = {"escpos": b"\x1d\x61\x03", "star": b"\x1b\x1e\x61\x00"}

# A block is sent in one go. Four bytes take 4 ms at 9600 Bd, a Star block of 31 bytes 260 ms at 1200 Bd, and a USB
# adapter adds 16 ms (hardware.md 5.3): what is not whole after this long never will be, and its rest is something else.
HALF_BLOCK_S = 0.5

# How long an answer may take: five bytes there and back at 300 Bd take 0.35 s, and an adapter adds its latency. What
# comes later may be about a drawer that has moved since.
ANSWER_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One complete status: the raw level of the drawer's switch, and whether the printer says it is offline."""

    high: bool
    offline: bool = False
    at: float


class StatusParser(Protocol):
    """Turns bytes into readings. `strange` counts the bytes since the last reading that belong to no status."""

    strange: int

    def asked(self, at: float) -> Iterable[Reading]:
        """The question is sent now; the readings that this makes of the answer to the one before."""
        ...

    def feed(self, data: bytes, at: float) -> Iterable[Reading]:
        """Take bytes that arrived at `at` (monotonic seconds) and give the readings they complete."""
        ...


class EscposParser:
    """Answers to `DLE EOT 1` and four-byte ASB blocks, mixed with whatever else the printer sends."""

    def __init__(self) -> None:
        self.strange = 0
        self._half = bytearray()
        self._half_since = 0.0

    def asked(self, at: float) -> list[Reading]:
        del at  # an answer carries its own mark
        return []

    def feed(self, data: bytes, at: float) -> list[Reading]:
        return [reading for byte in data if (reading := self._byte(byte, at))]

    def _byte(self, byte: int, at: float) -> Reading | None:
        if byte in (XON, XOFF):
            return None
        if byte & 0x93 == 0x12:
            return self._reading(byte, at)
        if byte & 0x93 == 0x10:
            self.strange += len(self._half)
            self._half, self._half_since = bytearray([byte]), at
            return None
        return self._rest_of_a_block(byte, at)

    def _rest_of_a_block(self, byte: int, at: float) -> Reading | None:
        if byte & 0x90:
            self.strange += 1
            self._half.clear()
            return None
        if at - self._half_since > HALF_BLOCK_S:
            self._half.clear()
        if self._half:
            self._half.append(byte)
        if len(self._half) < 4:
            return None
        first = self._half[0]
        self._half.clear()
        return self._reading(first, at)

    def _reading(self, byte: int, at: float) -> Reading:
        self.strange = 0
        return Reading(high=bool(byte & 0x04), offline=bool(byte & 0x08), at=at)


class StarParser:
    """Star status blocks, asked for or sent by the printer itself."""

    def __init__(self) -> None:
        self.strange = 0
        self._block = bytearray()
        self._since = 0.0

    def asked(self, at: float) -> list[Reading]:
        del at  # a block carries its own mark
        return []

    def feed(self, data: bytes, at: float) -> list[Reading]:
        return [reading for byte in data if (reading := self._byte(byte, at))]

    def _byte(self, byte: int, at: float) -> Reading | None:
        if byte in (XON, XOFF):
            return None
        if byte & 0x91 == 0x01:
            self.strange += len(self._block)
            self._block, self._since = bytearray([byte]), at
            return None
        if not self._block or byte & 0x91 or at - self._since > HALF_BLOCK_S:
            self.strange += 1
            self._block.clear()
            return None
        self._block.append(byte)
        return self._whole(at) if len(self._block) >= self._length() else None

    def _length(self) -> int:
        """The first byte names it in bits 6, 5, 3, 2 and 1. A block without its third byte tells nothing."""
        first = self._block[0]
        return max(3, (first >> 2 & 0x18) | (first >> 1 & 0x07))

    def _whole(self, at: float) -> Reading:
        state = self._block[2]
        self._block.clear()
        self.strange = 0
        return Reading(high=bool(state & 0x04), offline=bool(state & 0x08), at=at)


class QueryParser:
    """Answers to a question of the profile.

    Most answers are a byte without any mark of its own. So an answer is judged when the next question is asked, and
    counts only when it is all that came: noise beside it, an answer for another drawer, one that came too late or that
    nobody asked for are no answer.
    """

    def __init__(self, status: QueryStatus) -> None:
        self.strange = 0
        self._status = status
        self._asked_at: float | None = None
        self._came = bytearray()
        self._came_at = 0.0

    def asked(self, at: float) -> list[Reading]:
        reading = self._judge()
        self._asked_at = at
        self._came.clear()
        return [reading] if reading else []

    def feed(self, data: bytes, at: float) -> list[Reading]:
        if self._asked_at is None or at - self._asked_at > ANSWER_S:
            self.strange += len(data)
        else:
            self._came += data[: len(self._status.answer_prefix) + 2]  # one more than an answer has tells enough
            self._came_at = at
        return []

    def _judge(self) -> Reading | None:
        prefix, answer = self._status.answer_prefix, bytes(self._came)
        masked = answer[-1] & self._status.mask if answer[:-1] == prefix and answer else None
        high = masked == self._status.value
        if masked is None or not (high or self._status.other_value in (None, masked)):
            self.strange += len(answer)
            return None
        self.strange = 0
        return Reading(high=high, at=self._came_at)


class StreamParser:
    """One byte again and again means high; silence after it means low; silence before it means nothing at all."""

    def __init__(self, status: StreamStatus) -> None:
        self.strange = 0
        self._byte = status.byte
        self._gap_s = status.gap_ms / 1000
        self.ends_at: float | None = None  # when silence means low, if nothing comes before; None: nothing ever came

    def asked(self, at: float) -> list[Reading]:
        del at  # nobody asks a drawer that streams
        return []

    def feed(self, data: bytes, at: float) -> list[Reading]:
        seen = data.count(self._byte)
        self.strange += len(data) - seen
        if not seen:
            return self.silent(at)
        self.ends_at = at + self._gap_s
        self.strange = 0
        return [Reading(high=True, at=at)]

    def silent(self, at: float) -> list[Reading]:
        """What it means that nothing came until `at`."""
        if self.ends_at is None or at < self.ends_at:
            return []
        return [Reading(high=False, at=at)]


def question_of(status: Status) -> bytes:
    """What asks for the status; empty where nobody asks."""
    if isinstance(status, AsbStatus):
        return ASB_QUESTIONS[status.printer]
    return status.question if isinstance(status, QueryStatus) else b""


def greeting_of(status: Status) -> bytes:
    """What is sent once to a device that was just connected or switched on; empty where nothing is."""
    return ASB_GREETINGS[status.printer] if isinstance(status, AsbStatus) else b""


def parser_of(status: Status) -> StatusParser | None:
    """The parser for a status source; None where no bytes tell anything."""
    if isinstance(status, QueryStatus):
        return QueryParser(status)
    if isinstance(status, StreamStatus):
        return StreamParser(status)
    if isinstance(status, AsbStatus):
        return EscposParser() if status.printer == "escpos" else StarParser()
    return None
