"""`tillwire report --support` as it is typed."""

import re
from pathlib import Path

import pytest

from agent.simulator import CLIENT_SECRET
from tests.command_bench import Box

CARD = "9276004429942845"


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


async def test_the_report_has_what_the_help_desk_asks_for_and_no_secret(box: Box) -> None:
    box.config = box.config.rename(box.directory / f"{CARD}.toml")  # where nobody would look for one
    file = box.directory / "report.txt"
    said = await box.types("report", "--support", str(file))
    report = file.read_text()
    assert said.code == 0
    assert str(file) in said.out
    assert file.stat().st_mode & 0o777 == 0o600
    asked = re.findall(r"^\$ (.*)$", report, re.MULTILINE)
    assert asked[0] == "tillwire --version"
    assert {command.split()[0] for command in asked} >= {"tillwire", "systemctl", "journalctl", "uname", "df"}
    assert 'confirmed_by = ["operator"]' in report
    assert CLIENT_SECRET not in report
    assert CARD not in report
    assert "9276********2845.toml" in report


async def test_a_file_that_is_there_is_not_overwritten(box: Box) -> None:
    file = box.directory / "report.txt"
    file.write_text("mine")
    said = await box.types("report", "--support", str(file))
    assert said.code == 1
    assert "name another file" in said.err
    assert file.read_text() == "mine"
