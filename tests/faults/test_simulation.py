"""The simulation of faults: the law holds in some hundred runs here, in thousands in `make test-system`."""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.faults.coverage import SELDOM, TABLES, Coverage
from tests.faults.mutants import MUTANTS, Mutant, hunt, make
from tests.faults.plan import draw
from tests.faults.simulation import simulate
from tests.faults.tally import ROOT

NEW_SEEDS = 5_000
NEW_SEEDS_S = 240
KEPT_SEEDS = json.loads((Path(__file__).parent / "kept_seeds.json").read_text())
NEAR = 300
"""A kept seed tells much the same story as long as the code stays much the same; else its neighbours are asked."""


def run_seeds(first: int, runs: int, tally: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tests.faults", "--from", str(first), "--runs", str(runs), "--tally", str(tally)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.timeout(600)  # seconds on two idle cores; a machine that does something else may take its time
def test_the_law_holds_in_the_first_seeds(tmp_path: Path) -> None:
    ran = run_seeds(1, 60, tmp_path / "tally.json")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def seeds_of_this_commit() -> int:
    """Other seeds with each commit, and the same ones whenever it is tried again."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return int(commit[:8], 16) * NEW_SEEDS


@pytest.mark.system
@pytest.mark.timeout(1800)
def test_the_law_holds_in_new_seeds_and_no_cell_stays_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One that fails is printed, and is kept with its story."""
    began = time.monotonic()
    ran = run_seeds(seeds_of_this_commit(), NEW_SEEDS, tmp_path / "tally.json")
    seconds = time.monotonic() - began
    with capsys.disabled():
        sys.stdout.write(
            f"\n{ran.stdout}{NEW_SEEDS} runs took {seconds:.0f} s of the {NEW_SEEDS_S} planned on two cores\n"
        )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_seed_that_once_broke_the_law_keeps_it() -> None:
    assert {seed: simulate(int(seed), Coverage()).broken for seed in KEPT_SEEDS} == dict.fromkeys(KEPT_SEEDS, ())


@pytest.mark.system
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mistake_in_the_code_breaks_the_law(mutant: Mutant) -> None:
    found = hunt(mutant, mutant.seed, NEAR, workers=2)
    assert found is not None, "not found near its kept seed: run `make mutants` and keep the seed that it names"


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_place_of_each_mistake_is_there(mutant: Mutant) -> None:
    with TemporaryDirectory() as copy:  # of the code, with the sample card in it: not what a test may leave behind
        make(mutant, Path(copy))


def test_at_least_twelve_mistakes_are_tried() -> None:
    assert len({mutant.name for mutant in MUTANTS}) >= 12


def digest(seed: int) -> str:
    story = hashlib.sha256()
    simulate(seed, Coverage(), lambda at, text: story.update(f"{at!r} {text}\n".encode()))
    return story.hexdigest()


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_the_same_seed_tells_the_same_story(seed: int) -> None:
    assert digest(seed) == digest(seed)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_another_process_tells_the_same_story(hash_seed: str) -> None:
    """Neither the order of sets nor what ran before matters."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.faults", "--tell", "7"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": hash_seed, "HOME": str(Path.home())},
    )
    story: list[str] = []
    simulate(7, Coverage(), lambda at, text: story.append(f"{at:10.3f}  {text}"))
    assert [line for line in told.stdout.splitlines() if not line.startswith(" " * 12)] == story


def test_a_run_has_two_customers_and_something_that_goes_wrong() -> None:
    for plan in map(draw, range(1, 300)):
        assert len(plan.customers) >= 2
        assert plan.faults or plan.crashes


def test_a_cell_that_may_be_empty_is_not_counted_as_reached() -> None:
    nothing = Coverage().report(names_empty=True).splitlines()
    assert [line.split(" of ")[0] for line in nothing[: len(TABLES)]] == [f"{table}: 0" for table in TABLES]
    assert not {f"EMPTY {' '.join(cell)}" for cell in SELDOM}.intersection(nothing)


def test_a_tally_is_taken_up_where_it_stood(tmp_path: Path) -> None:
    tally = tmp_path / "tally.json"
    run_seeds(1, 2, tally)
    assert run_seeds(1, 4, tally).stdout.startswith("4 runs (seeds 1 to 4): 0 lost, 0 doubled, 0 other than shown")
    assert json.loads(tally.read_text())["runs"] == 4
