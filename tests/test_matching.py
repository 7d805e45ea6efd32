"""Which device is meant."""

from dataclasses import replace

import pytest

from device.matching import HID_POS_SCANNER, Match, PluggedDevice, describe, is_meant, is_only_keyboard, the_one
from device.reconnect import Unavailable

KEYBOARD_KEYS = frozenset(range(1, 90))
DIGITS_AND_ENTER = frozenset({*range(2, 12), 28})
READER = PluggedDevice(
    node="/dev/input/event3",
    subsystem="input",
    name="Honeywell Vuquest",
    id_vendor="0c2e",
    id_model="0b61",
    serial="1234",
    path="pci-0000:00:14.0-usb-0:2:1.0",
    links=("/dev/tillwire/scanner0",),
    keys=KEYBOARD_KEYS,
)
KEYBOARD = replace(READER, node="/dev/input/event1", name="Keyboard", id_vendor="046d", id_model="c31c", serial=None)


@pytest.mark.parametrize(
    "match",
    [
        Match(id_vendor="0c2e"),
        Match(id_vendor="0c2e", id_model="0b61", serial="1234"),
        Match(path="pci-0000:00:14.0-usb-0:2:1.0"),
        Match(path="/dev/input/event3"),
        Match(path="/dev/tillwire/scanner0"),
        Match(),
    ],
)
def test_a_device_is_meant_when_all_that_is_named_is_so(match: Match) -> None:
    assert is_meant(match, READER)


@pytest.mark.parametrize(
    "match",
    [
        Match(id_vendor="0c2e", id_model="0b62"),
        Match(serial="1235"),
        Match(path="/dev/input/event4"),
        Match(id_vendor="05e0", path="/dev/input/event3"),
    ],
)
def test_a_device_is_not_meant_when_something_is_not_so(match: Match) -> None:
    assert not is_meant(match, READER)


def test_the_one_device_that_is_meant_is_found() -> None:
    assert the_one(Match(id_vendor="0c2e"), [KEYBOARD, READER]) is READER


def test_none_is_missing_and_two_are_a_fault_that_says_how_to_choose() -> None:
    with pytest.raises(Unavailable, match="plug it in") as none:
        the_one(Match(id_vendor="05e0"), [READER])
    other = replace(READER, node="/dev/input/event4")
    with pytest.raises(Unavailable, match=r"event3 and /dev/input/event4 both match .* add serial or path") as two:
        the_one(Match(id_vendor="0c2e"), [READER, other])
    assert [none.value.state, two.value.state] == ["missing", "fault"]


def test_a_match_is_described_as_it_stands_in_the_configuration() -> None:
    assert describe(Match(id_vendor="0c2e", serial="1")) == '{ id_vendor = "0c2e", serial = "1" }'


def test_the_only_keyboard_is_known_whatever_readers_are_beside_it() -> None:
    assert is_only_keyboard(KEYBOARD, [KEYBOARD, READER])
    assert not is_only_keyboard(READER, [KEYBOARD, READER])
    assert not is_only_keyboard(READER, [READER])


def test_one_of_two_keyboards_may_be_a_reader_of_a_maker_we_do_not_know() -> None:
    other = replace(KEYBOARD, node="/dev/input/event5")
    assert not is_only_keyboard(KEYBOARD, [KEYBOARD, other])


def test_a_keypad_is_no_keyboard() -> None:
    keypad = replace(KEYBOARD, keys=DIGITS_AND_ENTER)
    assert keypad.types_codes
    assert not is_only_keyboard(keypad, [keypad])


def test_a_power_button_types_no_codes() -> None:
    assert not replace(KEYBOARD, keys=frozenset({116})).types_codes


def test_a_hid_pos_scanner_is_known_by_its_descriptor() -> None:
    assert replace(READER, report_descriptor=HID_POS_SCANNER + b"\x85\x02").is_hid_pos_scanner
    assert not replace(READER, report_descriptor=b"\x05\x01\x09\x06\xa1\x01").is_hid_pos_scanner
