"""Kiosks that are kept for later runs: the package just installed, and the till at work. No test waits for them twice.

They lie outside the clone, beside the image, named after all that they were made from.
"""

import asyncio
import fcntl
import hashlib
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from inspect import getsource
from pathlib import Path

from tests.debian import built_package, cache
from tests.kiosk_vm.image import Image, image
from tests.kiosk_vm.kiosk import Kiosk, around, switched_on
from tests.kiosk_vm.machine import COMMAND_LINE, MEMORY_MIB, PROCESSOR, Machine, Saved, machine, new_disk
from tests.kiosk_vm.till_config import API_PORT, DRAWER, READERS, api

HANDS = Path(__file__).with_name("hands.py")
HANDS_SERVICE = b"[Service]\nExecStart=/usr/bin/python3 /opt/hands.py\n[Install]\nWantedBy=multi-user.target\n"


async def installed(base: Image, package: Path) -> Saved:
    """Return a machine on which this package was just installed; nothing is configured."""
    made = getsource(_install) + getsource(Machine.save)
    started = f"{PROCESSOR} {MEMORY_MIB} {COMMAND_LINE}"
    made_from = (base.folder.name, started, package.read_bytes(), HANDS.read_bytes(), HANDS_SERVICE, made)
    return await _kept(f"{base.release}-installed", made_from, lambda saved: _install(base, package, saved))


async def at_work(base: Image, installed: Saved) -> Saved:
    """Return a machine on which a till waits for customers; its devices are not plugged in yet."""
    config = api(socket.gethostname()), READERS, DRAWER
    made = [getsource(step) for step in (_begin_work, Kiosk.prepare, Kiosk.set_up, Machine.save)]
    made_from = (installed.folder.name, *config, *made)
    return await _kept(f"{base.release}-at-work", made_from, lambda saved: _begin_work(base, installed, saved))


async def built_at_work(base: Image) -> Saved:
    """Return such a machine with the package of this clone, each step made that is not there."""
    return await at_work(base, await installed(base, built_package(base.release)))


async def _kept(name: str, made_from: Iterable[bytes | str], make: Callable[[Saved], Awaitable[None]]) -> Saved:
    recipe = hashlib.sha256()
    for part in made_from:
        recipe.update(part if isinstance(part, bytes) else part.encode())
    folder = cache() / "kiosk" / f"{name}-{recipe.hexdigest()[:16]}"
    with _alone(name):
        if not folder.is_dir():
            _forget_all_of(name)
            beside = Saved(folder.with_suffix(".new"))
            beside.folder.mkdir()
            await make(beside)
            beside.folder.rename(folder)
    return Saved(folder)


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Let one process make it, and the others wait for that."""
    with (cache() / "kiosk" / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _forget_all_of(name: str) -> None:
    """Remove what was made from other packages: each is half a gigabyte."""
    for other in (cache() / "kiosk").glob(f"{name}-*"):
        shutil.rmtree(other)


async def _install(base: Image, package: Path, saved: Saved) -> None:
    disk = await new_disk(saved.disk, base.disk, "raw")
    with tempfile.TemporaryDirectory() as folder:
        async with machine(Path(folder), base, disk) as running:
            await running.booted()
            await running.write("/opt/hands.py", HANDS.read_bytes())
            await running.write("/etc/systemd/system/hands.service", HANDS_SERVICE)
            await running.write("/root/tillwire.deb", package.read_bytes())
            await running.shell("systemctl daemon-reload; systemctl enable --now hands.service")
            await running.shell("dpkg --install /root/tillwire.deb", timeout_s=600)
            await running.shell("systemctl is-active hands.service door.socket tillwire-inhibit.path && sync")
            await running.save(saved.memory)


async def _begin_work(base: Image, before: Saved, saved: Saved) -> None:
    disk = await new_disk(saved.disk, before.disk, "qcow2")
    with tempfile.TemporaryDirectory() as folder:
        async with (
            around(Path(folder)) as outside,
            switched_on(Path(folder), base, disk, outside, before.memory) as box,
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


if __name__ == "__main__":
    asyncio.run(built_at_work(image("bookworm")))
