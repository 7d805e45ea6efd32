"""Which card was read, or why it is none; and how card numbers are hidden.

A loyalty number is known by its prefix and its exact length, never by a check digit: the documented secucard numbers
fail Luhn (hardware.md 0.1). What is not on that list and looks like the number of a bank card is reported without a
digit of it. A stripe is taken only when all of its tracks are whole, from start sentinel to end sentinel: the check
character of a track stays inside the reader, so the sentinels are what shows that nothing is missing (hardware.md 4.1).
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Never, final

SHORTEST_NUMBER = 12  # digits: masking would show too much of anything shorter, and could not tell it from a date
LONGEST_NUMBER = 19  # digits: ISO/IEC 7812
_SHOWN_AT_EACH_END = 4  # digits: less than PCI DSS 3.4.1 allows, and enough for a customer to know the card again

_DIGITS = re.compile(r"[0-9]+")
# The alphabets of ISO/IEC 7813, without the sentinels: a sentinel inside a track means that two swipes ran together.
# A track that the reader could not read is sent as `E` (MagTek); the other tracks still count.
_STRIPE = re.compile(r"(?:%([ -$&-*,-:<->@-_]*)\?)?(?:;([0-9:<=>]*|E)\?)?(?:\+([0-9:<=>]*|E)\?)?")
_NUMBER_ON_TRACK = re.compile(r"B?([0-9]+)(?:[\^=].*)?")
BETWEEN_DIGITS = r"[ \t\u00a0\u2009\u202f._\u2010-\u2015-]{0,2}"
"""What stands between two digits of a number that is written in groups."""
# At the start of a group of digits: 3 to 6, or 2221 to 2720, and at least 13 digits, which may stand in groups.
_PAYMENT_CARD = re.compile(
    rf"(?<![0-9])(?=[3-6]|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{{2}}|27[01][0-9]|2720)[0-9](?:{BETWEEN_DIGITS}[0-9]){{12}}"
)

_TRACK_IN_TEXT = re.compile(r"%[A-Z]?\d[\d ]{11,}[^?\n]*|[;+]\d{12,}[=?][^?\n]*")
_LONG_RUN = re.compile(r"\d{12,}")
# In groups, with one space or dash between two digits. The tail of a number that is masked already begins no new one.
_SPACED_RUN = re.compile(r"(?<!\d)(?<!\*{4})\d(?:[ \u00a0\u202f\u2010-\u2015-]?\d){11,}")
_FIGURE_GOES_ON = re.compile(r"[.,:/]\d")
_FIGURE_BEGAN = re.compile(r"\d[.,:/]\Z")


class NotACard(StrEnum):
    """Why nothing was taken."""

    PAYMENT_CARD = "payment_card"  # a bank card by its looks: not a digit of it may be kept or shown
    NOT_A_CARD = "not_a_card"


@final
class CardNumber:
    """A complete loyalty number. It masks itself wherever it is printed; the digits are read through `.value` only.

    Not a dataclass and not picklable: neither `asdict` nor a logger, a cache or a task queue takes the digits along.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Raise ValueError, without the text, for anything but 12 to 19 ASCII digits."""
        if not _DIGITS.fullmatch(value) or not SHORTEST_NUMBER <= len(value) <= LONGEST_NUMBER:
            raise ValueError(f"a card number has {SHORTEST_NUMBER} to {LONGEST_NUMBER} digits")
        self._value = value

    @property
    def value(self) -> str:
        """The digits, for the API alone."""
        return self._value

    def __str__(self) -> str:
        return _keep_ends(self._value)

    __repr__ = __str__

    def __format__(self, format_spec: str) -> str:
        return format(str(self), format_spec)

    def __eq__(self, other: object) -> bool:
        return self._value == other._value if isinstance(other, CardNumber) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> Never:
        raise TypeError("a card number is not pickled: say what is to be kept, .value or the masked text")


@dataclass(frozen=True, slots=True)
class CardRules:
    """Which numbers are loyalty cards: one of these prefixes and one of these lengths (digits, 12 to 19)."""

    prefixes: tuple[str, ...]
    lengths: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.prefixes or not all(_DIGITS.fullmatch(prefix) for prefix in self.prefixes):
            raise ValueError("a card prefix is one or more digits")
        if not self.lengths or not all(SHORTEST_NUMBER <= length <= LONGEST_NUMBER for length in self.lengths):
            raise ValueError(f"a card number has {SHORTEST_NUMBER} to {LONGEST_NUMBER} digits")

    def accept(self, number: str) -> bool:
        return len(number) in self.lengths and number.startswith(self.prefixes)


def read_card(text: str, rules: CardRules) -> CardNumber | NotACard:
    """Say which card a scanned or typed text is. The rest of a stripe is dropped.

    In this order (hardware.md 4.4): a loyalty number, where all tracks that carry one must agree; the looks of a
    payment card; anything else.
    """
    numbers = {number for number in _numbers_in(text) if rules.accept(number)}
    match len(numbers):
        case 1:
            return CardNumber(numbers.pop())
        case 0 if _PAYMENT_CARD.search(text):
            return NotACard.PAYMENT_CARD
        case _:
            return NotACard.NOT_A_CARD


def names_a_card(text: str, rules: CardRules) -> bool:
    """Say whether a text that is no card, as a reference, holds a loyalty number or what looks like a bank card's.

    Of bank cards an unbroken number of 13 to 19 digits counts: in groups it may as well be a part of a UUID.
    """
    return names_loyalty_card(text, rules) or any(
        len(run[0]) <= LONGEST_NUMBER and _PAYMENT_CARD.match(run[0]) for run in _LONG_RUN.finditer(text)
    )


def names_loyalty_card(text: str, rules: CardRules) -> bool:
    """Say whether a text, even one drawn by chance, holds a loyalty number."""
    return any(rules.accept(re.sub(r"\D", "", run[0])) for run in _SPACED_RUN.finditer(text))


def mask_numbers(text: str) -> str:
    """Hide each number of 12 or more digits in a text, also one written in groups: its first and last four stay.

    Of the text of a magnetic track no digit stays. Dates, times and amounts are left as they are.
    """
    text = _TRACK_IN_TEXT.sub(lambda track: re.sub(r"\d", "*", track[0]), text)
    text = _LONG_RUN.sub(lambda run: _keep_ends(run[0]), text)
    return _SPACED_RUN.sub(_mask_spaced, text)


def _numbers_in(text: str) -> list[str]:
    """Return the bare number, or the one that each whole track begins with."""
    if _DIGITS.fullmatch(text):
        return [text]
    tracks = _STRIPE.fullmatch(text)
    contents = [content for content in tracks.groups() if content] if tracks else []
    return [number[1] for content in contents if (number := _NUMBER_ON_TRACK.fullmatch(content))]


def _mask_spaced(run: re.Match[str]) -> str:
    """Hide a number in groups. A group that is the end or the start of a date, a time or an amount does not count."""
    groups: list[str] = re.findall(r"\d+", run[0])
    if _FIGURE_BEGAN.search(run.string, max(0, run.start() - 2), run.start()):
        del groups[0]
    if _FIGURE_GOES_ON.match(run.string, run.end()):
        del groups[-1:]
    return _keep_ends(run[0]) if sum(map(len, groups)) >= SHORTEST_NUMBER else run[0]


def _keep_ends(run: str) -> str:
    places = [place for place, character in enumerate(run) if character.isdecimal()]
    hidden = set(places[_SHOWN_AT_EACH_END:-_SHOWN_AT_EACH_END])
    return "".join("*" if place in hidden else character for place, character in enumerate(run))
