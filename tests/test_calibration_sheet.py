"""The sheet with the calibration code: what is on it, and that other programs read it."""

import itertools
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import segno

from agent.commands.calibration_sheet import (
    FORMATS,
    HEIGHT_MM,
    MODULE_MM,
    QR_MODULE_MM,
    WIDTH_MM,
    as_pdf,
    as_svg,
    calibration_sheet,
)
from device.learning import CALIBRATION_TEXT

SHEET = calibration_sheet(CALIBRATION_TEXT)


def test_everything_is_on_the_paper_with_a_margin() -> None:
    for bar in SHEET.bars:
        assert 20 <= bar.x < bar.x + bar.width <= WIDTH_MM - 20
        assert 20 <= bar.y < bar.y + bar.height <= HEIGHT_MM - 20


def test_code_128_is_whole() -> None:
    """Start B (211214), and the stop pattern with its last bar (2331112), of ISO/IEC 15417."""
    bars = sorted((bar for bar in SHEET.bars if bar.height > 10), key=lambda bar: bar.x)
    edges = [edge for bar in bars for edge in (bar.x, bar.x + bar.width)]
    widths = [round((later - earlier) / MODULE_MM) for earlier, later in itertools.pairwise(edges)]
    assert (widths[:6], widths[-7:]) == ([2, 1, 1, 2, 1, 4], [2, 3, 3, 1, 1, 1, 2])
    assert sum(widths) == 11 * (len(CALIBRATION_TEXT) + 3) + 2


def test_the_qr_code_is_the_librarys() -> None:
    squares = [bar for bar in SHEET.bars if bar.height < 10]
    dark = sum(round(bar.width / QR_MODULE_MM) for bar in squares)
    assert dark == sum(map(sum, segno.make(CALIBRATION_TEXT, micro=False, error="m").matrix))


def test_the_pdf_says_where_its_objects_are() -> None:
    pdf = as_pdf(SHEET)
    [table] = re.findall(rb"startxref\n(\d+)\n%%EOF\n\Z", pdf)
    assert pdf[int(table) :].startswith(b"xref\n0 6\n")
    for number, start in enumerate(re.findall(rb"(\d{10}) 00000 n ", pdf), start=1):
        assert pdf[int(start) :].startswith(b"%d 0 obj" % number)


def test_the_svg_is_drawn_in_millimetres() -> None:
    assert b'width="210.0mm" height="297.0mm" viewBox="0 0 210.0 297.0"' in as_svg(SHEET)


@pytest.mark.system
@pytest.mark.parametrize("kind", FORMATS)
def test_another_program_reads_both_codes(tmp_path: Path, kind: str) -> None:
    assert shutil.which("zbarimg"), "scripts/setup system installs zbar-tools, poppler-utils and librsvg2-bin"
    file, picture = tmp_path / f"sheet{kind}", tmp_path / "sheet.png"
    file.write_bytes(FORMATS[kind](SHEET))
    draw = {
        ".pdf": ["pdftoppm", "-r", "200", "-png", "-singlefile", str(file), str(picture.with_suffix(""))],
        ".svg": ["rsvg-convert", "--zoom", "2", str(file), "-o", str(picture)],
    }
    subprocess.run(draw[kind], check=True)
    read = subprocess.run(["zbarimg", "--quiet", str(picture)], check=True, capture_output=True, text=True)
    assert sorted(read.stdout.splitlines()) == [f"CODE-128:{CALIBRATION_TEXT}", f"QR-Code:{CALIBRATION_TEXT}"]
