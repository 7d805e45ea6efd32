"""What of the virtual kiosk needs no machine: one that does not come up, what is kept, and how a cut is repeated."""

import asyncio
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kiosk_vm.image import Image
from tests.kiosk_vm.json_lines import MachineError
from tests.kiosk_vm.kiosk import certificates
from tests.kiosk_vm.machine import machine
from tests.kiosk_vm.power_cut import ATTEMPTS, Aim, Cut, NeverCutError, cut_at_last
from tests.kiosk_vm.saved import made_of_at_work, made_of_installed

NO_IMAGE = Image(Path("/nowhere/bookworm-1"), "bookworm")
CUT = Cut(
    seed=1,
    aim=Aim(at="closing", flush=1, delay_s=0.0, forgets=False),
    told=("awaiting_cash",),
    had_arrived=False,
    phase="awaiting_cash",
    amounts_before_a_person=(),
    amounts=(296,),
)

Qemu = Callable[[str], None]


@pytest.fixture
def qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Qemu:
    """Let a script be QEMU."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def is_script(script: str) -> None:
        (folder / "qemu-system-x86_64").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "qemu-system-x86_64").chmod(0o755)

    return is_script


async def test_a_qemu_that_ends_at_once_is_not_waited_for(tmp_path: Path, qemu: Qemu) -> None:
    qemu("echo 'Could not set up host forwarding rule' >&2; exit 1")
    with pytest.raises(MachineError, match="QEMU ended with 1") as raised:
        async with machine(tmp_path, NO_IMAGE, "file=none"):
            pass
    assert raised.value.__notes__ == ["qemu.log:\nCould not set up host forwarding rule\nconsole.log:\n\n"]


async def test_a_qemu_that_is_killed_while_it_is_waited_for_is_told(tmp_path: Path, qemu: Qemu) -> None:
    qemu("kill -KILL $$")
    with pytest.raises(MachineError, match="QEMU ended with -9"):
        async with machine(tmp_path, NO_IMAGE, "file=none"):
            pass


async def test_who_is_cancelled_before_qemu_listens_leaves_none_behind(tmp_path: Path, qemu: Qemu) -> None:
    began = tmp_path / "began"
    os.mkfifo(began)
    qemu(f"echo $$ >{shlex.quote(str(began))}; exec sleep infinity")

    async def wait_for_it() -> None:
        async with machine(tmp_path / "machine", NO_IMAGE, "file=none"):
            pass

    waiting = asyncio.create_task(wait_for_it())
    number = int(await asyncio.to_thread(began.read_text))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_what_is_kept_belongs_to_one_version_of_qemu_and_one_package(tmp_path: Path, qemu: Qemu) -> None:
    package = tmp_path / "tillwire.deb"
    package.write_bytes(b"1")
    qemu("echo QEMU emulator version 7.2.22")
    before = made_of_installed(NO_IMAGE, package)
    assert made_of_installed(NO_IMAGE, package) == before
    package.write_bytes(b"2")
    assert made_of_installed(NO_IMAGE, package) != before
    package.write_bytes(b"1")
    qemu("echo QEMU emulator version 10.0.2")
    assert made_of_installed(NO_IMAGE, package) != before


def test_a_kept_till_at_work_belongs_to_the_authority_that_it_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qemu: Qemu
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    package = tmp_path / "tillwire.deb"
    package.write_bytes(b"1")
    qemu("echo QEMU emulator version 7.2.22")
    before = made_of_at_work(NO_IMAGE, package)
    assert made_of_at_work(NO_IMAGE, package) == before
    shutil.rmtree(certificates())
    assert made_of_at_work(NO_IMAGE, package) != before


class Attempts:
    """Attempts of one cut, of which the first so many do not come to it."""

    def __init__(self, misses: int) -> None:
        self._misses = misses
        self.begun = 0

    async def begin(self) -> Cut:
        self.begun += 1
        if self.begun <= self._misses:
            raise NeverCutError(f"waited 300 s in attempt {self.begun}")
        return CUT


@pytest.mark.parametrize("misses", range(ATTEMPTS))
async def test_an_attempt_that_never_came_to_the_cut_is_told_and_made_again(misses: int) -> None:
    attempts, missed = Attempts(misses), list[str]()
    assert await cut_at_last(attempts.begin, lambda error: missed.append(str(error))) is CUT
    assert missed == [f"waited 300 s in attempt {number}" for number in range(1, misses + 1)]
    assert attempts.begun == misses + 1


async def test_attempts_that_never_come_to_the_cut_end() -> None:
    attempts, missed = Attempts(ATTEMPTS), list[str]()
    with pytest.raises(NeverCutError, match=f"attempt {ATTEMPTS}"):
        await cut_at_last(attempts.begin, lambda error: missed.append(str(error)))
    assert len(missed) == ATTEMPTS - 1
