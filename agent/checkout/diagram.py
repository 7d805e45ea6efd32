"""Draws the checkout table as a Mermaid state diagram, and keeps the one in docs/checkout.md as the table is.

`.venv/bin/python -m agent.checkout.diagram docs/checkout.md` writes it anew; a test fails when that was forgotten.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent.checkout.row import Row
from agent.checkout.state import FINAL, Phase
from agent.checkout.table import TABLE

BEGIN, END = "```mermaid\n", "```\n"


def diagram(table: Iterable[Row[Any]] = TABLE) -> str:
    """Draw one arrow from phase to phase, with all events that lead along it. What stays in its phase is not drawn."""
    arrows = (f"{begin} --> {end}: {', '.join(events)}" for (begin, end), events in _ways(table).items())
    ends = (f"{phase} --> [*]" for phase in Phase if phase in FINAL)
    lines = [f"[*] --> {Phase.DRAFT}", *arrows, *ends]
    return "\n    ".join(["stateDiagram-v2", *lines]) + "\n"


def _ways(table: Iterable[Row[Any]]) -> dict[tuple[Phase, Phase], dict[str, None]]:
    """From where to where by which events, each once and in the table's order."""
    ways: dict[tuple[Phase, Phase], dict[str, None]] = {}
    for row in table:
        for phase in row.phases:
            if row.to is not None and row.to is not phase:
                ways.setdefault((phase, row.to), {})[row.event.__name__] = None
    return ways


def with_diagram(page: str, drawn: str) -> str:
    """Put the diagram into the page's Mermaid block. Raises ValueError when the page has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError("the page has no Mermaid block")
    return f"{before}{begin}{drawn}{end}{after}"


if __name__ == "__main__":
    page = Path(sys.argv[1])
    page.write_text(with_diagram(page.read_text(encoding="utf-8"), diagram()), encoding="utf-8")
