"""The stored pairing: for the service user alone, whole or not at all, and never printed."""

import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.smart.credentials import FILE_NAME, CredentialsDamaged, CredentialStore, DeviceCredentials

PAIRING = DeviceCredentials(
    base_url="https://connect-testing.secuconnect.com",
    client_id="id",
    device_uuid="/vendor/tillwire/cashier/1",
    device_code=SecretStr("the-device-code"),
    refresh_token=SecretStr("the-refresh-token"),
)


async def test_what_was_stored_is_loaded(tmp_path: Path) -> None:
    await CredentialStore(tmp_path).store(PAIRING)
    assert await CredentialStore(tmp_path).load() == PAIRING


async def test_a_pairing_without_refresh_token_is_stored_too(tmp_path: Path) -> None:
    bare = PAIRING.model_copy(update={"refresh_token": None})
    await CredentialStore(tmp_path).store(bare)
    assert await CredentialStore(tmp_path).load() == bare


async def test_nothing_stored_is_none(tmp_path: Path) -> None:
    assert await CredentialStore(tmp_path).load() is None


async def test_the_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    former = os.umask(0)
    try:
        await CredentialStore(tmp_path).store(PAIRING)
    finally:
        os.umask(former)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


async def test_a_new_refresh_token_replaces_the_old_one(tmp_path: Path) -> None:
    store = CredentialStore(tmp_path)
    await store.store(PAIRING)
    await store.store(PAIRING.renewed("another"))
    loaded = await store.load()
    assert loaded == PAIRING.model_copy(update={"refresh_token": SecretStr("another")})
    assert not (tmp_path / FILE_NAME).with_suffix(".new").exists()


async def test_what_a_crash_left_behind_is_no_obstacle(tmp_path: Path) -> None:
    left = (tmp_path / FILE_NAME).with_suffix(".new")
    left.write_text("{")
    left.chmod(0o644)
    await CredentialStore(tmp_path).store(PAIRING)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600
    assert not left.exists()


async def test_a_link_in_place_of_the_file_beside_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("keep me")
    (tmp_path / FILE_NAME).with_suffix(".new").symlink_to(elsewhere)
    await CredentialStore(tmp_path).store(PAIRING)
    assert elsewhere.read_text() == "keep me"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"device_code": 5}', '{"device_code": "the-device-code"}'])
async def test_a_damaged_file_is_told_without_quoting_it(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE_NAME).write_text(content)
    with pytest.raises(CredentialsDamaged, match="tillwire pair") as damaged:
        await CredentialStore(tmp_path).load()
    assert "the-device-code" not in f"{damaged.value}{damaged.value.__context__}"


async def test_a_directory_that_is_not_there_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        await CredentialStore(tmp_path / "missing").store(PAIRING)


def test_credentials_do_not_print_their_secrets() -> None:
    text = f"{PAIRING!r} {PAIRING!s}"
    assert "the-device-code" not in text
    assert "the-refresh-token" not in text
