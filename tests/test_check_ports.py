"""Which ports ModemManager and brltty are about to take, from what udev and systemd say."""

from pathlib import Path

import pytest

from agent.commands.check_ports import port_findings
from agent.commands.units import Unit
from config.settings import Settings, load
from device.matching import PluggedDevice
from device.plugged_devices import plugged_devices
from tests.fake_system import FakeSystem

CONFIG = """\
[api]
base_url = "http://127.0.0.1:9"
login = "client-credentials"
client_id = "x"
[cash]
confirmed_by = ["operator"]
[[scanner]]
name = "counter"
driver = "serial"
port = "/dev/ttyUSB0"
"""
RUNS = Unit(active=True, enabled=True)
STARTS_WITH_THE_MACHINE = Unit(active=False, enabled=True)
KEPT_DOWN = Unit(active=False, enabled=True, drop_ins="/usr/lib/systemd/system/brltty.service.d/tillwire.conf")
DISABLED = Unit(active=False, enabled=False)
CH340, FTDI = ("1a86", "7523"), ("0403", "6001")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "tillwire.toml"
    file.write_text(CONFIG)
    return load(file, {})


def plugged(tmp_path: Path, ids: tuple[str, str], **udev: str) -> list[PluggedDevice]:
    fake = FakeSystem(tmp_path)
    fake.node(fake.usb("1-1", *ids), "tty", "ttyUSB0", (188, 0), {})
    fake.udev((188, 0), udev)
    return plugged_devices("tty", fake.system)


@pytest.mark.parametrize(
    ("unit", "is_told"), [(RUNS, True), (STARTS_WITH_THE_MACHINE, True), (DISABLED, False), (None, False)]
)
def test_modem_manager_is_kept_off_by_the_udev_rules(
    tmp_path: Path, settings: Settings, unit: Unit | None, is_told: bool
) -> None:
    found = list(port_findings(settings, plugged(tmp_path, FTDI), modem_manager=unit, brltty=None))
    assert [finding.text for finding in found] == [
        "ModemManager may write into /dev/ttyUSB0: run `tillwire udev-rules --write`"
    ] * is_told


@pytest.mark.parametrize("said", ["ID_MM_DEVICE_IGNORE", "ID_MM_PORT_IGNORE"])
def test_a_port_with_our_rules_is_left_alone(tmp_path: Path, settings: Settings, said: str) -> None:
    found = port_findings(settings, plugged(tmp_path, FTDI, **{said: "1"}), modem_manager=RUNS, brltty=None)
    assert list(found) == []


@pytest.mark.parametrize(
    ("ids", "unit", "is_told"),
    [
        (CH340, RUNS, True),
        (CH340, STARTS_WITH_THE_MACHINE, True),
        (CH340, KEPT_DOWN, False),
        (CH340, DISABLED, False),
        (CH340, None, False),
        (FTDI, RUNS, False),
    ],
)
def test_brltty_takes_adapters_that_braille_displays_have(
    tmp_path: Path, settings: Settings, ids: tuple[str, str], unit: Unit | None, is_told: bool
) -> None:
    found = list(port_findings(settings, plugged(tmp_path, ids), modem_manager=None, brltty=unit))
    assert [finding.text for finding in found] == [
        "brltty takes /dev/ttyUSB0 for a braille display: run `systemctl disable --now brltty`"
    ] * is_told


def test_one_port_under_two_names_is_told(tmp_path: Path) -> None:
    node, link = tmp_path / "ttyUSB0", tmp_path / "by-id"
    link.symlink_to(node)
    file = tmp_path / "tillwire.toml"
    file.write_text(CONFIG.replace("/dev/ttyUSB0", str(node)) + f'[drawer]\nprofile = "mmf"\nport = "{link}"\n')
    (found,) = port_findings(load(file, {}), [], modem_manager=None, brltty=None)
    assert found.text == f"{node} and {link} are one port: give each device its own, or write the same name"


def test_ports_of_others_are_their_business(tmp_path: Path, settings: Settings) -> None:
    fake = FakeSystem(tmp_path)
    fake.node(fake.usb("1-1", *CH340), "tty", "ttyUSB7", (188, 7), {})
    assert list(port_findings(settings, plugged_devices("tty", fake.system), modem_manager=RUNS, brltty=RUNS)) == []
