"""What is plugged in, and the lines that would use it."""

import tomllib
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from config.match import Match
from config.values import DeviceFile
from device.discovery import plugged_in, shortest_match, stable_path
from device.matching import PluggedDevice
from tests.fake_system import FakeSystem


@pytest.fixture
def box(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


def test_a_reader_gets_the_lines_of_its_driver(box: FakeSystem) -> None:
    box.keyboard("1-1", "0c2e", "0b61", 3)
    [reader] = plugged_in(box.system)
    assert reader.use == "reader"
    assert tomllib.loads(reader.config) == {
        "scanner": [
            {
                "name": "counter",
                "driver": "evdev",
                "match": {"id_vendor": "0c2e", "id_model": "0b61"},
                "layout": "us",
                "suffix": "enter",
            }
        ]
    }


def test_what_may_be_a_keyboard_is_called_so(box: FakeSystem) -> None:
    box.keyboard("1-1", "046d", "c31c", 3)
    assert [one.use for one in plugged_in(box.system)] == ["keyboard"]


def test_a_hid_pos_reader_needs_no_layout(box: FakeSystem) -> None:
    box.hid_pos("1-1", "1eab", "0310", 0)
    [reader] = plugged_in(box.system)
    assert tomllib.loads(reader.config)["scanner"] == [
        {"name": "counter", "driver": "hidpos", "match": {"id_vendor": "1eab", "id_model": "0310"}}
    ]


@pytest.mark.parametrize(
    ("serials", "key", "values"),
    [
        (("A", "B"), "serial", ["A", "B"]),
        (("", ""), "path", ["1-1", "1-2"]),
        (("A", "A"), "path", ["1-1", "1-2"]),
        (('a,", RUN+="/bin/sh', "B*"), "path", ["1-1", "1-2"]),  # names that the configuration refuses
    ],
)
def test_two_readers_of_one_kind_are_told_apart(
    box: FakeSystem, serials: tuple[str, str], key: str, values: list[str]
) -> None:
    """By their serial numbers, or by where they are plugged in when they have none of their own that can be used."""
    for number, serial in enumerate(serials, 1):
        box.keyboard(f"1-{number}", "0c2e", "0b61", number, serial=serial)
    matches = [tomllib.loads(one.config)["scanner"][0]["match"] for one in plugged_in(box.system)]
    assert [match[key] for match in matches] == values


def test_two_nodes_of_one_reader_in_one_socket_are_told_apart_by_their_files(box: FakeSystem) -> None:
    box.keyboard("1-1", "0c2e", "0b61", 1)
    second = next(box.system.sys.glob("devices/**/input1")).parent / "input2"
    first = second.parent / "input1"
    second.mkdir()
    (second / "capabilities").symlink_to(first / "capabilities")
    box.node(second, "input", "event2", (13, 66), {})
    matches = [tomllib.loads(one.config)["scanner"][0]["match"] for one in plugged_in(box.system)]
    assert matches == [{"path": "/dev/input/event1"}, {"path": "/dev/input/event2"}]


def test_a_port_is_offered_by_its_lasting_name_to_a_reader_and_to_the_drawer(box: FakeSystem) -> None:
    box.node(box.usb("1-4", "0403", "6001", "A1"), "tty", "ttyUSB0", (188, 0), {})
    box.udev((188, 0), {}, links=("serial/by-path/p", "serial/by-id/usb-FTDI_A1-if00-port0"))
    [port] = plugged_in(box.system)
    assert port.use == "port"
    lines = tomllib.loads(port.config)
    assert lines["scanner"][0]["port"] == lines["drawer"]["port"] == "/dev/serial/by-id/usb-FTDI_A1-if00-port0"


@given(text=st.text(min_size=1))
def test_what_is_offered_the_configuration_takes(text: str) -> None:
    device = PluggedDevice(
        node="/dev/ttyUSB0", subsystem="tty", serial=text, path=text, links=(f"/dev/serial/by-id/usb-{text}",)
    )
    twin = replace(device, node="/dev/ttyUSB1", serial="other", path="other")
    match = shortest_match(device, [device, twin])
    Match.model_validate({key: value for key, value in asdict(match).items() if value is not None})
    assert TypeAdapter(DeviceFile).validate_python(stable_path(device))
