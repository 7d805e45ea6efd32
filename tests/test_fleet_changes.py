"""What the fleet changed is laid over the till's file, and the file stays the master."""

import json
from pathlib import Path

import pytest

from config.fleet_changes import FILE_NAME, load_in_effect, with_changes, write_changes
from config.problems import WrongConfig
from config.settings import Settings, load

CONFIGURATION = """\
[api]
base_url = "https://connect-testing.secuconnect.com"
client_id = "0123"
device_uuid = "/vendor/tillwire/cashier/1"
[cash]
confirmed_by = ["operator"]
[state]
directory = "{state}"
[fleet]
host = "broker.example"
till = "store-12-till-3"
"""
CHANGEABLE = 'senders = ["head-office"]\ncommands = ["change"]\nmay_change = ["offline.max_payments"]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "tillwire.toml"
    file.write_text(CONFIGURATION.format(state=tmp_path) + CHANGEABLE)
    return file


def in_effect(file: Path, **environment: str) -> int:
    return load_in_effect(file, environment).offline.max_payments


def test_a_change_is_in_effect_until_the_file_allows_it_no_more(file: Path, tmp_path: Path) -> None:
    write_changes(tmp_path, {"offline.max_payments": 7})
    assert in_effect(file) == 7
    assert in_effect(file, TILLWIRE_OFFLINE__MAX_PAYMENTS="9") == 9
    file.write_text(CONFIGURATION.format(state=tmp_path))
    assert in_effect(file) == 50


@pytest.mark.parametrize("written", ["", "[]", "{", "\xff", '{"offline.max_payments": -1}', '{"api.base_url": "x"}'])
def test_what_cannot_be_used_keeps_no_till_from_starting(file: Path, tmp_path: Path, written: str) -> None:
    (tmp_path / FILE_NAME).write_text(written)
    assert in_effect(file) == 50


def test_a_change_is_checked_as_the_file_is(file: Path) -> None:
    with pytest.raises(WrongConfig, match="at least 0"):
        load(file, with_changes({"offline.max_payments": -1}, {}))


def test_what_was_changed_is_kept_whole(tmp_path: Path) -> None:
    write_changes(tmp_path, {"offline.max_payments": 7})
    write_changes(tmp_path, {"offline.max_total": 1})
    assert json.loads((tmp_path / FILE_NAME).read_text()) == {"offline.max_total": 1}
    assert [each.name for each in tmp_path.iterdir()] == [FILE_NAME]


# The section


def loaded(tmp_path: Path, *lines: str) -> Settings:
    file = tmp_path / "tillwire.toml"
    file.write_text(CONFIGURATION.format(state=tmp_path) + "".join(f"{line}\n" for line in lines))
    return load(file, {})


@pytest.mark.parametrize("key", ["api.base_url", "cash.confirmed_by", "drawer.port", "scanner.name", "cards.prefixes"])
@pytest.mark.parametrize("more", ["kiosk.listen", "fleet.host", "state.directory", "offline", "offline."])
def test_what_may_never_be_changed_cannot_be_allowed(tmp_path: Path, key: str, more: str) -> None:
    for refused in (key, more):
        allowed = 'commands = ["change"]', f'senders = ["x"]\nmay_change = ["{refused}"]'
        with pytest.raises(WrongConfig, match="can never be changed"):
            loaded(tmp_path, *allowed)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (('certificate_file = "/x.crt"',), "come together"),
        (("tls = false",), "for a broker on this box alone"),
        (('commands = ["check"]',), "commands need senders"),
        (('senders = ["x"]', 'commands = ["change"]'), "come together"),
        (('senders = ["x"]', 'commands = ["change"]', 'may_change = ["offline.nothing"]'), "is not a known key"),
        (('commands = ["open-drawer"]',), "must be"),
        (('topic_prefix = "a/+/b"',), "must be one to four levels"),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path: Path, lines: tuple[str, ...], problem: str) -> None:
    with pytest.raises(WrongConfig, match=problem):
        loaded(tmp_path, *lines)


def test_nothing_is_allowed_by_default(tmp_path: Path) -> None:
    fleet = loaded(tmp_path).fleet
    assert fleet is not None
    assert (fleet.senders, fleet.commands, fleet.may_change, fleet.tls, fleet.port) == ((), (), (), True, 8883)
