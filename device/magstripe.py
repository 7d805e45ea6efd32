"""What a magstripe reader sends: tracks between sentinels, error marks, and what readers put around them. Pure.

    ESC % track 1 ? LRC ; track 2 ? LRC + track 3 ? LRC sensor

Any track can be missing; a track that could not be read is sent as `E`. ESC, LRC and sensor are options of the reader
(MagTek manuals 413744 pages 20 and 21, 413775 page 22; hardware.md 4). The LRC is the exclusive-or over the track's
symbols with both sentinels; where a reader sends it, it is checked. The sensor of an insertion reader says whether the
card is still in it.
"""

import re
from dataclasses import dataclass
from functools import reduce
from operator import xor

from device.interface import Torn

ESCAPE = "\x1b"
SENSOR = ("0", "1")
UNREADABLE = "E"
KINDS = {"%": 1, ";": 2, "+": 3}

# The alphabets of ISO/IEC 7811-2 without the sentinels.
_TRACK = re.compile(r"(?P<sentinel>%)(?P<six>[ -$&-*,-:<->@-_]*)\?|(?P<other>[;+])(?P<four>[0-9:<=>]*|E)\?")
_BEGINNING = re.compile(r"%B?[0-9]|;[0-9]")


@dataclass(frozen=True, slots=True)
class Track:
    """One track as the reader sent it."""

    sentinel: str
    data: str

    @property
    def readable(self) -> bool:
        return self.data != UNREADABLE

    @property
    def text(self) -> str:
        return f"{self.sentinel}{self.data}?"

    @property
    def lrc(self) -> str:
        """The check character of this track. Track 3 begins with `;` on the stripe; readers show that as `+`."""
        base, start = (0x20, "%") if self.sentinel == "%" else (0x30, ";")
        return chr(reduce(xor, (ord(symbol) - base for symbol in f"{start}{self.data}?")) + base)


def without_wrapping(text: str) -> str | Torn:
    """A stripe as its tracks alone, or why it is none; any other text as it is.

    "" for what an insertion reader sends when a card goes in or out without being read.
    """
    bare = text.removeprefix(ESCAPE)
    if bare != text and bare in SENSOR:
        return ""
    tracks = split_tracks(bare)
    if not tracks:
        return Torn.INTERLEAVED if _is_second_swipe(bare) else text
    if not any(track.readable for track in tracks):
        return Torn.READER_ERROR
    return "".join(track.text for track in tracks)


def split_tracks(text: str) -> tuple[Track, ...]:
    """The tracks of a whole stripe; none when the text is not a stripe from its first to its last character."""
    return _tracks_from(text, after=0) or ()


def _tracks_from(text: str, after: int) -> tuple[Track, ...] | None:
    """The tracks in `text`, each of a higher kind than the one before; None when anything else is there."""
    if not text or (after and text in SENSOR):
        return ()
    match = _TRACK.match(text)
    sentinel = match and (match["sentinel"] or match["other"])
    if not match or not sentinel or KINDS[sentinel] <= after:
        return None
    track = Track(sentinel, match["six"] if match["sentinel"] else match["four"])
    rest = text[match.end() :]
    following = _tracks_from(rest, KINDS[sentinel])
    if following is None and rest.startswith(track.lrc):
        following = _tracks_from(rest[1:], KINDS[sentinel])
    return None if following is None else (track, *following)


def _is_second_swipe(text: str) -> bool:
    """Whether a stripe begins, and the start sentinel of one of its tracks comes again."""
    return bool(_BEGINNING.match(text)) and text[0] in text[1:]
