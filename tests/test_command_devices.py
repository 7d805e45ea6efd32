"""`tillwire devices`: what is plugged in, as lines for the configuration."""

import json
import tomllib
from pathlib import Path

import pytest

from agent.commands.devices import toml_lines, used_by
from config.settings import load
from device.discovery import Suggestion
from device.matching import PluggedDevice
from tests.command_bench import DRAWER, NO_DRAWER, Box

READER = PluggedDevice(
    node="/dev/input/event5", subsystem="input", name="Honeywell 1900", id_vendor="0c2e", id_model="0b61"
)
PORT = PluggedDevice(node="/dev/ttyUSB0", subsystem="tty", name="FT232R", links=("/dev/serial/by-id/usb-FTDI-if00",))
FOUND = (
    Suggestion(
        device=READER,
        use="reader",
        config='[[scanner]]\nname = "counter"\ndriver = "evdev"\nmatch = { id_vendor = "0c2e", id_model = "0b61" }',
    ),
    Suggestion(
        device=PORT, use="port", config='[drawer]\nprofile = "escpos"\nport = "/dev/serial/by-id/usb-FTDI-if00"'
    ),
)


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


def test_what_is_printed_can_be_pasted_into_the_configuration() -> None:
    pasted = tomllib.loads("\n".join(toml_lines(FOUND, (None, None))))
    assert pasted["scanner"][0]["match"] == {"id_vendor": "0c2e", "id_model": "0b61"}
    assert pasted["drawer"]["port"] == "/dev/serial/by-id/usb-FTDI-if00"


def test_each_device_is_named_with_what_uses_it() -> None:
    lines = list(toml_lines(FOUND, ("scanner counter", None)))
    assert "# Honeywell 1900 (0c2e:0b61) at /dev/input/event5, used by scanner counter" in lines
    assert "# FT232R at /dev/ttyUSB0" in lines


def test_a_name_that_a_device_gives_itself_commands_no_terminal() -> None:
    evil = PluggedDevice(node="/dev/ttyUSB0", subsystem="tty", name="\x1b[2J\nsecret = 1")
    lines = list(toml_lines([Suggestion(device=evil, use="port", config="")], [None]))
    assert "#  [2J secret = 1 at /dev/ttyUSB0" in lines


SCANNER = '[[scanner]]\nname = "counter"\ndriver = "evdev"\nmatch = { id_vendor = "0c2e" }\n'
SERIAL = '[[scanner]]\nname = "wall"\ndriver = "serial"\nport = "/dev/ttyUSB0"\n'
PAID = 'paid_message = { port = "/dev/ttyUSB0", pattern = "PAID" }\n'


@pytest.mark.parametrize(
    ("rest", "device", "user"),
    [
        (NO_DRAWER + SCANNER, READER, "scanner counter"),
        (NO_DRAWER + SCANNER, PORT, None),
        (NO_DRAWER + SERIAL, PORT, "scanner wall"),
        (DRAWER.format(port="/dev/serial/by-id/usb-FTDI-if00"), PORT, "[drawer]"),
        (DRAWER.format(port="/dev/ttyUSB1"), PORT, None),
        (NO_DRAWER + PAID, PORT, "[cash.paid_message]"),
    ],
)
def test_what_is_configured_already_is_known_again(
    box: Box, rest: str, device: PluggedDevice, user: str | None
) -> None:
    box.write(rest=rest)
    assert used_by(device, load(box.config, {})) == user


async def test_what_this_machine_has_is_told(box: Box) -> None:
    """Which devices that are nobody knows; none is an answer too."""
    said, told = await box.types("devices"), await box.types("devices", "--json")
    devices = told.json["devices"]
    assert isinstance(devices, list)
    assert said.code == told.code == (0 if devices else 1)
    assert all(each["node"] in said.out for each in devices)
    assert said.err == ""


async def test_a_configuration_that_is_not_there_yet_does_not_matter(box: Box) -> None:
    box.config.unlink()
    said = await box.types("devices", "--json")
    assert said.err == ""
    assert "devices" in json.loads(said.out)
