"""docs/guarantees.md names tests: each is there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_test_that_a_guarantee_names_is_there() -> None:
    named = NAMED.findall((ROOT / "docs" / "guarantees.md").read_text())
    assert [f"{file}::{test}" for file, test in named if test not in names_in(file)] == []


def test_every_law_has_a_test() -> None:
    rows = [line.split("|") for line in (ROOT / "docs" / "guarantees.md").read_text().splitlines() if line[:2] == "| "]
    held = {row[1].strip() for row in rows if NAMED.search(row[-2])}
    assert {str(law) for law in range(1, 14)} <= held
