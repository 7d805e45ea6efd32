"""What a scan means: a card, another code for the screen, or something that is refused. Pure.

What may be a card, or a part of one, is never shown as a code, wherever in the text it stands (decisions 0003, 0007).
A bare EAN-13 with its check digit is an article: those of Germany begin with 4, as bank cards do.
"""

import re
from collections.abc import Iterator

from agent.card import BETWEEN_DIGITS, CardNumber, CardRules, NotACard, read_card
from agent.till.listener import ScanTold
from device.interface import Scan

CODE_REPEATED_WITHIN_S = 0.3
"""A reader that was triggered twice sends a code again within this time; nobody holds the next article up so soon."""

# A text that begins with a start sentinel, ends with an end sentinel and what readers send after it (check character,
# sensor), or has a separator of a stripe: `^`, or `=` before a date and a service code (hardware.md 4.1).
_STRIPE = re.compile(r"\A[%;+]|\?.{0,2}\Z|\^|[0-9]=[0-9]{7}", re.DOTALL)
_NUMBER = re.compile(rf"\d(?:{BETWEEN_DIGITS}\d)*")
_EAN_13 = re.compile(r"[0-9]{13}")


def meaning(scan: Scan, rules: CardRules, *, forwards: bool) -> CardNumber | ScanTold | None:
    """Return the card, what the screen is told instead, or None for a bank card: of that nothing is told.

    `forwards`: codes that are no card go live to the screen; they are never stored.
    """
    read = read_card(scan.text, rules)
    if isinstance(read, CardNumber):
        return read
    if read is NotACard.PAYMENT_CARD and not is_article(scan.text):
        return None
    if forwards and not _may_hold_a_card(scan.text, rules):
        return ScanTold(scanner=scan.scanner, code=scan.text, symbology=scan.symbology)
    return ScanTold(scanner=scan.scanner, refused="not_a_card")


class RepeatedScans:
    """Knows what each reader read last, as far as that counted."""

    def __init__(self, card_within_s: float) -> None:
        self._card_within_s = card_within_s
        self._counted: dict[str, tuple[Scan, float]] = {}

    def is_repeated(self, scan: Scan) -> bool:
        """Whether this is the scan that counted last, again, within the span for its kind."""
        if scan.scanner not in self._counted:
            return False
        counted, within_s = self._counted[scan.scanner]
        return counted.text == scan.text and scan.at - counted.at < within_s

    def count_card(self, scan: Scan) -> None:
        self._counted[scan.scanner] = (scan, self._card_within_s)

    def count_code(self, scan: Scan) -> None:
        self._counted[scan.scanner] = (scan, CODE_REPEATED_WITHIN_S)


def looks_like_a_stripe(text: str) -> bool:
    """Whether this may be a magnetic stripe, or a part of one."""
    return bool(_STRIPE.search(text))


def is_article(text: str) -> bool:
    """EAN-13: the sum of all digits, every second one three times, is a multiple of ten."""
    if not _EAN_13.fullmatch(text):
        return False
    digits = [int(digit) for digit in text]
    return (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


def _may_hold_a_card(text: str, rules: CardRules) -> bool:
    """A stripe or a part of it, a number that begins as our cards do, or one of our cards inside a longer number."""
    return looks_like_a_stripe(text) or any(
        number.startswith(rules.prefixes) or _holds_a_card(number, rules) for number in _numbers_in(text)
    )


def _numbers_in(text: str) -> Iterator[str]:
    """Yield each number, bare and as it reads when it was written in groups."""
    for number in _NUMBER.finditer(text):
        groups = re.findall(r"\d+", number[0])
        yield from (*groups, "".join(groups))


def _holds_a_card(number: str, rules: CardRules) -> bool:
    return any(
        rules.accept(number[start : start + length])
        for length in rules.lengths
        for start in range(len(number) - length + 1)
    )
