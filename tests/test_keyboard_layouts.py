"""Layouts: the same keys mean other characters."""

import pytest

from device.keyboard_layouts import LAYOUTS, MAIN_KEYS, LayoutName, Level

SEMICOLON, COMMA, SLASH, MINUS, GRAVE, RIGHTBRACE = 39, 51, 53, 12, 41, 27
KEY_0, KEY_5, KEY_6, KEY_7, KEY_Y, KEY_Z, EQUAL = 11, 6, 7, 8, 21, 44, 13
LEVELS: tuple[Level, ...] = ("plain", "shift", "altgr")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@pytest.mark.parametrize(
    ("layout", "level", "key", "character"),
    [
        # The table of hardware.md 3.2.
        ("us", "plain", SEMICOLON, ";"),
        ("de", "shift", COMMA, ";"),
        ("us", "plain", EQUAL, "="),
        ("de", "shift", KEY_0, "="),
        ("us", "shift", SLASH, "?"),
        ("de", "shift", MINUS, "?"),
        ("us", "shift", KEY_5, "%"),
        ("de", "shift", KEY_5, "%"),
        ("us", "shift", KEY_6, "^"),
        ("de", "plain", GRAVE, "^"),
        ("us", "shift", EQUAL, "+"),
        ("de", "plain", RIGHTBRACE, "+"),
        ("us", "plain", SLASH, "/"),
        ("de", "shift", KEY_7, "/"),
        ("us", "plain", MINUS, "-"),
        ("de", "plain", SLASH, "-"),
        ("us", "shift", KEY_7, "&"),
        ("de", "shift", KEY_6, "&"),
        ("de", "plain", KEY_Y, "z"),
        ("de", "plain", KEY_Z, "y"),
        # French readers need Shift for digits (pain-points.md 2.1: without it they are àà&"è'!ç).
        ("fr", "shift", 2, "1"),
        ("fr", "plain", 2, "&"),
        ("fr", "shift", SLASH, "§"),
        ("ch", "shift", KEY_7, "/"),
        ("uk", "shift", 3, '"'),
    ],
)
def test_a_key_means_what_the_layout_says(layout: LayoutName, level: Level, key: int, character: str) -> None:
    assert LAYOUTS[layout].character(level, key) == character


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_types_each_digit_each_letter_and_each_sign_of_a_stripe(layout: LayoutName) -> None:
    typed = {LAYOUTS[layout].character(level, key) for key in MAIN_KEYS for level in LEVELS}
    assert set("0123456789%;=?^+/-&@[]{}|~ \\" + LETTERS + LETTERS.lower()) - typed == set()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_digit_stands_on_one_key_of_the_main_block_only(layout: LayoutName) -> None:
    table = LAYOUTS[layout]
    digits = [table.character(level, key) for key in MAIN_KEYS for level in LEVELS]
    assert [digits.count(digit) for digit in "0123456789"] == [1] * 10


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_keypad_types_digits_at_every_level(layout: LayoutName) -> None:
    assert {LAYOUTS[layout].character(level, 71) for level in LEVELS} == {"7"}


def test_caps_lock_turns_letters_around_and_nothing_else() -> None:
    german = LAYOUTS["de"]
    assert [german.is_letter(key) for key in (KEY_Y, 26, KEY_7, MINUS, COMMA)] == [True, True, False, False, False]
