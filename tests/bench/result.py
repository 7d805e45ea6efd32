"""What one run found: rows of figures with their goals, kept as JSON."""

import json
import platform
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.figures import Figure

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "docs" / "bench.json"
"""The last result that was kept: docs/bench.md and its picture are made from it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. With `beside` the goals are of the ratio to that, without of the figure itself."""

    key: str
    words: str
    unit: str
    measured: Figure
    beside: Figure | None = None
    beside_words: str = ""
    goal: float | None = None
    goal_p95: float | None = None

    @property
    def ratio(self) -> float | None:
        return None if self.beside is None else self.measured.median / self.beside.median

    @property
    def ratio_p95(self) -> float | None:
        return None if self.beside is None else self.measured.p95 / self.beside.p95

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None: there is none."""
        if self.goal is None:
            return None
        value = self.measured.median if self.ratio is None else self.ratio
        value_p95 = self.measured.p95 if self.ratio_p95 is None else self.ratio_p95
        return value <= self.goal and (self.goal_p95 is None or value_p95 <= self.goal_p95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run. `counts`: two identical floors measured the same in it."""

    command: str
    date: str
    commit: str
    machine: str
    counts: bool
    rows: tuple[Row, ...]

    def row(self, key: str) -> Row | None:
        return next((row for row in self.rows if row.key == key), None)


def found(command: str, rows: Iterable[Row], *, counts: bool) -> Result:
    date = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return Result(command=command, date=date, commit=commit(), machine=_machine(), counts=counts, rows=tuple(rows))


def write(result: Result, file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(asdict(result), indent=1) + "\n")


def read(file: Path) -> Result | None:
    """Return the result; None: there is none."""
    if not file.exists():
        return None
    document = json.loads(file.read_text())
    return Result(**{**document, "rows": tuple(_row(each) for each in document["rows"])})


def _row(fields: Mapping[str, object]) -> Row:
    figures = {name: _figure(fields[name]) for name in ("measured", "beside")}
    return Row(**{**fields, **figures})  # type: ignore[arg-type]  # what `write` wrote


def _figure(fields: object) -> Figure | None:
    return Figure(**fields) if isinstance(fields, dict) else None


def commit() -> str:
    """Return the commit that is measured; `-dirty` when something was edited since."""
    command = ("git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10")
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


def _machine() -> str:
    """The processor, how many, the memory, the system and the Python: what a figure depends on."""
    info = dict(_fields(Path("/proc/cpuinfo")))
    memory_gib = int(dict(_fields(Path("/proc/meminfo")))["MemTotal"].split()[0]) / 2**20
    cores = int(info.get("processor", "0")) + 1
    name = info.get("model name", platform.machine())
    kernel = platform.release().split("-")[0]
    return f"{cores} x {name}, {memory_gib:.0f} GiB, Linux {kernel}, Python {platform.python_version()}"


def _fields(file: Path) -> Iterable[tuple[str, str]]:
    for line in file.read_text().splitlines():
        name, _, value = line.partition(":")
        yield name.strip(), value.strip()
