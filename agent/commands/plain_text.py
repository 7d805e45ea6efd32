"""Amounts, times and texts from outside, as a terminal may show them."""

from datetime import datetime

from agent.card import mask_numbers

LONGEST = 500  # characters of one text


def money(cents: object, currency: str) -> str:
    """Write 296 as "2.96 EUR"."""
    if not isinstance(cents, int):
        return str(cents)
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d} {currency}"


def moment(at: datetime) -> str:
    """Write a time of this box's clock to the second."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def plain(text: str) -> str:
    """Take away what could command a terminal, and the digits of long numbers."""
    return mask_numbers(printable(text))


def printable(text: str) -> str:
    """Take away what could command a terminal."""
    return "".join(character if character.isprintable() else " " for character in text[:LONGEST])
