"""What the till keeps of its pairing: the device code and the refresh token, in one file of the state directory.

The file is for the service user alone. It is replaced as a whole: written beside, synced, renamed, and the directory
synced, so after a power cut either the old or the new one is there.
"""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic_core import to_json

FILE_NAME = "credentials.json"


class DeviceCredentials(BaseModel):
    """The pairing of one device with one address. Sent to no other address and for no other device."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    base_url: str
    client_id: str
    device_uuid: str
    device_code: SecretStr
    refresh_token: SecretStr | None = None

    def renewed(self, refresh_token: str) -> Self:
        return self.model_copy(update={"refresh_token": SecretStr(refresh_token)})

    def written(self) -> bytes:
        """Return the JSON text of the file, the secrets in clear."""
        return to_json({name: _in_clear(value) for name, value in self}, indent=1)


class CredentialsDamaged(Exception):
    """The file is there and cannot be used. The text says what to do and holds nothing of it."""


class CredentialStore:
    """The file with the credentials. Reading and writing happen off the event loop."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE_NAME

    async def load(self) -> DeviceCredentials | None:
        """Return what is stored, None if nothing is. Raises CredentialsDamaged, OSError."""
        return await asyncio.to_thread(_read, self._path)

    async def store(self, credentials: DeviceCredentials) -> None:
        """Return when the credentials are on the disk. Raises OSError."""
        await asyncio.to_thread(_replace, self._path, credentials.written())


def _in_clear(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _read(path: Path) -> DeviceCredentials | None:
    try:
        return DeviceCredentials.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        pass
    raise CredentialsDamaged(f"{path} is damaged: remove it and pair the device again with `tillwire pair`")


def _replace(path: Path, content: bytes) -> None:
    beside = path.with_suffix(".new")
    with suppress(FileNotFoundError):
        beside.unlink()  # left by a crash, perhaps with another owner or mode
    _write_synced(beside, content)
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _write_synced(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
