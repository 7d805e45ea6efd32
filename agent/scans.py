"""What a scan means: a card, another code for the screen, or something that is refused. Pure.

What may be a part of a card is never shown as a code: not the text of a stripe, not a number that begins as our cards
do. A bare EAN-13 with its check digit is an article: those of Germany begin with 4, as bank cards do (decision 0003).
"""

import re

from agent.card import CardNumber, CardRules, NotACard, read_card
from agent.listener import ScanTold
from device.interface import Scan

_STRIPE = re.compile(r"[%;+?=^]")
_EAN_13 = re.compile(r"[0-9]{13}")


def meaning(scan: Scan, rules: CardRules, *, forwards: bool) -> CardNumber | ScanTold | None:
    """Return the card, what the screen is told instead, or None for a bank card: of that nothing is told.

    `forwards`: codes that are no card go live to the screen; they are never stored.
    """
    read = read_card(scan.text, rules)
    if isinstance(read, CardNumber):
        return read
    if read is NotACard.PAYMENT_CARD and not _is_article(scan.text):
        return None
    if forwards and not _may_be_part_of_a_card(scan.text, rules):
        return ScanTold(scanner=scan.scanner, code=scan.text, symbology=scan.symbology)
    return ScanTold(scanner=scan.scanner, refused="not_a_card")


def _is_article(text: str) -> bool:
    """EAN-13: the sum of all digits, every second one three times, is a multiple of ten."""
    if not _EAN_13.fullmatch(text):
        return False
    digits = [int(digit) for digit in text]
    return (sum(digits[0::2]) + 3 * sum(digits[1::2])) % 10 == 0


def _may_be_part_of_a_card(text: str, rules: CardRules) -> bool:
    return bool(_STRIPE.search(text)) or text.startswith(rules.prefixes)
