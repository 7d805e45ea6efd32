"""How a card number can be stored and afterwards be in no file: in two halves, of which one is overwritten in place.

The table `card` holds the digits combined (exclusive or) with a random pad, and where the pad stands: a slot in a small
file beside the journal. Either half alone is noise. When a card is wiped its slot is filled with a new pad, which
destroys the number wherever SQLite still has its half: in the write-ahead log, in a free page, in a copy of the file.
Truncating the log at the end of each checkout would do as well, but slows every commit: see
docs/decisions/0006-card-numbers-are-wiped-by-their-pad.md.

All pads are on the disk before they are needed, so that storing a card costs no further write.
"""

import errno
import os
import secrets
from collections import deque
from collections.abc import Collection, Iterator, Sequence

from agent.card import LONGEST_NUMBER, CardNumber
from agent.journal.errors import Damaged, NotWritten

SLOTS = 1024  # cards of unfinished checkouts at a time; offline cash is limited to far fewer
_SLOT_BYTES = 32  # a pad of the longest number, and no pad in two sectors of the disk


class Pads:
    """The pads of one journal. Blocking: used on the journal's executor."""

    def __init__(self, descriptor: int) -> None:
        """Take over an open file, for reading and writing; the caller closes it."""
        self._descriptor = descriptor
        self._pads = bytearray(os.pread(descriptor, SLOTS * _SLOT_BYTES, 0).ljust(SLOTS * _SLOT_BYTES, b"\0"))
        self._fresh: deque[int] = deque()

    def hide(self, card: CardNumber) -> tuple[int, bytes]:
        """Return a slot and what to store beside it. The slot is used up, whether the commit succeeds or not.

        Raises NotWritten when no slot is left.
        """
        if not self._fresh:
            raise NotWritten(f"there are {SLOTS} cards of unfinished checkouts")
        slot = self._fresh.popleft()
        return slot, self._combine(slot, card.value.encode())

    def reveal(self, slot: int, hidden: bytes) -> CardNumber:
        """Raise Damaged if the pad is not the one that the card was hidden with."""
        try:
            return CardNumber(self._combine(slot, hidden).decode("ascii"))
        except ValueError:
            raise Damaged("a stored card can't be read: its pad is missing") from None

    def renew(self, in_use: Collection[int]) -> None:
        """Put a new pad, durable, into each slot that is not in use and was used. Raises NotWritten."""
        stale = sorted(set(range(SLOTS)).difference(in_use, self._fresh))
        try:
            for first, slots in _neighbours(stale):
                self._write(first, slots)
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise NotWritten(f"a card can't be wiped: {error.strerror}") from error
        self._fresh.extend(stale)

    def _write(self, first: int, slots: int) -> None:
        place = first * _SLOT_BYTES
        pads = secrets.token_bytes(slots * _SLOT_BYTES)
        if os.pwrite(self._descriptor, pads, place) != len(pads):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._pads[place : place + len(pads)] = pads

    def _combine(self, slot: int, text: bytes) -> bytes:
        place = slot * _SLOT_BYTES
        pad = self._pads[place : place + LONGEST_NUMBER]
        return bytes(one ^ other for one, other in zip(text, pad, strict=False))


def _neighbours(slots: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Return the first and the number of each row of slots that stand side by side."""
    first = 0
    for place in range(1, len(slots) + 1):
        if place == len(slots) or slots[place] != slots[place - 1] + 1:
            yield slots[first], place - first
            first = place
