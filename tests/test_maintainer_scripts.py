"""What removing, purging and upgrading the package do: its scripts as they are, with another folder for /.

That dpkg runs them, and what they do to mount points: tests/installed.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checkouts import cash_in
from tests.command_checkouts import fill_with_one

SCRIPTS = Path(__file__).parents[1] / "debian"
TO_START = "run/tillwire-to-start"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Stand for /, with the package in it and no systemd."""
    for folder in ("etc/tillwire", "run", "var/lib/misc", "var/lib/tillwire/left", "usr/lib/tillwire", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(SCRIPTS / "unsettled-payments", tmp_path / "usr/lib/tillwire")
    return tmp_path


def ran(root: Path, script: str, *arguments: str) -> str:
    """Run a script that has to succeed, and return what it says."""
    text = re.sub(r"(?<![\w/])/(etc|run|usr/lib/tillwire|var)/", rf"{root}/\1/", (SCRIPTS / script).read_text())
    path = f"{root}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-s", *arguments], input=text, check=False, capture_output=True, text=True, env={"PATH": path}
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def systemd(root: Path, systemctl: str) -> None:
    """Have a systemd, and a systemctl that does this."""
    (root / "run/systemd/system").mkdir(parents=True)
    for name, does in (("systemctl", systemctl), ("modprobe", "true")):
        program = root / "bin" / name
        program.write_text(f"#!/bin/sh\n{does}\n")
        program.chmod(0o755)


def test_purging_leaves_nothing_where_nobody_has_money(root: Path) -> None:
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True)
    (wants / "tillwire@left.service").symlink_to("/usr/lib/systemd/system/tillwire@.service")
    (root / "var/lib/tillwire/left/credentials.json").touch()
    ran(root, "tillwire.prerm", "remove")
    assert ran(root, "tillwire.postrm", "purge") == ""
    left = [path for folder in ("etc", "run", "var") for path in (root / folder).rglob("*") if "tillwire" in path.name]
    assert left == []


@pytest.mark.parametrize("folder", ["var/lib/tillwire", "var/lib/tillwire/left"])
async def test_purging_keeps_what_was_not_there_when_the_package_was_removed(root: Path, folder: str) -> None:
    """As a partition that is mounted since: nobody has looked at its journals."""
    ran(root, "tillwire.prerm", "remove")
    (root / folder).rename(root / "another")
    (root / folder).mkdir()
    await fill_with_one(root / folder / "journal.sqlite", cash_in(296))
    assert f"{root / folder}/journal.sqlite" in ran(root, "tillwire.postrm", "purge").splitlines()
    assert (root / folder / "journal.sqlite").exists()
    assert list((root / "var/lib/misc").iterdir()) == []


async def test_purging_looks_at_what_a_link_leads_to(root: Path) -> None:
    state, elsewhere = root / "var/lib/tillwire", root / "elsewhere"
    state.rename(elsewhere)
    state.symlink_to(elsewhere)
    await fill_with_one(elsewhere / "journal.sqlite", cash_in(296))
    assert "payments that are not booked" in ran(root, "tillwire.prerm", "remove")
    ran(root, "tillwire.postrm", "purge")
    (elsewhere / "journal.sqlite").unlink()
    ran(root, "tillwire.prerm", "remove")
    ran(root, "tillwire.postrm", "purge")
    assert list(elsewhere.iterdir()) == []


def test_a_unit_that_was_masked_meanwhile_keeps_no_package_from_being_installed(root: Path) -> None:
    systemd(root, "[ $1 = daemon-reload ]")
    (root / TO_START).write_text("tillwire.service\n")
    ran(root, "tillwire.postinst", "configure")
    assert not (root / TO_START).exists()
