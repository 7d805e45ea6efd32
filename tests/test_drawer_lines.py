"""The [drawer] in the owner's own file: the rest of it stays as it is."""

import tomllib

import pytest

from config.drawer_lines import drawer_lines, with_drawer
from config.table_lines import CannotEdit, Keys

FILE = """\
# my till
[drawer]                        # under the counter
profile = "none"                # to be learned
port = "/dev/ttyS0"
open_warning_s = 20             # ours
open_level = "low"
status = { line = "cts" }

[cash]  # [drawer]
confirmed_by = ["operator"]
"""
LEARNED: Keys = {"profile": "mmf", "port": "/dev/tillwire/drawer0", "open_level": "high"}


def test_what_was_learned_is_put_in_place_and_the_owners_keys_stay() -> None:
    assert with_drawer(FILE, LEARNED) == FILE.replace('"none" ', '"mmf" ').replace(
        '"/dev/ttyS0"', '"/dev/tillwire/drawer0"'
    ).replace('"low"', '"high"').replace('status = { line = "cts" }\n', "")


def test_a_file_without_a_drawer_gets_one_at_its_end() -> None:
    changed = with_drawer('[cash]\nconfirmed_by = ["operator"]\n', {**LEARNED, "status": {"line": "dsr"}})
    assert changed.endswith(f"\n\n{drawer_lines({**LEARNED, 'status': {'line': 'dsr'}})}\n")
    assert tomllib.loads(changed)["drawer"]["status"] == {"line": "dsr"}


@pytest.mark.parametrize(
    "text",
    [
        'drawer = { profile = "none" }\n',
        '[drawer]\nprofile = "mmf"\n[drawer.status]\nline = "cts"\n',
        'drawer.profile = "mmf"\n',
        'note = """\n[drawer]\n"""\n[drawer]\nprofile = "none"\n',
    ],
)
def test_a_file_that_is_not_understood_is_left_alone(text: str) -> None:
    with pytest.raises(CannotEdit, match="by hand"):
        with_drawer(text, LEARNED)
