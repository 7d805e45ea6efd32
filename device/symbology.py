"""AIM symbology identifiers (ISO/IEC 15424): `]`, a letter for the kind of code, a modifier. Pure."""

import re
from collections.abc import Mapping
from types import MappingProxyType

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "A": "Code 39",
        "C": "Code 128",
        "E": "EAN/UPC",
        "F": "Codabar",
        "G": "Code 93",
        "I": "Interleaved 2 of 5",
        "L": "PDF417",
        "Q": "QR Code",
        "X": "other",
        "d": "Data Matrix",
        "e": "GS1 DataBar",
        "z": "Aztec",
    }
)

_IDENTIFIER = re.compile(r"\][A-Za-z][0-9A-Za-z]")


def split_identifier(text: str) -> tuple[str | None, str]:
    """The AIM identifier a text begins with, and the rest."""
    match = _IDENTIFIER.match(text)
    return (match[0], text[match.end() :]) if match else (None, text)


def name_of(identifier: str) -> str | None:
    """What kind of code this is, for people; None for a kind that is not known here."""
    return NAMES.get(identifier[1:2])
