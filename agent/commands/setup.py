"""`tillwire setup`: the whole installation from an answer file, without a keystroke: for cloud-init and image builders.

Each step is a command that a person could type; the first that fails ends it. Doing it again changes nothing that is so
already, and takes up what was changed in the file.
"""

import argparse
import grp
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from agent.commands.common import AGENT_GROUP, GOOD, NO, WRONG_USE, complain, complain_of, say
from agent.commands.lanes import unit_of
from agent.smart.credentials import FILE_NAME as PAIRING
from config.problems import WrongConfig
from config.settings import DEFAULT_FILE, Settings, load

EXAMPLE = """\
the answer file is TOML:

  enable = true                   # start now and with the machine (the default)

  [secrets]                       # written to /etc/tillwire, readable by root alone
  client_secret = "..."
  device_pin = "..."              # of a lane: "LANE.device_pin"
  mqtt_password = "..."           # of the fleet's broker; of a lane: "LANE.mqtt_password"

  [config]                        # as it shall stand in /etc/tillwire/tillwire.toml; other names are lanes
  tillwire = '''
  [api]
  base_url = "https://connect.secucard.com"
  ...
  '''
"""
SYSTEMD_RUNS = Path("/run/systemd/system")
KEEP = -1  # chown(2): the owner and the group of whoever writes
_SECRET = re.compile(r"client_secret|([A-Za-z0-9_-]+\.)?(device_pin|mqtt_password)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")


def _secret_name(name: str) -> str:
    if not _SECRET.fullmatch(name):
        raise ValueError(
            "must be client_secret, device_pin or mqtt_password, or one of the last two of a lane: LANE.device_pin"
        )
    return name


def _config_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError('must be "tillwire" or the name of a lane: letters, digits, _ and -')
    return name


class Answers(BaseModel):
    """What an installer would type."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    enable: bool = True
    secrets: dict[Annotated[str, AfterValidator(_secret_name)], Annotated[SecretStr, Field(min_length=1)]] = {}
    config: Annotated[dict[Annotated[str, AfterValidator(_config_name)], str], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Till:
    """One till of the box: its configuration file, and what it says."""

    config: Path
    settings: Settings


@dataclass(frozen=True, slots=True)
class Rights:
    """Who may read a file that is written as root."""

    mode: int
    group: int = KEEP


FOR_ROOT, FOR_ALL = Rights(0o600), Rights(0o644)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXAMPLE
    parser.add_argument("--answers", type=Path, required=True, metavar="FILE", help="what an installer would type")


def run(arguments: argparse.Namespace) -> int:
    try:
        answers = read_answers(arguments.answers)
        tills = write_answers(answers, DEFAULT_FILE.parent)
    except WrongConfig as wrong:
        return complain_of(wrong)
    except ValueError as error:
        complain(f"{arguments.answers}: {error}")
        return WRONG_USE
    except PermissionError as error:
        complain(f"{error.filename}: {error.strerror}; do this as root")
        return NO
    except OSError as error:
        complain(f"{error.filename}: {error.strerror}")
        return NO
    is_running = SYSTEMD_RUNS.is_dir()
    typed = (command for till in tills for command in commands(till, enable=answers.enable, is_running=is_running))
    return GOOD if all(map(_done, typed)) else NO


def read_answers(file: Path) -> Answers:
    """Read the answer file. Raises OSError, and ValueError with one plain line that holds no secret."""
    try:
        return Answers.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{_place(first['loc'])}: {first['msg']}") from None
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is not TOML: {error}") from None


def _place(location: tuple[int | str, ...]) -> str:
    """Return the keys to what is wrong. The name of a secret may be the secret itself, by mistake."""
    section, *names = map(str, location)
    return ".".join((section, *(name for name in names if section != "secrets" or _SECRET.fullmatch(name))))


def write_answers(answers: Answers, directory: Path) -> list[Till]:
    """Write secrets and configurations; where one is wrong, nothing. Raises WrongConfig, OSError, ValueError."""
    texts = {directory / f"{name}.toml": text for name, text in answers.config.items()}
    found = {path: _checked(path, text) for path, text in texts.items()}
    rights = {path: for_the_agent() if settings.api.client_secret else FOR_ALL for path, settings in found.items()}
    for name, secret in answers.secrets.items():
        _write(directory / name, f"{secret.get_secret_value()}\n", FOR_ROOT)
    for path, text in texts.items():
        _write(path, text, rights[path])
    return [Till(path, settings) for path, settings in found.items()]


def _checked(path: Path, text: str) -> Settings:
    """Read a configuration that is not in its place yet. A problem is said of the place where it will be."""
    beside = path.with_suffix(".new")
    _write(beside, text, FOR_ROOT)
    try:
        return load(beside, {})
    except WrongConfig as wrong:
        raise WrongConfig(replace(problem, file=str(path)) for problem in wrong.problems) from None
    finally:
        beside.unlink()


def for_the_agent() -> Rights:
    """Return the rights of a file that the agent reads and nobody else, root aside. Raises ValueError."""
    try:
        return Rights(0o640, grp.getgrnam(AGENT_GROUP).gr_gid)
    except KeyError:
        problem = f"there is no group {AGENT_GROUP} to read a client_secret in [config]: write it under [secrets]"
        raise ValueError(problem) from None


def _write(path: Path, text: str, rights: Rights) -> None:
    """Write beside and rename: a power cut leaves a whole file or none. Raises OSError that names the file."""
    try:
        _write_beside_and_rename(path, text, rights)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None


def _write_beside_and_rename(path: Path, text: str, rights: Rights) -> None:
    beside = path.with_name(f"{path.name}.part")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FOR_ROOT.mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchown(descriptor, KEEP, rights.group)
        os.fchmod(descriptor, rights.mode)
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    beside.replace(path)


def commands(till: Till, *, enable: bool, is_running: bool) -> Iterator[list[str]]:
    """Yield what is to be typed for a till, in order; in an image that does not run, only what is written to files."""
    config, unit = ["--config", str(till.config)], unit_of(till.config)
    yield ["tillwire", "udev-rules", "--write", *config]
    if enable:
        yield ["systemctl", "enable", unit]
    if not is_running:
        return
    if till.settings.api.login == "device" and not (till.settings.state.directory / PAIRING).exists():
        yield ["tillwire", "pair", *config]
    if enable:
        yield ["systemctl", "restart", unit]
    yield ["tillwire", "check", *config]


def _done(command: list[str]) -> bool:
    say(f"$ {' '.join(command)}")
    program = [sys.executable, "-m", "agent", *command[1:]] if command[0] == "tillwire" else command
    return subprocess.run(program, check=False, env=_without_settings(os.environ)).returncode == GOOD  # noqa: S603


def _without_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The service will not have the variables of this terminal."""
    return {name: value for name, value in environment.items() if not name.startswith("TILLWIRE_")}
