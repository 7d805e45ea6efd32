"""Readers that scan, and everything that can go wrong between a reader and its decoder. Same seed, same streams.

A Stream is what one decoder is fed, and what was really on the codes. Faults are those that leave a mark, as real ones
do: the kernel says when its queue overflowed and never reports a release without its press; a driver counts damaged
bytes; a reader that stops leaves silence. What leaves no mark is out of every decoder's reach (docs): a line that
swaps digits, lost bytes that nobody counts, a pause inside a scan of a reader without suffix.
"""

from dataclasses import dataclass
from random import Random

from device.hidpos_decoder import HidPosDecoder
from device.key_decoder import InputEvent, KeyDecoder
from device.line_decoder import LineDecoder
from device.magstripe import Track

IDLE_S = 0.15
FAULTY = 0.4  # of all scans


def seeded(seed: int | str) -> Random:
    """What the generators draw from."""
    return Random(seed)  # noqa: S311 - no secret: the same seed must give the same streams


@dataclass(frozen=True, slots=True)
class Opened:
    """The reader was opened at this time."""

    at: float


@dataclass(frozen=True, slots=True)
class Lost:
    """The reader was unplugged at this time."""

    at: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that were read from a port at once, or one report."""

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Loss:
    """Noticed at this time: the kernel dropped reports, or the driver of a port counted errors."""

    at: float


@dataclass(frozen=True, slots=True)
class Silence:
    """A port was looked at, and nothing lay there."""

    at: float


Step = InputEvent | Opened | Lost | Chunk | Loss | Silence


@dataclass(slots=True)
class Code:
    """What was really scanned, and when its first and its last sign of life came."""

    text: str | None  # None: nothing may be delivered, as for a card that the reader could not read
    symbology: str | None = None
    hurt: bool = False
    first: float = float("inf")
    last: float = float("-inf")

    @property
    def was_seen(self) -> bool:
        return self.first <= self.last

    def seen(self, at: float) -> None:
        self.first = min(self.first, at)
        self.last = max(self.last, at)


@dataclass(frozen=True, slots=True)
class Sign:
    """A moment at which something came from the reader."""

    at: float
    ends: bool = False  # a suffix, or a last report
    bridges: bool = False  # no silence lies before it, however long ago the last one was


@dataclass(slots=True)
class Stream:
    """What one decoder is fed, and the truth about it."""

    decoder: KeyDecoder | LineDecoder | HidPosDecoder
    steps: list[Step]
    codes: list[Code]
    signs: list[Sign]


@dataclass(frozen=True, slots=True)
class Printed:
    """A code as the reader sends it, and as it is to be delivered."""

    sent: str
    text: str | None
    symbology: str | None


CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz -./:$"


def a_code(random: Random) -> Printed:
    """A loyalty card, an article, a label, a stripe; sometimes with an AIM identifier in front."""
    kind = random.choices(["card", "article", "label", "gs1", "stripe"], [50, 15, 12, 5, 18])[0]
    if kind == "stripe":
        return a_stripe(random)
    digits = "".join(random.choices("0123456789", k=20))
    text = {"card": f"9276{digits[:12]}", "article": digits[:13], "gs1": f"01{digits[:14]}10AB\x1d21{digits[14:]}"}.get(
        kind, "X" + "".join(random.choices(CHARACTERS, k=random.randint(1, 40))) + "X"
    )
    symbology = random.choice([None, None, "]C0", "]Q1", "]E0"])
    return Printed((symbology or "") + text, text, symbology)


def a_stripe(random: Random) -> Printed:
    """Tracks with and without check characters and the sensor of an insertion reader."""
    number = "9276" + "".join(random.choices("0123456789", k=12))
    choices = [
        (Track("%", f"B{number}^MUSTER/ERIKA^2512"), Track(";", f"{number}=2512")),
        (Track(";", f"{number}=2512101"),),
        (Track("%", "E"), Track(";", number)),
        (Track(";", number), Track("+", f"01{number}=1")),
        (Track("%", "E"), Track(";", "E")),
    ]
    tracks = random.choice(choices)
    with_check = random.random() < 0.3
    sent = "".join(track.text + (track.lrc if with_check and track.readable else "") for track in tracks)
    readable = any(track.readable for track in tracks)
    return Printed(sent, "".join(track.text for track in tracks) if readable else None, None)
