"""What a terminal can show beside text: QR codes, and drawings between two empty lines."""

import sys
from collections.abc import Iterator
from io import StringIO

import segno


def qr_code(text: str) -> list[str]:
    """Return the lines of a QR code; none of a text that is too long for one."""
    try:
        code = segno.make(text, micro=False)
    except segno.DataOverflowError:
        return []
    drawn_code = StringIO()
    code.terminal(out=drawn_code, compact=True, border=2)
    return drawn_code.getvalue().splitlines()


def drawn(lines: list[str]) -> Iterator[str]:
    """Yield a drawing between two empty lines, on a terminal that has its characters."""
    if lines and sys.stdout.isatty() and sys.stdout.encoding.lower().startswith("utf"):
        yield from ("", *(f"   {line}" for line in lines), "")
