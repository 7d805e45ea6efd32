"""What sysfs and udev say is plugged in."""

from pathlib import Path

import pytest

from device.discovery import shortest_match
from device.matching import the_one
from device.plugged_devices import System, plugged_devices
from tests.fake_system import FakeSystem, write


@pytest.fixture
def box(tmp_path: Path) -> FakeSystem:
    return FakeSystem(tmp_path)


def test_a_reader_is_known_by_what_udev_stored(box: FakeSystem) -> None:
    box.keyboard("1-2", "0c2e", "0b61", 3, serial="77")
    properties = {"ID_VENDOR_ID": "0c2e", "ID_MODEL_ID": "0b61", "ID_SERIAL_SHORT": "S77", "ID_PATH": "pci-usb-0:2:1.0"}
    box.udev((13, 67), properties, links=("input/by-id/usb-Maker", "tillwire/scanner0"))
    [reader] = plugged_devices("input", box.system)
    assert (reader.node, reader.id_vendor, reader.id_model) == ("/dev/input/event3", "0c2e", "0b61")
    assert (reader.serial, reader.path) == ("S77", "pci-usb-0:2:1.0")
    assert reader.links == ("/dev/input/by-id/usb-Maker", "/dev/tillwire/scanner0")
    assert (reader.name, reader.types_codes) == ("Maker Scanner", True)


def test_without_udev_sysfs_says_it(box: FakeSystem) -> None:
    box.keyboard("1-2.4", "05e0", "1200", 5, serial="9")
    [reader] = plugged_devices("input", box.system)
    assert (reader.id_vendor, reader.id_model, reader.serial, reader.path) == ("05e0", "1200", "9", "1-2.4")


def test_a_reader_that_was_configured_by_its_socket_is_meant_when_our_rule_has_given_it_a_path(box: FakeSystem) -> None:
    """Debian's own rules give a hidraw node none, so `tillwire devices` names the socket; then ours are written."""
    for number, socket in enumerate(("1-1", "1-2")):
        box.hid_pos(socket, "1eab", "0310", number)
        box.udev((243, number), {})
    before = plugged_devices("hidraw", box.system)
    meant = shortest_match(before[1], before)
    assert meant.path == "1-2"
    for number in range(2):
        box.udev((243, number), {"ID_PATH": f"pci-0000:00:14.0-usb-0:{number + 1}:1.0"})
    readers = plugged_devices("hidraw", box.system)
    assert the_one(meant, readers).node == "/dev/hidraw1"
    by_path = shortest_match(readers[1], readers)
    assert by_path.path == "pci-0000:00:14.0-usb-0:2:1.0"
    assert the_one(by_path, readers).node == "/dev/hidraw1"


def test_a_reader_that_is_not_on_usb_is_known_by_the_input_layer(box: FakeSystem) -> None:
    """As one of uhid or Bluetooth."""
    folder = box.system.sys / "devices/virtual/misc/uhid/0005:0C2E:0B61.0003/input/input9"
    write(folder, {"id/vendor": "0c2e", "id/product": "0b61", "name": "Radio", "uniq": "aa:bb"})
    box.node(folder, "input", "event9", (13, 73), {})
    [reader] = plugged_devices("input", box.system)
    assert (reader.id_vendor, reader.id_model, reader.serial, reader.path) == ("0c2e", "0b61", "aa:bb", None)
    assert (reader.name, reader.types_codes) == ("Radio", False)


def test_the_keys_are_read_from_the_bitmap(box: FakeSystem) -> None:
    box.keyboard("1-1", "0c2e", "0b61", 0)
    assert plugged_devices("input", box.system)[0].keys == frozenset(range(1, 128))


def test_mice_and_the_older_nodes_of_input_devices_are_left_out(box: FakeSystem) -> None:
    box.node(box.usb("1-1", "046d", "c077") / "input/input1", "input", "mouse0", (13, 32), {})
    assert plugged_devices("input", box.system) == []


def test_a_hid_pos_reader_is_known_by_its_hidraw_node(box: FakeSystem) -> None:
    box.hid_pos("1-3", "1eab", "0310", 2)
    [reader] = plugged_devices("hidraw", box.system)
    assert (reader.node, reader.id_vendor, reader.id_model) == ("/dev/hidraw2", "1eab", "0310")
    assert reader.is_hid_pos_scanner


def test_a_hidraw_node_that_is_not_on_usb_is_known_by_the_hid_layer(box: FakeSystem) -> None:
    folder = box.system.sys / "devices/virtual/misc/uhid/0003:0C2E:0B6A.0004"
    write(folder, {"uevent": "HID_ID=0003:00000C2E:00000B6A\nHID_NAME=Test\nHID_UNIQ=u1\n"})
    box.node(folder, "hidraw", "hidraw0", (243, 0), {})
    [reader] = plugged_devices("hidraw", box.system)
    assert (reader.id_vendor, reader.id_model, reader.serial, reader.name) == ("0c2e", "0b6a", "u1", "Test")


def test_ports_are_those_that_the_box_has(box: FakeSystem) -> None:
    platform = box.system.sys / "devices/platform/serial8250"
    box.node(platform / "a", "tty", "ttyS0", (4, 64), {"type": "4"})
    box.node(platform / "b", "tty", "ttyS1", (4, 65), {"type": "0"})
    box.node(box.usb("1-4", "0403", "6001", "A1"), "tty", "ttyUSB0", (188, 0), {})
    write(box.system.sys / "class/tty/tty1", {"uevent": "MAJOR=4\nMINOR=1\nDEVNAME=tty1"})
    assert [port.node for port in plugged_devices("tty", box.system)] == ["/dev/ttyS0", "/dev/ttyUSB0"]


def test_devices_are_in_the_order_of_their_numbers(box: FakeSystem) -> None:
    for event in (10, 2, 1):
        box.keyboard(f"1-{event}", "0c2e", "0b61", event)
    assert [device.node[-7:] for device in plugged_devices("input", box.system)] == ["/event1", "/event2", "event10"]


def test_a_box_without_such_devices_has_none(tmp_path: Path) -> None:
    assert plugged_devices("hidraw", System(sys=tmp_path, udev_data=tmp_path)) == []
