"""Keys to characters: modifiers, Alt codes, dead keys, and what shows that a key is missing."""

import pytest

from device.keyboard import Keyboard, NoCharacter, Typed
from device.keyboard_layouts import LayoutName

SHIFT, RIGHT_SHIFT, CTRL, ALT, ALTGR, CAPS, NUMLOCK, META = 42, 54, 29, 56, 100, 58, 69, 125
KEY_1, KEY_7, KEY_A, KEY_Q, KEY_J, KEY_M, RIGHTBRACE, GRAVE, SPACE = 2, 8, 30, 16, 36, 50, 27, 41, 57
KP = {"0": 82, "1": 79, "2": 80, "3": 81, "4": 75, "5": 76, "6": 77, "7": 71, "8": 72, "9": 73}


def tap(keyboard: Keyboard, *keys: int) -> list[Typed]:
    """Press each key and let it go before the next."""
    typed = []
    for key in keys:
        typed.append(keyboard.press(key))
        assert keyboard.release(key) == ""
    return typed


def held(keyboard: Keyboard, modifier: int, *keys: int) -> Typed:
    """What is typed while a modifier is held, the last press or the release of the modifier."""
    keyboard.press(modifier)
    typed = tap(keyboard, *keys)
    return keyboard.release(modifier) or typed[-1]


@pytest.mark.parametrize("shift", [SHIFT, RIGHT_SHIFT])
def test_either_shift_reaches_the_second_level(shift: int) -> None:
    assert held(Keyboard("us"), shift, KEY_A) == "A"


def test_altgr_reaches_the_third_level() -> None:
    assert held(Keyboard("de"), ALTGR, KEY_Q) == "@"


def test_control_and_alt_together_are_altgr() -> None:
    keyboard = Keyboard("de")
    keyboard.press(CTRL)
    assert held(keyboard, ALT, KEY_Q) == "@"


def test_altgr_and_shift_have_no_character() -> None:
    keyboard = Keyboard("de")
    keyboard.press(SHIFT)
    assert held(keyboard, ALTGR, KEY_Q) is NoCharacter.UNPRINTABLE


def test_the_keypad_types_digits_whatever_num_lock_says() -> None:
    keyboard = Keyboard("us")
    assert tap(keyboard, NUMLOCK, KP["4"], NUMLOCK, KP["2"]) == ["", "4", "", "2"]


def test_the_keypad_of_a_german_reader_types_a_comma() -> None:
    assert tap(Keyboard("de"), 83) == [","]


@pytest.mark.parametrize(
    ("keys", "character"),
    [("065", "A"), ("0065", "A"), ("57", "9"), ("029", "\x1d"), ("013", "\r"), ("228", "Σ"), ("0228", "ä")],
)
def test_alt_and_the_keypad_type_one_character_when_alt_is_let_go(keys: str, character: str) -> None:
    assert held(Keyboard("us"), ALT, *(KP[key] for key in keys)) == character


@pytest.mark.parametrize("keys", ["0", "000", "300", "0129"])
def test_an_alt_code_that_is_no_character_is_unprintable(keys: str) -> None:
    assert held(Keyboard("us"), ALT, *(KP[key] for key in keys)) is NoCharacter.UNPRINTABLE


def test_an_alt_code_has_at_most_four_digits() -> None:
    assert held(Keyboard("us"), ALT, *(KP[key] for key in "00065")) == "\x06"
    keyboard = Keyboard("us")
    keyboard.press(ALT)
    assert tap(keyboard, *(KP[key] for key in "00065"))[-1] is NoCharacter.UNPRINTABLE


def test_the_keys_of_an_alt_code_may_come_in_one_report() -> None:
    """As in the wild: modifier 04, keys 62 60 5b (hardware.md 3.2), which is Alt with 0, 8 and 3."""
    keyboard = Keyboard("us")
    keyboard.press(ALT)
    assert [keyboard.press(KP[digit]) for digit in "083"] == ["", "", ""]
    assert [keyboard.release(KP[digit]) for digit in "083"] == ["", "", ""]
    assert keyboard.release(ALT) == "S"


def test_alt_and_a_letter_is_no_character() -> None:
    assert held(Keyboard("us"), ALT, KEY_A) is NoCharacter.UNPRINTABLE


def test_meta_and_a_letter_is_no_character() -> None:
    assert held(Keyboard("us"), META, KEY_A) is NoCharacter.UNPRINTABLE


