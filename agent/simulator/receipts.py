"""The receipt lines of an executed transaction. Pure; money is in cents.

Blocks that the documentation prints are kept to the letter. What a receipt says after a redemption is not documented
(11.5): as printed it says nothing of it, as booked the line `Guthaben eingelöst:` stands in for the unknown text.
"""

from agent.simulator.cards import Card
from agent.simulator.times import on_receipt

Line = dict[str, object]

_TERMINAL_NUMBER = "VT000124"  # as the documented receipt of a charge prints it
SPACE: Line = {"type": "space"}


def euros(cents: int) -> str:
    """`7,96 EUR`."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100},{abs(cents) % 100:02d} EUR"


def revenue(card: Card, trans_id: int, amount: int, redeemed: int) -> tuple[Line, ...]:
    """The block `Kundenkarte` of the seed page."""
    spent = (_text("Guthaben eingelöst:"), _text(euros(redeemed), "important"), SPACE) if redeemed else ()
    return (
        _separator("Kundenkarte"),
        _pair("Kartennummer: ", card.number),
        _pair("TA Code: ", str(trans_id)),
        SPACE,
        _text("Umsatz erfasst:"),
        _text(euros(amount), "important"),
        SPACE,
        *spent,
        *_balance(card),
    )


def charge(card: Card, trans_id: int, paid: int, charged: int, now: float) -> tuple[Line, ...]:
    """The block `Kundenkarte Aufladung` of the documented sample."""
    return (
        _separator("Kundenkarte Aufladung"),
        *_head(now),
        _pair("Kartennummer:", card.number),
        _pair("TA Code:", str(trans_id)),
        SPACE,
        _text("Zahlung über:"),
        _text(euros(paid), "important"),
        SPACE,
        _text("Folgender Betrag"),
        _text("wurde aufgeladen:"),
        _text(euros(charged), "important"),
        SPACE,
        *_balance(card),
    )


def reversal(card: Card, trans_id: int, amount: int, now: float) -> tuple[Line, ...]:
    """The block of a cancelled loyalty transaction."""
    return (
        _separator("Kundenkarte"),
        *_head(now),
        _text("STORNO", "important", "align-center"),
        _pair("TA Code:", str(trans_id)),
        _pair("Stornierter Betrag:", euros(amount)),
        _pair("Stornierte Punkte:", "0"),
        _pair("Aktuelles Guthaben:", euros(card.balance)),
        _pair("Aktuelle Punkte:", str(card.points)),
    )


def terminal(title: str, receipt_number: int, trace_number: int, amount: int) -> tuple[Line, ...]:
    """The block `Kartenzahlung` of the SmartZVT guide, for the customer or for the merchant."""
    return (
        _separator("Kartenzahlung"),
        _text(f"* * {title} * *", "align-center"),
        SPACE,
        _text(f"Beleg-Nr. {receipt_number:04d}"),
        _text(f"Trace-Nr. {trace_number:06d}"),
        SPACE,
        _text(euros(amount), "important"),
        SPACE,
    )


def end_of_day(trans_id: int, count: int, amount: int, now: float) -> tuple[Line, ...]:
    """The report of a terminal."""
    return (
        _separator("Kassenschnitt"),
        *_head(now),
        _pair("TA-Code:", str(trans_id)),
        _pair("Anzahl:", str(count)),
        _pair("Saldo:", euros(amount)),
    )


def _head(now: float) -> tuple[Line, ...]:
    return _pair("Terminal-ID:", _TERMINAL_NUMBER), _pair("Datum:", on_receipt(now))


def _balance(card: Card) -> tuple[Line, ...]:
    return _text("Aktuelles Guthaben"), _text(euros(card.balance), "important")


def _separator(caption: str) -> Line:
    return {"type": "separator", "value": {"caption": caption}}


def _pair(name: str, value: str) -> Line:
    return {"type": "name-value", "value": {"name": name, "value": value, "decoration": []}}


def _text(text: str, *decoration: str) -> Line:
    return {"type": "textline", "value": {"text": text, "decoration": list(decoration)}}
