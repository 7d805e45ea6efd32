"""Where the secrets come from: a key, a file for the service user alone, or a systemd credential.

They are read apart from the settings, because only what logs in needs them: an operator who lists checkouts may read
the configuration and not the secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from config.fleet import Fleet
from config.problems import Problem, WrongConfig
from config.settings import Api

LONGEST_SECRET = 4096  # bytes: whatever is longer is another file


@dataclass(frozen=True, slots=True)
class Secrets:
    """What a login needs beside the settings."""

    client_secret: SecretStr
    device_pin: SecretStr | None


def read_secrets(api: Api, environment: Mapping[str, str]) -> Secrets:
    """Read `client_secret`, else systemd's credential of that name, else its file; and the PIN. Raises WrongConfig."""
    found: dict[str, SecretStr] = {}
    problems: list[Problem] = []
    for key, path in _files(api, environment).items():
        try:
            found[key] = _read(path)
        except ValueError as error:
            problems.append(Problem(str(path or "the configuration"), f"api.{key}", str(error)))
    if problems:
        raise WrongConfig(problems)
    return Secrets(api.client_secret or found["client_secret_file"], found.get("device_pin_file"))


def read_fleet_password(fleet: Fleet, environment: Mapping[str, str]) -> SecretStr | None:
    """Read the broker's password: systemd's credential `mqtt_password`, else its file; None where none is configured.

    Raises WrongConfig.
    """
    path = _credential("mqtt_password", environment) or fleet.password_file
    if path is None:
        return None
    try:
        return _read(path)
    except ValueError as error:
        raise WrongConfig([Problem(str(path), "fleet.password_file", str(error))]) from None


def _files(api: Api, environment: Mapping[str, str]) -> dict[str, Path | None]:
    """Return the files to read, each by the key that names it; None where no file is named."""
    files: dict[str, Path | None] = {}
    if api.client_secret is None:
        files["client_secret_file"] = _credential("client_secret", environment) or api.client_secret_file
    if api.login == "device-pin":
        files["device_pin_file"] = _credential("device_pin", environment) or api.device_pin_file
    return files


def _credential(name: str, environment: Mapping[str, str]) -> Path | None:
    """Return the file of `LoadCredential=<name>:…`: the file that root alone can read, handed over to the service.

    An empty one stands for none: the unit names both, and not every login needs both.
    """
    file = Path(environment.get("CREDENTIALS_DIRECTORY", ""), name)
    try:
        return file if file.is_absolute() and file.read_bytes().strip() else None
    except OSError:
        return None


def _read(path: Path | None) -> SecretStr:
    if path is None:
        raise ValueError('is missing; client_secret, or a systemd credential "client_secret", does as well')
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_SECRET + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    secret = content.decode("ascii", "replace").strip()
    if not secret or not secret.isascii() or not secret.isprintable() or len(content) > LONGEST_SECRET:
        raise ValueError("holds no secret: one line of ASCII text is expected")
    return SecretStr(secret)
