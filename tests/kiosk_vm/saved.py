"""Kiosks that are kept for later runs: the package just installed, and the till at work. No test waits for them twice.

They lie outside the clone, beside the image, named after all that they were made from. Each is whole: it needs neither
the image's disk nor another kept kiosk.
"""

import asyncio
import hashlib
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from inspect import getsource
from pathlib import Path

from agent.simulator.certificates import CA_FILE
from tests.debian import built_package, cache, run
from tests.kept import forget_unused, kept
from tests.kiosk_vm.image import Image, image
from tests.kiosk_vm.kiosk import EMULATED, Kiosk, around, certificates, switched_on
from tests.kiosk_vm.machine import (
    COMMAND_LINE,
    MEMORY_MIB,
    PROCESSOR,
    Machine,
    Saved,
    machine,
    new_disk,
    qemu,
    whole_disk,
)
from tests.kiosk_vm.till_config import API_PORT, DRAWER, READERS, api

HANDS = Path(__file__).with_name("hands.py")
HANDS_SERVICE = b"[Service]\nExecStart=/usr/bin/python3 /opt/hands.py\n[Install]\nWantedBy=multi-user.target\n"


def installed(base: Image, package: Path) -> AbstractContextManager[Saved]:
    """Give a machine on which this package was just installed; nothing is configured."""
    name = f"{base.release}-installed"
    return _kept(name, made_of_installed(base, package), lambda saved: asyncio.run(_install(base, package, saved)))


def at_work(base: Image, package: Path) -> AbstractContextManager[Saved]:
    """Give a machine on which a till waits for customers; its devices are not plugged in yet."""
    return _kept(f"{base.release}-at-work", made_of_at_work(base, package), lambda saved: _employ(base, package, saved))


def built_at_work(base: Image) -> AbstractContextManager[Saved]:
    """Give such a machine with the package of this clone, each step made that is not there."""
    return at_work(base, built_package(base.release))


def made_of_installed(base: Image, package: Path) -> tuple[bytes | str, ...]:
    """Return all that such a machine is made from."""
    started = (run("qemu-system-x86_64", "--version"), PROCESSOR, str(MEMORY_MIB), COMMAND_LINE, getsource(qemu))
    files = (package.read_bytes(), HANDS.read_bytes(), HANDS_SERVICE)
    return (base.folder.name, *started, *files, getsource(_install), getsource(Machine.save))


def made_of_at_work(base: Image, package: Path) -> tuple[bytes | str, ...]:
    """Return all that such a machine is made from."""
    config = (api(socket.gethostname()), READERS, DRAWER, EMULATED, (certificates() / CA_FILE).read_bytes())
    steps = (getsource(step) for step in (_begin_work, Kiosk.prepare, Kiosk.set_up))
    return (*made_of_installed(base, package), *config, *steps)


@contextmanager
def _kept(name: str, made_from: tuple[bytes | str, ...], make: Callable[[Saved], None]) -> Iterator[Saved]:
    """Give it until the end of the block. Where it is made, those from other packages go: each takes a gigabyte."""
    recipe = hashlib.sha256()
    for part in made_from:
        recipe.update(part if isinstance(part, bytes) else part.encode())

    def make_alone(folder: Path) -> None:
        forget_unused(folder.parent, name)
        make(Saved(folder))

    with kept(cache() / "kiosk" / f"{name}-{recipe.hexdigest()[:16]}", make_alone) as folder:
        yield Saved(folder)


async def _install(base: Image, package: Path, saved: Saved) -> None:
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder) / "disk.qcow2"
        async with machine(Path(folder), base, await new_disk(disk, base.disk)) as running:
            await running.booted()
            await running.write("/opt/hands.py", HANDS.read_bytes())
            await running.write("/etc/systemd/system/hands.service", HANDS_SERVICE)
            await running.write("/root/tillwire.deb", package.read_bytes())
            await running.shell("systemctl daemon-reload; systemctl enable --now hands.service")
            await running.shell("dpkg --install /root/tillwire.deb", timeout_s=600)
            await running.shell("systemctl is-active hands.service door.socket tillwire-inhibit.path && sync")
            await running.save(saved.memory)
        await whole_disk(disk, saved.disk)


def _employ(base: Image, package: Path, saved: Saved) -> None:
    with installed(base, package) as before:
        asyncio.run(_begin_work(base, before, saved))


async def _begin_work(base: Image, before: Saved, saved: Saved) -> None:
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder) / "disk.qcow2"
        drive = await new_disk(disk, before.disk)
        async with (
            around(Path(folder)) as outside,
            switched_on(Path(folder), base, drive, outside, before.memory) as box,
        ):
            await box.prepare()
            await box.set_up(READERS, DRAWER)
            async with box.screen() as screen:
                await screen.devices("present", "counter", "drawer")
                await box.machine.pull("reader")
                await box.machine.pull("drawer")
                await screen.devices("lost", "counter", "drawer")
            # A connection that lives in the memory alone would swallow the first request of each scenario.
            outside.simulator.network.disconnect()
            await box.shows(f"ss --no-header --tcp --numeric dst 10.0.2.2:{API_PORT}", lambda said: not said)
            await box.machine.shell("sync")
            await box.machine.save(saved.memory)
        await whole_disk(disk, saved.disk)


if __name__ == "__main__":
    with built_at_work(image("bookworm")):
        pass
