"""Aligned columns for a terminal."""

from collections.abc import Iterable, Iterator, Sequence

GAP = "  "


def table(rows: Sequence[Sequence[str]], *, right: Iterable[int] = ()) -> Iterator[str]:
    """Yield one line a row, each column as wide as its widest text. `right`: the columns that hold amounts."""
    if not rows:
        return
    to_the_right = set(right)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.rjust(width) if column in to_the_right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield GAP.join(cells).rstrip()


def fitting(lines: Sequence[str], columns: int, most: int) -> list[str]:
    """Return what a terminal has room for: so many lines at most, the last of which says how many are not there."""
    shown = list(lines)
    if len(lines) > most:
        shown = [*lines[: most - 1], f"{len(lines) - most + 1} more: a larger window, or --once"]
    return [line[:columns] for line in shown]