@pytest.mark.parametrize(("key", "character"), [(KEY_J, "\n"), (KEY_M, "\r"), (RIGHTBRACE, "\x1d")])
def test_control_types_control_characters(key: int, character: str) -> None:
    assert held(Keyboard("us"), CTRL, key) == character


@pytest.mark.parametrize("layout", ["us", "de", "fr", "ch", "uk"])
def test_control_and_the_key_of_the_bracket_is_gs_in_every_layout(layout: LayoutName) -> None:
    assert held(Keyboard(layout), CTRL, RIGHTBRACE) == "\x1d"


def test_control_and_a_digit_is_no_character() -> None:
    assert held(Keyboard("us"), CTRL, KEY_1) is NoCharacter.UNPRINTABLE


def test_a_dead_key_is_its_character_and_takes_the_space_after_it() -> None:
    assert tap(Keyboard("de"), GRAVE, SPACE, SPACE, KEY_A) == ["^", "", " ", "a"]


def test_a_dead_key_before_a_letter_leaves_the_letter_alone() -> None:
    """Track 1 has `^` before a name; readers do not always send the space."""
    assert tap(Keyboard("de"), GRAVE, KEY_A) == ["^", "a"]


def test_caps_lock_of_the_reader_turns_its_letters_around_until_it_is_pressed_again() -> None:
    keyboard = Keyboard("us")
    assert tap(keyboard, CAPS, KEY_A, KEY_7, CAPS, KEY_A) == ["", "A", "7", "", "a"]


def test_the_light_matters_only_to_a_reader_that_compensates_for_it() -> None:
    ignoring, compensating = Keyboard("us"), Keyboard("us", "compensated")
    for keyboard in (ignoring, compensating):
        keyboard.caps_lock_light(on=True)
    assert tap(ignoring, KEY_A) == ["a"]
    assert [*tap(compensating, KEY_A), held(compensating, SHIFT, KEY_A)] == ["A", "a"]


def test_f_keys_and_backspace_are_commands() -> None:
    assert tap(Keyboard("us"), 59, 14, 1) == [NoCharacter.COMMAND] * 3


def test_a_key_without_a_character_in_this_layout_is_unprintable() -> None:
    assert tap(Keyboard("us"), 86) == [NoCharacter.UNPRINTABLE]


def test_the_release_of_a_character_that_was_never_pressed_means_that_it_was_lost() -> None:
    assert Keyboard("us").release(KEY_7) is NoCharacter.LOST


@pytest.mark.parametrize("key", [SHIFT, CTRL, ALT, ALTGR, 28])
def test_the_release_of_a_modifier_or_enter_that_was_never_pressed_is_out_of_order(key: int) -> None:
    assert Keyboard("us").release(key) is NoCharacter.OUT_OF_ORDER


def test_a_modifier_that_is_pressed_twice_is_out_of_order() -> None:
    keyboard = Keyboard("us")
    keyboard.press(SHIFT)
    assert keyboard.press(SHIFT) is NoCharacter.OUT_OF_ORDER


def test_a_missing_release_of_a_character_costs_nothing() -> None:
    keyboard = Keyboard("us")
    assert [keyboard.press(KEY_7), keyboard.press(KEY_1), keyboard.press(KEY_7)] == ["7", "1", "7"]


def test_a_key_whose_release_is_missing_does_not_hide_a_press_that_is_missing_later() -> None:
    keyboard = Keyboard("us")
    keyboard.press(KEY_7)
    tap(keyboard, 2, 3, 4, 5, 6, 7)
    assert keyboard.release(KEY_7) is NoCharacter.LOST


def test_nothing_of_a_scan_that_is_over_is_held_in_the_next() -> None:
    keyboard = Keyboard("us")
    keyboard.press(SHIFT)
    keyboard.press(KEY_7)
    modified = [keyboard.modified]
    keyboard.let_go()
    assert [*modified, keyboard.modified, keyboard.press(KEY_7)] == [True, False, "7"]


def test_a_character_that_has_begun_is_known() -> None:
    keyboard = Keyboard("us")
    holding = [keyboard.holding]
    keyboard.press(ALT)
    keyboard.press(KP["0"])
    holding.append(keyboard.holding)
    keyboard.forget()
    assert [*holding, keyboard.holding, keyboard.release(ALT)] == [False, True, False, NoCharacter.OUT_OF_ORDER]
