"""`tillwire config` as it is typed."""

import json
import tomllib
from pathlib import Path

import pytest

from agent.simulator import CLIENT_SECRET
from tests.command_bench import Box, exit_code


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


async def test_show_says_what_is_in_effect_with_its_defaults(box: Box) -> None:
    said = await box.types("config", "show")
    shown = tomllib.loads(said.out)
    assert said.code == 0
    assert shown["cash"] == {"confirmed_by": ["operator"], "minimum_open_s": 1.0}
    assert shown["offline"]["max_payments"] == 50


async def test_show_masks_the_secret_in_both_forms(box: Box) -> None:
    as_toml, as_json = await box.types("config", "show"), await box.types("config", "show", "--json")
    assert CLIENT_SECRET not in as_toml.out + as_json.out
    assert as_json.json["api"] == tomllib.loads(as_toml.out)["api"]


async def test_show_takes_the_environment_into_account(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLWIRE_OFFLINE__MAX_PAYMENTS", "7")
    said = await box.types("config", "show")
    assert tomllib.loads(said.out)["offline"]["max_payments"] == 7


async def test_every_problem_is_said_at_once_and_nothing_is_shown(box: Box) -> None:
    box.write(rest='[cash]\nconfirmed_by = ["operater"]\n[offline]\nmax_paymentz = 1\n')
    said = await box.types("config", "show")
    assert (said.code, said.out) == (2, "")
    assert len(said.err.splitlines()) == 2
    assert "did you mean operator?" in said.err
    assert "did you mean max_payments?" in said.err


async def test_a_missing_file_is_named(box: Box) -> None:
    box.config.unlink()
    said = await box.types("config", "show")
    assert (said.code, said.out) == (2, "")
    assert said.err == f"tillwire: {box.config}: cannot be read: No such file or directory\n"


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert {"api", "cash", "drawer", "scanner"} <= set(schema["properties"])


def test_without_an_action_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["config"]) == 2
    assert "schema|show" in capsys.readouterr().err
