"""What `tillwire check` says of units and of agents beside this one, where systemd says this: a stand-in answers."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.commands.check_service import second_agent_findings, state_findings, unit_findings
from agent.commands.findings import note, ok, wrong
from config.settings import Settings, load

LANE = """\
[api]
base_url = "http://127.0.0.1:9"
login = "client-credentials"
client_id = "x"
[kiosk]
listen = "unix:/run/tillwire/{name}.sock"
[state]
directory = "/var/lib/tillwire/{name}"
[cash]
confirmed_by = ["operator"]
"""
Shows = Callable[..., None]
"""Have systemd show these properties of every unit."""


@pytest.fixture
def systemd_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shows:
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    def shows(**properties: str) -> None:
        lines = "\n".join(f"{key}={value}" for key, value in {"LoadState": "loaded", **properties}.items())
        systemctl = programs / "systemctl"
        systemctl.write_text(f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")
        systemctl.chmod(0o755)

    return shows


def lane(folder: Path, name: str, devices: str) -> Settings:
    """Write the configuration of a lane, and read it."""
    file = folder / f"{name}.toml"
    file.write_text(LANE.format(name=name) + devices)
    return load(file, {})


def test_a_unit_that_systemd_gave_up_is_wrong_until_it_runs(tmp_path: Path, systemd_shows: Shows) -> None:
    systemd_shows(ActiveState="failed", UnitFileState="enabled")
    config = tmp_path / "left.toml"
    starts = ok("service", "tillwire@left.service starts with the machine")
    unit = "tillwire@left.service"
    why = f"{unit} has failed: `journalctl -u {unit}` says why; then `systemctl restart {unit}`"
    assert list(unit_findings(config, runs=False)) == [wrong("service", why), starts]
    assert list(unit_findings(config, runs=True)) == [starts]


def test_a_unit_that_does_not_run_yet_is_the_next_step(tmp_path: Path, systemd_shows: Shows) -> None:
    systemd_shows(ActiveState="inactive", UnitFileState="disabled")
    mend = "tillwire.service does not start with the machine: run `systemctl enable --now tillwire.service`"
    assert list(unit_findings(tmp_path / "tillwire.toml", runs=False)) == [note("service", mend)]


@pytest.mark.parametrize(
    ("property_of_the_unit", "is_wrong"),
    [
        ({"StateDirectory": "tillwire/left"}, False),
        ({"StateDirectory": "tillwire"}, False),
        ({"StateDirectory": "tillwire/right"}, True),
        ({"StateDirectory": "tillwire/right", "ReadWritePaths": "/run/tillwire -/var/lib/tillwire/left"}, False),
        ({"StateDirectory": "tillwire/right", "ProtectSystem": "full"}, False),
    ],
)
def test_a_state_directory_that_the_unit_may_not_write(
    tmp_path: Path, systemd_shows: Shows, property_of_the_unit: dict[str, str], is_wrong: bool
) -> None:
    settings = lane(tmp_path, "left", "")
    systemd_shows(**{"ProtectSystem": "strict", **property_of_the_unit})
    unit = "tillwire@left.service"
    allow = f"`systemctl edit {unit}`: [Service] ReadWritePaths=/var/lib/tillwire/left"
    cannot = f"{unit} may not write to /var/lib/tillwire/left: set [state] directory to its own, or {allow}"
    found = list(state_findings(tmp_path / "left.toml", settings))
    assert found == [wrong("state", cannot)] * is_wrong


@pytest.mark.parametrize(
    "other",
    [
        '[[scanner]]\nname = "counter"\ndriver = "serial"\nport = "{port}"\n',
        '[printer]\nconnection = "serial"\nport = "{link}"\n',
        '[drawer]\nprofile = "mmf"\nport = "{link}"\n',
    ],
    ids=["a reader's", "a printer's, by another name", "a drawer's, by another name"],
)
def test_a_port_that_a_second_agent_has_for_whatever_it_is(tmp_path: Path, systemd_shows: Shows, other: str) -> None:
    port, link = tmp_path / "ttyUSB0", tmp_path / "by-id"
    link.symlink_to(port)
    ours = lane(tmp_path, "left", f'[drawer]\nprofile = "mmf"\nport = "{port}"\n')
    lane(tmp_path, "right", other.format(port=port, link=link))
    systemd_shows(UnitFileState="enabled")
    shared = f"tillwire@right.service has the same port, {port}: give each its own, or disable one"
    assert list(second_agent_findings(tmp_path / "left.toml", ours)) == [wrong("second agent", shared)]


def test_a_reader_that_a_second_agent_has(tmp_path: Path, systemd_shows: Shows) -> None:
    reader = '[[scanner]]\nname = "counter"\ndriver = "evdev"\nmatch = { id_vendor = "0c2e" }\n'
    ours = lane(tmp_path, "left", reader)
    lane(tmp_path, "right", reader)
    lane(tmp_path, "third", reader.replace("0c2e", "05e0"))
    systemd_shows(UnitFileState="enabled")
    shared = 'tillwire@right.service has the same [[scanner]] match, id_vendor = "0c2e": give each its own'
    assert list(second_agent_findings(tmp_path / "left.toml", ours)) == [
        wrong("second agent", f"{shared}, or disable one")
    ]
