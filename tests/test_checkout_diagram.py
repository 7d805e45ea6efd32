import subprocess
import sys
from pathlib import Path

import pytest

from agent.checkout.answer_acts import forget_asking
from agent.checkout.diagram import diagram, with_diagram
from agent.checkout.events import CancelAsked, CardSet, Woke
from agent.checkout.row import Row
from agent.checkout.state import Phase

PAGE = Path(__file__).parent.parent / "docs" / "checkout.md"


def test_the_diagram_in_the_docs_is_as_the_table() -> None:
    """Otherwise: .venv/bin/python -m agent.checkout.diagram docs/checkout.md."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_diagram(page, diagram())


def test_the_page_explains_every_phase() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [phase for phase in Phase if f"| `{phase}` |" not in page] == []


def test_one_arrow_tells_all_events_from_phase_to_phase_and_what_stays_is_not_drawn() -> None:
    rows = (
        Row(phases=(Phase.DRAFT, Phase.DUE), event=CancelAsked, to=Phase.CANCELLED, then=(forget_asking,)),
        Row(phases=(Phase.DUE,), event=Woke, to=Phase.CANCELLED, then=(forget_asking,)),
        Row(phases=(Phase.DUE,), event=Woke, to=Phase.CANCELLED, then=(forget_asking,)),
        Row(phases=(Phase.DRAFT,), event=Woke, to=None, then=(forget_asking,)),
        Row(phases=(Phase.DUE,), event=CardSet, to=None, refuse="card_present"),
    )
    assert diagram(rows).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> draft",
        "    draft --> cancelled: CancelAsked",
        "    due --> cancelled: CancelAsked, Woke",
        "    completed --> [*]",
        "    cancelled --> [*]",
        "    failed --> [*]",
        "    resolved --> [*]",
    ]


def test_a_page_without_a_place_for_the_diagram_is_refused() -> None:
    with pytest.raises(ValueError, match="no Mermaid block"):
        with_diagram("# The life of one checkout\n", "stateDiagram-v2\n")


def test_one_command_writes_it_anew_and_leaves_the_rest_of_the_page(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    stale = tmp_path / "checkout.md"
    stale.write_text(with_diagram(page, "stateDiagram-v2\n    [*] --> due\n"), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "agent.checkout.diagram", stale], check=True)
    assert stale.read_text(encoding="utf-8") == page
