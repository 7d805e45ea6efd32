"""How the configuration and the box say what the till shows to its broker."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from agent import chosen_fleet
from agent.chosen_fleet import broker_of, findings_of
from agent.fleet.command_desk import CheckFailed
from config.fleet import Fleet
from config.problems import WrongConfig
from tests.command_bench import NO_DRAWER, Box

PASSWORD = "correct-horse"


def fleet(**keys: object) -> Fleet:
    return Fleet.model_validate({"host": "127.0.0.1", "till": "till-3", "tls": False, **keys})


def test_the_password_is_systemds_credential_else_the_file(tmp_path: Path) -> None:
    file, credential = tmp_path / "password", tmp_path / "mqtt_password"
    file.write_text(f"{PASSWORD}-file\n")
    credential.write_text(f"{PASSWORD}\n")
    handed_over = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    chosen = fleet(username="till-3", password_file=file)
    assert broker_of(chosen, handed_over).password == SecretStr(PASSWORD)
    credential.write_text("\n")  # as the Debian package's unit has it where no file is there
    assert broker_of(chosen, handed_over).password == SecretStr(f"{PASSWORD}-file")
    assert broker_of(fleet(), handed_over).password is None
    assert PASSWORD not in repr(broker_of(chosen, handed_over))


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"password_file": "/nowhere/password"}, "/nowhere/password: fleet.password_file cannot be read"),
        ({"tls": True, "ca_file": "/nowhere/ca"}, "fleet ca_file, certificate_file or key_file cannot be used"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(keys: dict[str, object], problem: str) -> None:
    with pytest.raises(WrongConfig) as wrong:
        broker_of(fleet(**keys), {})
    (said,) = map(str, wrong.value.problems)
    assert problem in said


async def test_check_says_that_others_can_read_the_password(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    password = tmp_path / "mqtt_password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    box = Box(tmp_path, capsys)
    section = f'[fleet]\nhost = "127.0.0.1"\ntls = false\ntill = "till-3"\npassword_file = "{password}"\n'
    box.write(rest=NO_DRAWER + section)
    said = (await box.types("check")).out
    assert f"{password} can be read by others: chmod o= {password}" in said
    assert "till-3 at 127.0.0.1:8883" in said
    assert PASSWORD not in said


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/nowhere/tillwire", "check"), "could not be started: No such file or directory"),
        (("/bin/sh", "-c", "echo Traceback; exit 1"), "gave no answer"),
    ],
)
async def test_a_check_that_comes_to_no_answer_is_no_finding(command: tuple[str, ...], why: str) -> None:
    with pytest.raises(CheckFailed, match=f"^tillwire check {why}$"):
        await findings_of(command, {})


async def test_a_check_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chosen_fleet, "CHECK_TIMEOUT_S", 0.0)
    with pytest.raises(CheckFailed, match="did not end in time"):
        await findings_of(("/bin/sleep", "60"), {})
