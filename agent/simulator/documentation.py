"""The generated tables of docs/simulator.md: `python -m agent.simulator.documentation docs/simulator.md`."""

import re
import sys
from pathlib import Path
from typing import Final

from agent.simulator.faults import fault_table
from agent.simulator.routes import ROUTES
from agent.simulator.switches import switch_table

_TABLE: Final = re.compile(r"(<!-- table: (\w+) -->\n)(?:.*?\n)??(<!-- end of table -->)", re.DOTALL)


def call_table() -> str:
    """Every simulated call by the name that faults and the record use."""
    rows = ["| name | call |", "|---|---|", "| `login` | `POST /oauth/token` |"]
    rows += [f"| `{_name(route.name)}` | `{route.method} /api/v2/{route.path}` |" for route in ROUTES]
    return "\n".join(rows)


def with_tables(page: str) -> str:
    """The page with its tables as they are now."""
    tables = {"switches": switch_table(), "faults": fault_table(), "calls": call_table()}
    return _TABLE.sub(lambda found: f"{found[1]}{tables[found[2]]}\n{found[3]}", page)


def _name(route: str) -> str:
    return "start/cash`, `start/loyalty`, `start/cashless" if route == "start" else route


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(with_tables(target.read_text("utf-8")), "utf-8")
