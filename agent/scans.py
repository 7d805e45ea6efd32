"""What a scan means: a card, another code for the screen, or something that is refused. Pure."""

from agent.card import CardNumber, CardRules, NotACard, read_card
from agent.listener import ScanTold
from device.interface import Scan


def meaning(scan: Scan, rules: CardRules, *, forwards: bool) -> CardNumber | ScanTold | None:
    """Return the card, what the screen is told instead, or None for a bank card: of that nothing is told.

    `forwards`: codes that are no card go live to the screen; they are never stored.
    """
    match read_card(scan.text, rules):
        case CardNumber() as card:
            return card
        case NotACard.PAYMENT_CARD:
            return None
        case _ if forwards:
            return ScanTold(scanner=scan.scanner, code=scan.text, symbology=scan.symbology)
        case _:
            return ScanTold(scanner=scan.scanner, refused="not_a_card")
