"""The calibration code on a sheet of A4, as PDF or SVG: Code 128 for any reader, QR for cameras. Pure.

The encodings are libraries' (python-barcode, segno); a sheet is their black rectangles and three lines of text, which
takes less here than a library for documents would take on every till.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

import segno
from barcode.codex import Code128

WIDTH_MM, HEIGHT_MM = 210.0, 297.0
LEFT_MM = 25.0
MODULE_MM = 0.4  # of Code 128: wide enough for a laser printer, a worn reader, and a hand that shakes
BAR_HEIGHT_MM = 25.0
QR_MODULE_MM = 1.2
POINTS_IN_MM = 72 / 25.4
TITLE = "Tillwire: calibration code for readers"
HOW_TO = ("Run: tillwire learn scanner", "Then scan one of the two codes, once.")


@dataclass(frozen=True, slots=True)
class Bar:
    """A black rectangle; millimetres from the sheet's top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text; the place of its baseline, and the height of its letters."""

    x: float
    y: float
    size: float
    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]


def calibration_sheet(text: str) -> Sheet:
    """Return the sheet with this code on it."""
    lines = (Line(LEFT_MM, 30, 6, TITLE), *(Line(LEFT_MM, 42 + 7 * n, 4, line) for n, line in enumerate(HOW_TO)))
    return Sheet((*_code_128(text, LEFT_MM, 70), *_qr_code(text, LEFT_MM, 120)), lines)


def _code_128(text: str, x: float, y: float) -> Iterator[Bar]:
    [modules] = Code128(text).build()
    return _bars_in_row(modules, x, y, MODULE_MM, BAR_HEIGHT_MM)


def _qr_code(text: str, x: float, y: float) -> Iterator[Bar]:
    for number, row in enumerate(segno.make(text, micro=False, error="m").matrix):
        modules = "".join(map(str, row))
        yield from _bars_in_row(modules, x, y + number * QR_MODULE_MM, QR_MODULE_MM, QR_MODULE_MM)


def _bars_in_row(modules: str, x: float, y: float, module: float, height: float) -> Iterator[Bar]:
    """Neighbouring dark modules are one bar: no printer leaves a white line in it."""
    place = 0
    for dark, group in groupby(modules):
        count = len(list(group))
        if dark == "1":
            yield Bar(x + place * module, y, count * module, height)
        place += count


def as_svg(sheet: Sheet) -> bytes:
    bars = "".join(
        f'<rect x="{bar.x:.3f}" y="{bar.y:.3f}" width="{bar.width:.3f}" height="{bar.height:.3f}"/>'
        for bar in sheet.bars
    )
    lines = "".join(
        f'<text x="{line.x}" y="{line.y}" font-family="sans-serif" font-size="{line.size}">{escape(line.text)}</text>'
        for line in sheet.lines
    )
    size = (
        f'shape-rendering="crispEdges" width="{WIDTH_MM}mm" height="{HEIGHT_MM}mm" viewBox="0 0 {WIDTH_MM} {HEIGHT_MM}"'
    )
    page = f'<rect width="{WIDTH_MM}" height="{HEIGHT_MM}" fill="white"/>'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{page}{bars}{lines}</svg>\n'.encode()


def as_pdf(sheet: Sheet) -> bytes:
    """One page with one of the fonts that every reader of PDF has (ISO 32000-1, 7.5 and 9.6.2.2)."""
    scale = f"{POINTS_IN_MM:.6f} 0 0 {POINTS_IN_MM:.6f} 0 0 cm"
    bars = [f"{b.x:.3f} {HEIGHT_MM - b.y - b.height:.3f} {b.width:.3f} {b.height:.3f} re f" for b in sheet.bars]
    lines = [f"BT /F1 {t.size} Tf {t.x} {HEIGHT_MM - t.y} Td ({t.text}) Tj ET" for t in sheet.lines]
    content = "\n".join((scale, *bars, *lines)).encode("ascii")
    box = f"[0 0 {WIDTH_MM * POINTS_IN_MM:.2f} {HEIGHT_MM * POINTS_IN_MM:.2f}]"
    page = f"/MediaBox {box} /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >>"
    return _pdf_file(
        (
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            f"<< /Type /Page /Parent 2 0 R {page} >>".encode(),
            b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        )
    )


def _pdf_file(objects: Sequence[bytes]) -> bytes:
    """Number the objects, and say where each begins."""
    file, starts = b"%PDF-1.4\n", []
    for number, each in enumerate(objects, start=1):
        starts.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, each)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    size, where = len(objects) + 1, len(file)
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, where)
    return file + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + trailer


FORMATS: Mapping[str, Callable[[Sheet], bytes]] = {".pdf": as_pdf, ".svg": as_svg}
"""By the end of the file's name."""
