"""Which cells of the tables a number of runs has filled: an empty one was never tried."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import get_args

from agent.checkout.state import FINAL, Phase
from agent.checkout.step import ROWS
from agent.simulator.switches import Switches
from tests.faults.plan import FAULTS, settings_of
from tests.faults.plan_machine import Ending, Point

Cell = tuple[str, ...]
SELDOM: Mapping[Cell, str] = {
    (
        "events",
        "confirmed",
        "ReadAnswered",
    ): "what a register handed over changed, and a person confirmed it in attention:"
    " one run in four thousand; tests/test_checkout_walk.py reaches each of its rows",
}
"""What may be empty after 5,000 runs, and why."""
TABLES = ("switches", "events", "faults", "restarts", "points")


@dataclass(slots=True)
class Coverage:
    """How often each cell was filled."""

    cells: Counter[Cell] = field(default_factory=Counter)

    def switches(self, switches: Switches) -> None:
        chosen = [(name, str(getattr(switches, name))) for name in Switches.model_fields]
        self.cells.update(("switches", *one, *other) for one, other in combinations(chosen, 2))

    def event(self, phase: Phase, event: type) -> None:
        self.cells["events", phase.value, event.__name__] += 1

    def fault(self, call: str, kind: str) -> None:
        self.cells["faults", call, kind] += 1

    def restart(self, phases: Iterable[Phase], ending: Ending, point: Point) -> None:
        self.cells.update(("restarts", phase.value, ending) for phase in set(phases))
        self.cells["points", point, ending] += 1

    def add(self, other: Mapping[Cell, int]) -> None:
        self.cells.update(other)

    def empty(self) -> list[Cell]:
        return [cell for cell in _all_cells() if not self.cells[cell] and cell not in SELDOM]

    def report(self, *, names_empty: bool) -> str:
        """One line a table, and the cells that are empty."""
        every = list(_all_cells())
        lines = []
        for table in TABLES:
            here = [cell for cell in every if cell[0] == table]
            filled = sum(self.cells[cell] > 0 for cell in here)
            least = min(here, key=lambda cell: self.cells[cell])
            lines.append(
                f"{table}: {filled} of {len(here)} cells; least often {' '.join(least[1:])}: {self.cells[least]}"
            )
        return "\n".join([*lines, *(f"EMPTY {' '.join(cell)}" for cell in sorted(self.empty()) if names_empty)])


def _all_cells() -> Iterator[Cell]:
    for one, other in combinations(Switches.model_fields, 2):
        for first, second in product(settings_of(one), settings_of(other)):
            yield "switches", one, str(first), other, str(second)
    yield from (("events", phase.value, event.__name__) for phase, event in ROWS)
    yield from (("faults", call, kind.value) for call, kind in FAULTS)
    open_phases = [phase for phase in Phase if phase not in FINAL]
    yield from (("restarts", phase.value, ending) for phase, ending in product(open_phases, get_args(Ending)))
    for point, ending in product(get_args(Point), get_args(Ending)):
        if (point, ending) != ("disk", "stop"):  # such a disk leaves nobody to be asked
            yield "points", point, ending
