"""What a terminal can show beside text: QR codes, and drawings between two empty lines."""

import sys
from collections.abc import Iterator
from io import StringIO

import segno


def qr_code(text: str) -> list[str]:
    drawn_code = StringIO()
    segno.make(text, micro=False).terminal(out=drawn_code, compact=True, border=2)
    return drawn_code.getvalue().splitlines()


def drawn(lines: list[str]) -> Iterator[str]:
    """Yield a drawing between two empty lines, on a terminal that has its characters."""
    if sys.stdout.isatty() and sys.stdout.encoding.lower().startswith("utf"):
        yield from ("", *(f"   {line}" for line in lines), "")
