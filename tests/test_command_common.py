"""What the commands share: whose files they make, and how they write to a terminal."""

import asyncio
import getpass
import os
import pty
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from agent.commands.asking import operator_name
from agent.commands.plain_text import money, plain
from agent.commands.table import table
from tests.command_bench import Box

OWNER = 54321
AS_THE_OWNER = """
import os, sys
from pathlib import Path
from agent.commands.common import become_owner_of
become_owner_of(Path(sys.argv[1]))
(Path(sys.argv[1]) / "made").touch()
print(os.getresuid(), os.getresgid(), os.getgroups())
"""


@pytest.mark.system_too
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_what_root_makes_in_a_state_directory_belongs_to_its_owner() -> None:
    with TemporaryDirectory() as state:  # pytest's own directories are for root alone
        os.chown(state, OWNER, OWNER)
        done = subprocess.run([sys.executable, "-c", AS_THE_OWNER, state], capture_output=True, text=True, check=True)
        assert done.stdout == f"({OWNER}, {OWNER}, {OWNER}) ({OWNER}, {OWNER}, {OWNER}) []\n"
        assert (Path(state) / "made").stat().st_uid == OWNER


def test_who_sits_at_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "erika")
    assert operator_name() == "erika"
    monkeypatch.delenv("SUDO_USER")
    assert operator_name() == getpass.getuser()


@pytest.mark.parametrize("length", [1, 200_000], ids=["fits the buffer", "is longer"])
def test_an_answer_for_which_there_is_no_room_is_said_in_one_line(length: int) -> None:
    program = f"from agent.commands.common import say; say('x' * {length})"
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", program], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (
        1,
        "tillwire: the answer could not be written: No space left on device\n",
    )


def test_columns_are_aligned_and_amounts_to_the_right() -> None:
    rows = [("ID", "DUE", "WHY"), ("a", "12.00", ""), ("bbb", "2.96", "offline")]
    assert list(table(rows, right=[1])) == [
        "ID     DUE  WHY",
        "a    12.00",
        "bbb   2.96  offline",
    ]
    assert list(table([])) == []


@pytest.mark.parametrize(
    ("cents", "written"),
    [(296, "2.96 EUR"), (5, "0.05 EUR"), (0, "0.00 EUR"), (-150, "-1.50 EUR"), ("free", "free")],
)
def test_amounts_are_written_with_their_cents(cents: object, written: str) -> None:
    assert money(cents, "EUR") == written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Brötchen für 3 €", "Brötchen für 3 €"),
        ("a\x1b[2Jb\x9b31mc\r\n\u202ed", "a [2Jb 31mc   d"),
        ("card 9276004429942845", "card 9276********2845"),
    ],
)
def test_a_text_from_outside_commands_no_terminal_and_shows_no_number(text: str, shown: str) -> None:
    assert plain(text) == shown


async def test_findings_are_wrapped_on_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    box = Box(tmp_path, capsys)
    terminal, inside = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", "check", "--config", str(box.config)),
        stdout=inside,
        env={**os.environ, "COLUMNS": "72"},
    )
    os.close(inside)
    shown = ""
    while "This till is" not in shown:
        shown += (await asyncio.to_thread(os.read, terminal, 4096)).decode()
    await process.wait()
    os.close(terminal)
    lines = shown.replace("\r", "").splitlines()
    assert max(map(len, lines)) <= 72 + len(str(tmp_path)), "only a path is longer than the terminal is wide"
    assert any(line.startswith(" " * 23) for line in lines)
