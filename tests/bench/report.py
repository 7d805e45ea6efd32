"""How a result is shown: a table in the terminal, docs/bench.md, and a picture. All of it is made from the JSON."""

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from tests.bench.figures import Figure
from tests.bench.result import KEPT, ROOT, Result, Row, commit, read, write

DOCUMENT = ROOT / "docs" / "bench.md"
PICTURE = ROOT / "docs" / "images" / "bench.svg"
BEGIN, END = "<!-- made by: make bench ARGUMENTS=--keep -->", "<!-- end of what is made -->"


def table(result: Result, kept: Result | None) -> str:
    """Return the lines for a terminal; with the last kept result beside each figure, where there is one."""
    return "\n".join((*(_line(row, kept) for row in result.rows), _said(result)))


def write_documents(result: Result) -> None:
    """Put the result into docs/bench.md, and draw the picture."""
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{markdown(result)}\n{END}{after}")
    PICTURE.write_text(picture(result))


def keep_row(row: Row) -> None:
    """Put one row, measured by itself, into the kept result: it says by which commit."""
    kept = read(KEPT)
    assert kept is not None
    said = replace(row, words=f"{row.words} (commit {commit()})")
    result = replace(kept, rows=(*(each for each in kept.rows if each.key != row.key), said))
    write(result, KEPT)
    write_documents(result)


def markdown(result: Result) -> str:
    lines = [
        "| what | measured | beside | ratio | goal | |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join((row.words, *_cells(row), _verdict(row)))} |" for row in result.rows),
        "",
        f"{_said(result)}",
    ]
    return "\n".join(lines) + "\n"


def _said(result: Result) -> str:
    counts = "counts" if result.counts else "does not count: two identical floors measured differently"
    return (
        f"Median / p95. `{result.command}`, {result.date}, commit {result.commit}, {result.machine}. The run {counts}."
    )


def _line(row: Row, kept: Result | None) -> str:
    last = kept.row(row.key) if kept else None
    was = f"  (kept: {_number(last.measured.median if last.ratio is None else last.ratio)})" if last else ""
    measured, beside, ratio, goal = _cells(row)
    return f"{row.words:78} {measured:>24} {beside:>42} {ratio:>12} {goal:>12} {_verdict(row):6}{was}"


def _cells(row: Row) -> tuple[str, str, str, str]:
    ratio, goal = "", ""
    if row.beside is not None:
        ratio = f"{_number(row.ratio)} / {_number(row.ratio_p95)}" if _varies(row.measured) else _number(row.ratio)
    if row.goal is not None:
        goal = f"≤ {row.goal:g}" + (f" / {row.goal_p95:g}" if row.goal_p95 is not None else "")
    beside = f"{row.beside_words} {_figure(row.beside)}" if row.beside is not None else ""
    return f"{_figure(row.measured)} {row.unit}", beside, ratio, goal


def _figure(figure: Figure) -> str:
    median = _number(figure.median)
    return f"{median} / {_number(figure.p95)}" if _varies(figure) else median


def _varies(figure: Figure) -> bool:
    return figure.median != figure.p95


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if abs(value) < 100 else f"{value:.0f}"


def _verdict(row: Row) -> str:
    return {True: "met", False: "missed", None: ""}[row.met]


BAR_PX, GAP_PX, LEFT_PX, SCALE_PX, MOST = 18, 10, 570, 60, 6.0
"""Of the picture: a bar, the room below it, where bars begin, one ratio, and the longest bar."""


def picture(result: Result) -> str:
    """Draw each ratio as a bar, with a mark at its goal. What is beside it is 1."""
    rows = [row for row in result.rows if row.ratio is not None]
    height = len(rows) * (BAR_PX + GAP_PX) + 60
    width = LEFT_PX + int(MOST * SCALE_PX) + 70
    worth = "" if result.counts else "; a run that does not count"
    made = f"{result.date}, {result.commit}, {result.machine}{worth}"
    return "\n".join(
        (
            (
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif"'
                ' font-size="13">'
            ),
            f'<rect width="{width}" height="{height}" fill="#fff"/>',
            *(line for place, row in enumerate(rows) for line in _bar(row, place)),
            f'<line x1="{_x(1)}" x2="{_x(1)}" y1="4" y2="{height - 46}" stroke="#888"/>',
            (
                f'<text x="10" y="{height - 26}" fill="#444">times what it is measured beside (1); the dark mark is the'
                " goal</text>"
            ),
            f'<text x="10" y="{height - 8}" fill="#444">{escape(made)}</text>',
            "</svg>",
            "",
        )
    )


def _bar(row: Row, place: int) -> Iterator[str]:
    ratio, y = row.ratio or 0.0, place * (BAR_PX + GAP_PX) + 8
    colour = {True: "#2e7d32", False: "#c62828", None: "#90a4ae"}[row.met]
    yield f'<text x="{LEFT_PX - 8}" y="{y + 14}" text-anchor="end" fill="#222">{escape(row.words)}</text>'
    yield f'<rect x="{LEFT_PX}" y="{y}" width="{_x(ratio) - LEFT_PX}" height="{BAR_PX}" fill="{colour}"/>'
    yield f'<text x="{_x(max(ratio, row.goal or 0)) + 6}" y="{y + 14}" fill="#222">{ratio:.2f}</text>'
    if row.goal is not None:
        yield f'<rect x="{_x(row.goal) - 1}" y="{y - 3}" width="3" height="{BAR_PX + 6}" fill="#000"/>'


def _x(ratio: float) -> int:
    return LEFT_PX + round(min(ratio, MOST) * SCALE_PX)
