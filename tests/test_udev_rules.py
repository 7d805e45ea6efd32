"""The rules as udev reads them; that udev does as they say is shown in the virtual kiosk."""

import re
from pathlib import Path

import pytest

from agent.udev_rules import NoDevice, udev_rules
from config.settings import load

API = '[api]\nbase_url = "http://127.0.0.1:9"\nlogin = "client-credentials"\nclient_id = "x"\n'
# The operators and keys of udev(7) that are used here.
RULE = re.compile(r'[A-Z_]+(\{[A-Za-z_/]+\})?(==|!=|=|\+=)"[^"]*"(, [A-Z_]+(\{[A-Za-z_/]+\})?(==|!=|=|\+=)"[^"]*")*')


def rules(tmp_path: Path, text: str, lane: str | None = None) -> list[str]:
    file = tmp_path / "tillwire.toml"
    file.write_text(API + text)
    first, *found = udev_rules(load(file, {}), lane)
    assert first.startswith("#")
    assert all(RULE.fullmatch(rule) for rule in found)
    return found


def scanner(driver: str, match: str) -> str:
    reader = f'[[scanner]]\nname = "counter"\ndriver = "{driver}"\nmatch = {{ {match} }}\n'
    return f'[cash]\nconfirmed_by = ["operator"]\n{reader}'


def drawer(lines: str) -> str:
    return f'[drawer]\nprofile = "escpos"\nopen_level = "low"\n{lines}\n'


def test_a_keyboard_mode_reader_may_be_read_and_is_kept_from_the_desktop(tmp_path: Path) -> None:
    of_all_nodes, of_the_keys = rules(tmp_path, scanner("evdev", 'id_vendor = "0c2e", id_model = "0b61", serial = "7"'))
    means = (
        'SUBSYSTEM=="input", KERNEL=="event*", ATTRS{id/vendor}=="0c2e", ATTRS{id/product}=="0b61", ATTRS{uniq}=="7"'
    )
    assert of_all_nodes == (
        f'ACTION!="remove", {means}, GROUP="tillwire-devices", MODE="0640", ENV{{LIBINPUT_IGNORE_DEVICE}}="1"'
    )
    assert of_the_keys == f'ACTION!="remove", {means}, ENV{{ID_INPUT_KEY}}=="1", SYMLINK+="tillwire/counter"'


@pytest.mark.parametrize(("vendor", "mode"), [("0c2e", "0660"), ("05e0", "0640")])
def test_a_pos_reader_may_be_written_only_where_it_is_switched_on_by_a_report(
    tmp_path: Path, vendor: str, mode: str
) -> None:
    _imports, rule = rules(tmp_path, scanner("hidpos", f'id_vendor = "{vendor}", id_model = "0cab"'))
    assert f'KERNELS=="*:{vendor.upper()}:0CAB.*", GROUP="tillwire-devices", MODE="{mode}"' in rule


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("1-4.2", 'DEVPATH=="*/1-4.2/*"'),
        ("pci-0000:00:14.0-usb-0:4:1.0", 'ENV{ID_PATH}=="pci-0000:00:14.0-usb-0:4:1.0"'),
        ("/dev/input/by-id/usb-Scanner-event-kbd", 'SYMLINK=="input/by-id/usb-Scanner-event-kbd"'),
        ("/dev/input/event3", 'KERNEL=="event3"'),
    ],
)
def test_a_place_is_one_of_four_things(tmp_path: Path, path: str, key: str) -> None:
    assert key in rules(tmp_path, scanner("evdev", f'path = "{path}"'))[0]


@pytest.mark.parametrize(
    ("port", "key"),
    [
        ("/dev/ttyS0", 'KERNEL=="ttyS0"'),
        ("/dev/serial/by-id/usb-FTDI_1-if00-port0", 'SYMLINK=="serial/by-id/usb-FTDI_1-if00-port0"'),
    ],
)
def test_a_drawers_port_is_left_alone_by_modemmanager_and_by_the_edge_of_closing(
    tmp_path: Path, port: str, key: str
) -> None:
    (rule,) = rules(tmp_path, drawer(f'port = "{port}"'))
    assert rule == (
        f'ACTION!="remove", SUBSYSTEM=="tty", {key}, GROUP="tillwire-devices", MODE="0660", '
        'SYMLINK+="tillwire/drawer", ENV{ID_MM_DEVICE_IGNORE}="1", ENV{ID_MM_PORT_IGNORE}="1", '
        'RUN+="/usr/bin/stty -F $devnode -hupcl"'
    )


def test_a_name_of_ours_is_given_to_the_adapter_that_is_meant(tmp_path: Path) -> None:
    named = 'port = "/dev/tillwire/drawer0"\nmatch = { id_vendor = "0403", id_model = "6001", serial = "1" }'
    (rule,) = rules(tmp_path, drawer(named))
    assert 'ENV{ID_VENDOR_ID}=="0403", ENV{ID_MODEL_ID}=="6001", ENV{ID_SERIAL_SHORT}=="1", GROUP' in rule
    assert 'SYMLINK+="tillwire/drawer0"' in rule
    with pytest.raises(NoDevice, match="which device /dev/tillwire/drawer0 is"):
        rules(tmp_path, drawer('port = "/dev/tillwire/drawer0"'))


def test_each_lane_has_names_of_its_own(tmp_path: Path) -> None:
    (rule,) = rules(tmp_path, drawer('port = "/dev/ttyS0"'), lane="lane1")
    assert 'SYMLINK+="tillwire/lane1/drawer"' in rule


def test_a_line_that_says_the_money_is_in_has_a_rule_unless_it_is_the_drawers(tmp_path: Path) -> None:
    paid = '[cash]\nconfirmed_by = ["paid-message"]\n[cash.paid_message]\nport = "{}"\npattern = \'PAID\'\n'
    (rule,) = rules(tmp_path, paid.format("/dev/ttyS1"))
    assert 'KERNEL=="ttyS1"' in rule
    assert "stty" not in rule
    mmf = '[drawer]\nprofile = "mmf"\nport = "/dev/ttyS1"\n'
    assert len(rules(tmp_path, mmf + paid.format("/dev/ttyS1"))) == 1


def test_a_printer_of_its_own_has_a_rule(tmp_path: Path) -> None:
    operator = '[cash]\nconfirmed_by = ["operator"]\n[printer]\n'
    (serial,) = rules(tmp_path, f'{operator}connection = "serial"\nport = "/dev/ttyS2"\n')
    assert 'KERNEL=="ttyS2"' in serial
    assert 'SYMLINK+="tillwire/printer"' in serial
    (usb,) = rules(tmp_path, f'{operator}connection = "usb"\nmatch = {{ id_vendor = "04b8", id_model = "0202" }}\n')
    means = 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="04b8", ATTR{idProduct}=="0202"'
    assert usb == f'ACTION!="remove", {means}, GROUP="tillwire-devices", MODE="0660"'
