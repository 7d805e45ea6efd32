"""A configuration file is replaced whole, or not at all."""

from pathlib import Path

import pytest

from config.problems import WrongConfig
from config.replace_file import replace_config
from tests.command_bench import API, NO_DRAWER

GOOD = API.format(base_url="http://127.0.0.1:9", login="client-credentials") + NO_DRAWER


def test_the_old_file_is_kept_beside_the_new_one_with_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "tillwire.toml"
    file.write_text(GOOD)
    file.chmod(0o640)
    backup = replace_config(file, GOOD + "# new\n", {})
    assert (backup.name, backup.read_text(), file.read_text()) == ("tillwire.toml.bak", GOOD, GOOD + "# new\n")
    assert file.stat().st_mode & 0o777 == backup.stat().st_mode & 0o777 == 0o640


def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    file, link = tmp_path / "real.toml", tmp_path / "tillwire.toml"
    file.write_text(GOOD)
    link.symlink_to(file)
    replace_config(link, GOOD + "# new\n", {})
    assert link.is_symlink()
    assert file.read_text() == GOOD + "# new\n"


def test_a_text_that_is_no_configuration_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "tillwire.toml"
    file.write_text(GOOD)
    with pytest.raises(WrongConfig) as wrong:
        replace_config(file, GOOD + "[[scanner]]\n", {})
    assert {problem.file for problem in wrong.value.problems} == {str(file)}
    assert [entry.name for entry in tmp_path.iterdir()] == ["tillwire.toml"]
    assert file.read_text() == GOOD
