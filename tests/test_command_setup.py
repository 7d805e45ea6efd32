"""`tillwire setup`: what is written and what would be typed. The whole of it runs in the virtual kiosk."""

import errno
import grp
import os
import resource
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


def test_a_configuration_with_a_secret_in_it_is_for_the_agent_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = answer_file(tmp_path)
    file.write_text(file.read_text().replace("client_id =", f'client_secret = "{SECRET}"\nclient_id ='))
    monkeypatch.setattr("agent.commands.setup.AGENT_GROUP", "a-group-of-nobody")
    with pytest.raises(ValueError, match=r"write it under \[secrets\]"):
        write_answers(read_answers(file), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["answers.toml"]
    monkeypatch.setattr("agent.commands.setup.AGENT_GROUP", grp.getgrgid(os.getgid()).gr_name)
    (till,) = write_answers(read_answers(file), tmp_path)
    written = till.config.stat()
    assert (written.st_mode & 0o777, written.st_gid) == (0o640, os.getgid())


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


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        (f"'{SECRET}' = 'client_secret'", "secrets: Value error, must be client_secret"),
        ("client_secret = ''", "secrets.client_secret: Value should have at least 1 item"),
    ],
    ids=["name and secret changed about", "empty"],
)
def test_a_wrong_secret_is_one_line_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], secret: str, problem: str
) -> None:
    file = answer_file(tmp_path)
    file.write_text(file.read_text().replace(f"client_secret = '{SECRET}'", secret))
    assert main(["setup", "--answers", str(file)]) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert SECRET not in said


def test_a_file_that_the_disk_has_no_room_for_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on how long files may become stands for a disk that is full."""
    monkeypatch.setattr("agent.commands.setup.DEFAULT_FILE", tmp_path / "tillwire.toml")
    answers = answer_file(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        code = main(["setup", "--answers", str(answers)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (code, capsys.readouterr().err) == (1, f"tillwire: {tmp_path}/tillwire.new: {os.strerror(errno.EFBIG)}\n")


def test_a_missing_answer_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["setup", "--answers", str(tmp_path / "none")]) == 1
    assert str(tmp_path / "none") in capsys.readouterr().err
