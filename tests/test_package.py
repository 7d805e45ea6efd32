"""The Debian packages as they are built: what a maintainer would say, and what is in them."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.debian import CLONE, built_package

pytestmark = [pytest.mark.kiosk, pytest.mark.timeout(900)]
PYTHON = {"bookworm": "3.11", "trixie": "3.13"}


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def content(release: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package has the simulator with the printed samples, so it lies in no folder that is searched for secrets."""
    folder = tmp_path_factory.mktemp("content")
    subprocess.run(["dpkg-deb", "--extract", built_package(release), folder], check=True)
    return folder


def said(*command: str | Path) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_a_maintainer_has_nothing_to_say(release: str) -> None:
    assert said("lintian", "--no-tag-display-limit", built_package(release)) == ""


def test_whoever_reads_it_reads_it_whole_though_it_is_made_again(release: str) -> None:
    package = built_package(release)
    with package.open("rb") as reading:
        before = os.fstat(reading.fileno()).st_mtime_ns
        subprocess.run(["scripts/package", release], check=True, cwd=CLONE, stdout=subprocess.DEVNULL)
        assert os.fstat(reading.fileno()).st_mtime_ns == before


def test_it_runs_on_the_python_of_its_release_alone(release: str) -> None:
    depends = said("dpkg-deb", "--field", built_package(release), "Depends")
    major, minor = PYTHON[release].split(".")
    assert f"python3 (>= {PYTHON[release]}), python3 (<< {major}.{int(minor) + 1})" in depends


def test_nothing_of_the_building_machine_is_in_it(content: Path) -> None:
    home = content / "opt/tillwire"
    assert {path.name for path in (home / "bin").iterdir()} == {"tillwire", "python", "python3", *_versioned(home)}
    assert (home / "bin/tillwire").read_text().startswith("#!/opt/tillwire/bin/python3\n")
    found = subprocess.run(["grep", "-rl", "/build/tillwire", content], check=False, capture_output=True, text=True)
    assert found.stdout == ""


def _versioned(home: Path) -> set[str]:
    return {path.name for path in (home / "lib").iterdir()}


def test_a_newcomer_finds_manual_completion_and_example(content: Path) -> None:
    for path in (
        "usr/share/man/man1/tillwire.1.gz",
        "usr/share/bash-completion/completions/tillwire",
        "usr/share/zsh/vendor-completions/_tillwire",
        "usr/share/doc/tillwire/examples/tillwire.example.toml",
        "usr/lib/modules-load.d/tillwire.conf",
        "usr/lib/sysusers.d/tillwire.conf",
    ):
        assert (content / path).is_file(), path
    manual = content / "usr/share/man/man1/tillwire.1.gz"
    warnings = subprocess.run(
        ["man", "--warnings=w", "--local-file", manual],
        check=True,
        capture_output=True,
        text=True,
        env={"LANG": "C.UTF-8"},
    )
    assert "tillwire setup" in warnings.stdout
    completing = content / "usr/share/bash-completion/completions/tillwire"
    assert "udev-rules" in completing.read_text()
