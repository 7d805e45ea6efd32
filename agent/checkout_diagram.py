"""Draws the checkout table as a Mermaid state diagram, and keeps the one in docs/checkout.md as the table is.

`.venv/bin/python -m agent.checkout_diagram docs/checkout.md` writes it anew; a test fails when that was forgotten.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent.checkout import TABLE, Row
from agent.checkout_state import FINAL, Phase

BEGIN, END = "```mermaid\n", "```\n"


def diagram(table: Iterable[Row[Any]] = TABLE) -> str:
    """One arrow from phase to phase with all events that lead along it; what stays in its phase is not drawn."""
    arrows = [f"{start} --> {end}: {', '.join(events)}" for (start, end), events in _arrows(table).items()]
    ends = [f"{phase} --> [*]" for phase in Phase if phase in FINAL]
    return "".join(f"{line}\n" for line in ("stateDiagram-v2", *_indented([f"[*] --> {Phase.DRAFT}", *arrows, *ends])))


def _arrows(table: Iterable[Row[Any]]) -> dict[tuple[Phase, Phase], list[str]]:
    arrows: dict[tuple[Phase, Phase], list[str]] = {}
    for row in table:
        for phase in row.phases:
            if row.to is None or row.to is phase:
                continue
            events = arrows.setdefault((phase, row.to), [])
            if row.event.__name__ not in events:
                events.append(row.event.__name__)
    return arrows


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def with_diagram(page: str, drawn: str) -> str:
    """Put the diagram into the page's Mermaid block. Raises ValueError when the page has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the page has no Mermaid block")
    return f"{before}{begin}{drawn}{end}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_diagram(path.read_text(encoding="utf-8"), diagram()), encoding="utf-8")
