"""`tillwire setup`: what is written and what would be typed. The whole of it runs in the virtual kiosk."""

from pathlib import Path

import pytest

from agent.cli import main
from agent.commands.setup import commands, read_answers, write_answers
from agent.smart.credentials import FILE_NAME as PAIRING
from config.problems import WrongConfig

SECRET = "a-secret-of-nobody"
TILL = """\
[api]
base_url = "http://127.0.0.1:9"
login = "{login}"
client_id = "x"
device_uuid = "/vendor/tillwire/cashier/1"
[cash]
confirmed_by = ["operator"]
[state]
directory = "{state}"
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


def answer_file(tmp_path: Path, *, login: str = "client-credentials", name: str = "tillwire", more: str = "") -> Path:
    file = tmp_path / "answers.toml"
    config = TILL.format(login=login, state=tmp_path / "state")
    file.write_text(f"{more}\n[secrets]\nclient_secret = '{SECRET}'\n[config]\n{name} = '''\n{config}'''\n")
    return file


def test_secrets_are_for_root_alone_and_the_configuration_is_as_it_was_given(tmp_path: Path) -> None:
    (till,) = write_answers(read_answers(answer_file(tmp_path)), tmp_path)
    assert (tmp_path / "client_secret").read_text() == f"{SECRET}\n"
    assert (tmp_path / "client_secret").stat().st_mode & 0o777 == 0o600
    assert till.config.read_text() == TILL.format(login="client-credentials", state=tmp_path / "state")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.toml", "client_secret", "tillwire.toml"]


def test_where_one_configuration_is_wrong_nothing_is_written(tmp_path: Path) -> None:
    file = answer_file(tmp_path)
    file.write_text(f"{file.read_text()}left = 'is no configuration'\n")
    with pytest.raises(WrongConfig) as wrong:
        write_answers(read_answers(file), tmp_path)
    assert [problem.file for problem in wrong.value.problems] == [str(tmp_path / "left.toml")]
    assert [path.name for path in tmp_path.iterdir()] == ["answers.toml"]


def test_every_step_is_a_command_in_the_order_of_an_installer(tmp_path: Path, state: Path) -> None:
    (till,) = write_answers(read_answers(answer_file(tmp_path, login="device")), tmp_path)
    config = f"--config {till.config}"
    typed = [" ".join(command) for command in commands(till, enable=True, is_running=True)]
    assert typed == [
        f"tillwire udev-rules --write {config}",
        "systemctl enable tillwire.service",
        f"tillwire pair {config}",
        "systemctl restart tillwire.service",
        f"tillwire check {config}",
    ]
    state.mkdir()
    (state / PAIRING).touch()
    assert f"tillwire pair {config}" not in [" ".join(each) for each in commands(till, enable=True, is_running=True)]


def test_in_an_image_that_is_being_built_nothing_is_started(tmp_path: Path) -> None:
    (till,) = write_answers(read_answers(answer_file(tmp_path, login="device", name="left")), tmp_path)
    typed = [command[:2] for command in commands(till, enable=True, is_running=False)]
    assert typed == [["tillwire", "udev-rules"], ["systemctl", "enable"]]
    assert "tillwire@left.service" in list(commands(till, enable=True, is_running=False))[1]


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("enabel = true", "enabel: Extra inputs are not permitted"),
        ("enable = [", "is not TOML"),
    ],
)
def test_a_wrong_answer_is_one_line_without_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, problem: str
) -> None:
    assert main(["setup", "--answers", str(answer_file(tmp_path, more=more))]) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert len(said.splitlines()) == 1
    assert SECRET not in said


def test_a_missing_answer_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "--answers", str(tmp_path / "none")]) == 1
    assert str(tmp_path / "none") in capsys.readouterr().err
