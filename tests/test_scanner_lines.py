"""A [[scanner]] in the owner's own file: the rest of it stays as it is."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.scanner_lines import scanner_lines, with_scanner
from config.table_lines import CannotEdit, Keys

FILE = """\
# my till
[api]
base_url = "https://api.example"   # test

[[scanner]]   # the first
name = "counter"                # its name
driver = "evdev"
match = { id_vendor = "0c2e" }  # a "Honeywell" # really
  layout="us"                   # as bought
other_codes = "forward"
idle_s = 0.3

# The drawer
[drawer]
profile = "none"

[[scanner]]
name = "wall"
driver = "serial"
port = "/dev/ttyS0#1"  # not a comment before"""
LEARNED: Keys = {
    "name": "counter",
    "driver": "evdev",
    "match": {"id_vendor": "05e0", "serial": "A1"},
    "layout": "de",
    "suffix": "tab",
}


def test_the_scanner_of_that_name_is_changed_in_place() -> None:
    assert with_scanner(FILE, LEARNED) == FILE.replace(
        '{ id_vendor = "0c2e" }', '{ id_vendor = "05e0", serial = "A1" }'
    ).replace('layout="us"', 'layout="de"').replace(
        'other_codes = "forward"\nidle_s = 0.3', 'other_codes = "forward"\nsuffix = "tab"'
    )


def test_a_value_with_a_hash_in_it_keeps_its_comment() -> None:
    changed = with_scanner(FILE, {"name": "wall", "driver": "serial", "port": "/dev/ttyS1"})
    assert changed.endswith('port = "/dev/ttyS1"  # not a comment before')


def test_another_scanner_is_added_at_the_end() -> None:
    keys = {**LEARNED, "name": "door"}
    assert with_scanner(FILE, keys) == f"{FILE}\n\n{scanner_lines(keys)}\n"
    assert with_scanner("[api]\n", keys) == f"[api]\n\n{scanner_lines(keys)}\n"


@pytest.mark.parametrize(
    "text",
    [
        'scanner = [{ name = "counter", driver = "evdev", match = { id_vendor = "0c2e" } }]\n',
        '[[scanner]]\nname = "counter"\ndriver = "evdev"\n[scanner.match]\nid_vendor = "0c2e"\n',
        '[[scanner]]\nname = "counter"\ndriver = "evdev"\nmatch = { id_vendor = """\n0c2e""" }\n',
        'note = """\n[[scanner]]\n"""\n[[scanner]]\nname = "counter"\ndriver = "hidpos"\n',
    ],
)
def test_a_file_that_is_not_understood_is_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit, match="by hand"):
        with_scanner(text, LEARNED)


@given(st.dictionaries(st.sampled_from("abcdef"), st.text() | st.booleans() | st.floats(0, 9) | st.integers(0, 9)))
def test_whatever_the_values_are_they_come_out_again(values: dict[str, str | bool | float | int]) -> None:
    keys: Keys = {"name": "counter", **values}
    for text in (FILE, FILE.replace('"counter"', '"other"')):
        changed = tomllib.loads(with_scanner(text, keys))
        found = next(one for one in changed["scanner"] if one["name"] == "counter")
        assert {key: value for key, value in found.items() if key != "other_codes"} == keys
