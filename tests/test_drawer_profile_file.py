"""Profile files: the shipped ones, the installer's own, and wrong ones with file, line and reason."""

from pathlib import Path

import pytest

from device.drawer_profile_file import ProfileRefused, load_profile, parse_profile, profile_files

NAMES = {
    "escpos",
    "star",
    "apg-484a",
    "apg-212a",
    "mmf",
    "logic-controls",
    "ibm-surepos",
    "glancetron-8005u",
    "acode-at10u3",
    "j2-625",
    "tysso-pcd005r",
}
GOOD = """\
model = "M"
wiring = "W"
limits = "L"
open_bytes = "07"

[status]
source = "line"
line = "ri"
"""


def problems(text: str, **overrides: object) -> list[str]:
    with pytest.raises(ProfileRefused) as refused:
        parse_profile(text, file="own.toml", overrides=overrides)
    return list(refused.value.problems)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_shipped_profile_loads_and_names_its_sources(name: str) -> None:
    assert load_profile(name).model
    assert "# Sources: " in profile_files(None)[name].read_text(encoding="utf-8")


def test_the_shipped_profiles_are_those_of_the_design() -> None:
    assert profile_files(None).keys() == NAMES


def test_an_installer_adds_a_model_with_one_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("not a profile")
    assert load_profile("mine", tmp_path).model == "M"
    assert profile_files(tmp_path).keys() == NAMES | {"mine"}


def test_an_installers_file_wins_over_a_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "escpos.toml").write_text(GOOD)
    assert load_profile("escpos", tmp_path).model == "M"


def test_a_missing_directory_of_the_installer_is_an_empty_one(tmp_path: Path) -> None:
    assert profile_files(tmp_path / "none").keys() == NAMES


def test_keys_of_the_configuration_override_the_profile() -> None:
    made = parse_profile(GOOD, file="own.toml", overrides={"open_level": "low", "status": {"line": "cts"}})
    assert (made.open_level, made.status.model_dump()) == (
        "low",
        {"source": "line", "line": "cts", "interval_ms": 50},
    )


def test_another_status_source_replaces_the_profiles_whole() -> None:
    made = parse_profile(GOOD, file="own.toml", overrides={"status": {"source": "none"}})
    assert made.status.model_dump() == {"source": "none"}


def test_an_unknown_name_says_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ProfileRefused, match="did you mean 'escpos'"):
        load_profile("escpo", tmp_path)
    with pytest.raises(ProfileRefused, match="there are acode-at10u3, "):
        load_profile("zzz", tmp_path)


def test_all_problems_are_named_at_once_with_line_key_and_reason() -> None:
    text = GOOD.replace('"07"', '"7"').replace('line = "ri"', 'line = "rts"\ninterval_ms = 5') + "gap_ms = 3\n"
    assert problems("parity = 'O'\nopen_levle = 'low'\n" + text) == [
        "own.toml:1: parity: Input should be 'none', 'even', 'odd', 'mark' or 'space'",
        'own.toml:6: open_bytes: each word is a byte in hexadecimal, "pulse/N" or "off/N", as "1B 70 00 pulse/2 off/2"',
        "own.toml:10: status.line: Input should be 'cts', 'dsr', 'dcd' or 'ri'",
        "own.toml:11: status.interval_ms: Input should be greater than or equal to 20",
        "own.toml:12: status.gap_ms: unknown key; there are source, line, interval_ms",
        "own.toml:2: open_levle: unknown key; did you mean 'open_level'?",
    ]


def test_a_missing_key_is_named_at_its_table() -> None:
    assert problems(GOOD.replace('line = "ri"\n', "")) == ["own.toml:6: status.line: Field required"]
    assert problems(GOOD.replace('model = "M"\n', "")) == ["own.toml:1: model: Field required"]


def test_a_rule_about_several_keys_names_the_first() -> None:
    assert problems('pulse_ms = 100\nopen_line = "rts"\n' + GOOD) == [
        "own.toml:2: open_line: the drawer opens by bytes or by a line, not by both"
    ]


def test_a_wrong_override_is_named_in_the_configuration() -> None:
    assert problems(GOOD, debounce_s=9.0, status={"line": "rts"}) == [
        "[drawer] debounce_s: Input should be less than or equal to 2",
        "[drawer] status.line: Input should be 'cts', 'dsr', 'dcd' or 'ri'",
    ]


def test_a_code_that_opens_is_in_no_problem() -> None:
    assert not any("5E C4" in problem for problem in problems(GOOD, open_bytes="5E C4 E7x"))


def test_text_that_is_not_toml_is_named_with_its_line() -> None:
    (problem,) = problems("model = \n" + GOOD)
    assert problem.startswith("own.toml: ")
    assert "line 1" in problem


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ProfileRefused, match=r"mine\.toml: cannot be read"):
        load_profile("mine", tmp_path)
