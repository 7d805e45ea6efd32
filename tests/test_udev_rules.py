"""The rules as udev reads them; that udev does as they say is shown in the virtual kiosk."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agent.udev_rules import NoDevice, udev_rules
from config.settings import Settings, load

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
    of_all_nodes, of_the_keys = rules(tmp_path, scanner("evdev", 'id_vendor = "0c2e", id_model = "0b61"'))
    means = 'SUBSYSTEM=="input", KERNEL=="event*", ATTRS{id/vendor}=="0c2e", ATTRS{id/product}=="0b61"'
    assert of_all_nodes == (
        f'ACTION!="remove", {means}, GROUP="tillwire-devices", MODE="0640", ENV{{LIBINPUT_IGNORE_DEVICE}}="1"'
    )
    assert of_the_keys == f'ACTION!="remove", {means}, ENV{{ID_INPUT_KEY}}=="1", SYMLINK+="tillwire/counter"'


def test_a_serial_number_is_meant_as_udev_writes_it_and_as_the_reader_says_it(tmp_path: Path) -> None:
    """Udev knows `S/N 7` as `S_N_7`, and of a reader on Bluetooth only what that says."""
    found = rules(tmp_path, scanner("evdev", 'id_vendor = "0c2e", serial = "S_N_7"'))
    keys = ['ATTRS{id/vendor}=="0c2e", ENV{ID_SERIAL_SHORT}=="S_N_7"', 'ATTRS{id/vendor}=="0c2e", ATTRS{uniq}=="S_N_7"']
    for key in keys:
        rights, name = (rule for rule in found if f"{key}, " in rule)
        assert 'GROUP="tillwire-devices", MODE="0640"' in rights
        assert 'SYMLINK+="tillwire/counter"' in name


@pytest.mark.parametrize(("vendor", "mode"), [("0c2e", "0660"), ("05e0", "0640")])
def test_a_pos_reader_may_be_written_only_where_it_is_switched_on_by_a_report(
    tmp_path: Path, vendor: str, mode: str
) -> None:
    _imports, rule = rules(tmp_path, scanner("hidpos", f'id_vendor = "{vendor}", id_model = "0cab"'))
    assert f'KERNELS=="*:{vendor.upper()}:0CAB.*", GROUP="tillwire-devices", MODE="{mode}"' in rule


def test_a_pos_readers_serial_number_is_meant_with_blanks_at_its_end_too(tmp_path: Path) -> None:
    """Which `tillwire devices` does not show: udev(7) passes over them in ATTRS, and not in ENV."""
    ids = 'id_vendor = "0c2e", id_model = "0b6a", '
    _imports, by_hid, by_usb = rules(tmp_path, scanner("hidpos", f'{ids}serial = "77"'))
    rights = 'GROUP="tillwire-devices", MODE="0660", SYMLINK+="tillwire/counter"'
    assert by_hid.endswith(f'KERNELS=="*:0C2E:0B6A.*", ENV{{HID_UNIQ}}=="77", {rights}')
    assert by_usb.endswith(f'ATTRS{{idVendor}}=="0c2e", ATTRS{{idProduct}}=="0b6a", ATTRS{{serial}}=="77", {rights}')


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
    named = 'port = "/dev/tillwire/printer"\nmatch = { id_vendor = "0403", id_model = "6001", serial = "A1" }\n'
    (adapter,) = rules(tmp_path, f'{operator}connection = "serial"\n{named}')
    assert 'ENV{ID_VENDOR_ID}=="0403", ENV{ID_MODEL_ID}=="6001", ENV{ID_SERIAL_SHORT}=="A1", GROUP' in adapter
    assert 'SYMLINK+="tillwire/printer"' in adapter
    (usb,) = rules(tmp_path, f'{operator}connection = "usb"\nmatch = {{ id_vendor = "04b8", id_model = "0202" }}\n')
    means = 'SUBSYSTEM=="usb", ENV{DEVTYPE}=="usb_device", ATTR{idVendor}=="04b8", ATTR{idProduct}=="0202"'
    assert usb == f'ACTION!="remove", {means}, GROUP="tillwire-devices", MODE="0660"'


# What a device says of itself stands between quotation marks in rules that root's udev obeys.
TEXT = st.text(st.sampled_from('aZ0"\\\n\r\t\0, |*?[]$%{}=+!#:;./_-@ ') | st.characters(), min_size=1, max_size=12)
INJECTIONS = [
    'X", RUN+="/bin/touch /tmp/p',
    'X"\nSUBSYSTEM=="tty", RUN+="/bin/id',
    "*",
    "a|b",
    "[a-z]",
    "$kernel",
    "%k",
]
TEXTS = st.sampled_from(INJECTIONS) | TEXT
RIGHTS = ["GROUP=", "MODE="]
IGNORED = ["ENV{ID_MM_DEVICE_IGNORE}=", "ENV{ID_MM_PORT_IGNORE}="]
USB = {"id_vendor": "0c2e", "id_model": "0b61"}


def configured(**sections: object) -> list[str] | None:
    """Return the rules, None where the configuration is refused."""
    api = {"base_url": "http://127.0.0.1:9", "client_id": "x"}
    try:
        return udev_rules(Settings.model_validate({"api": api, **sections}), None)[1:]
    except (ValidationError, NoDevice):
        return None


def keys_in(rule: str) -> Iterator[tuple[str, str]]:
    """Yield each key with its operator, and its value, as udev divides a line: a value ends at its quotation mark."""
    while rule:
        part = re.match(r'([A-Z_]+(?:\{[^}"]*\})?(?:==|!=|\+=|=))"([^"\\\n]*)"(?:, |\Z)', rule)
        assert part is not None, rule
        yield part[1], part[2]
        rule = rule[part.end() :]


@given(text=TEXTS)
def test_nothing_in_a_serial_number_becomes_a_key_a_pattern_or_a_rule(text: str) -> None:
    reader = {"name": "counter", "match": {**USB, "serial": text}}
    for sections, subsystem, others in (
        ({"scanner": [{**reader, "driver": "evdev"}]}, "input", ["event*"]),
        ({"scanner": [{**reader, "driver": "hidpos"}]}, "hidraw", ["*:0C2E:0B61.*"]),
        ({"drawer": {"profile": "mmf", "port": "/dev/tillwire/d", "match": reader["match"]}}, "tty", []),
        ({"printer": {"connection": "usb", "match": reader["match"]}}, "usb", []),
    ):
        for rule in configured(**sections) or ():
            values = dict(keys_in(rule))
            assert values.pop("SUBSYSTEM==") == subsystem
            assert values.get("RUN+=") in (None, "/usr/bin/stty -F $devnode -hupcl")
            assert ("RUN+=" in values) == (subsystem == "tty")
            patterns = [value for key, value in values.items() if key.endswith("==") and re.search(r"[*?|\[\]]", value)]
            assert set(patterns) <= set(others)


@given(text=TEXTS)
def test_a_rule_of_a_place_has_exactly_its_keys(text: str) -> None:
    (reader, name) = configured(scanner=[{"name": "counter", "driver": "evdev", "match": {"path": text}}]) or ("", "")
    place: list[list[str]] = [[], ["DEVPATH=="], ["ENV{ID_PATH}=="], ["SYMLINK=="], ["KERNEL=="]]
    node = ["ACTION!=", "SUBSYSTEM==", "KERNEL=="]
    if reader:
        assert [key for key, _ in keys_in(reader)] in [
            [*node, *one, *RIGHTS, "ENV{LIBINPUT_IGNORE_DEVICE}="] for one in place
        ]
        assert [key for key, _ in keys_in(name)] in [[*node, *one, "ENV{ID_INPUT_KEY}==", "SYMLINK+="] for one in place]


@given(text=TEXTS, folder=st.sampled_from(["", "/dev/", "/dev/tillwire/"]))
def test_a_rule_of_a_port_has_exactly_its_keys_and_names_one_file(text: str, folder: str) -> None:
    match = {"serial": "A1"} if folder == "/dev/tillwire/" else None
    for rule in configured(drawer={"profile": "mmf", "port": folder + text, "match": match}) or ():
        keys = [key for key, _ in keys_in(rule)]
        how = "ENV{ID_SERIAL_SHORT}==" if match else "KERNEL=="
        usual = ["ACTION!=", "SUBSYSTEM==", how, *RIGHTS, "SYMLINK+=", *IGNORED, "RUN+="]
        assert [key if key != "SYMLINK==" else "KERNEL==" for key in keys] == usual
        assert " " not in dict(keys_in(rule))["SYMLINK+="]
        assert ".." not in dict(keys_in(rule))["SYMLINK+="].split("/")


@pytest.mark.parametrize("text", INJECTIONS)
def test_what_udev_would_obey_is_refused_wherever_a_device_is_named(text: str) -> None:
    for match in ({"serial": text}, {"path": text}):
        assert configured(scanner=[{"name": "counter", "driver": "evdev", "match": match}]) is None
    assert configured(printer={"connection": "usb", "match": {**USB, "serial": text}}) is None
    assert configured(drawer={"profile": "mmf", "port": f"/dev/{text}"}) is None
