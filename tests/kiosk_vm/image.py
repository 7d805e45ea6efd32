"""The disk of the virtual kiosk: a Debian as an installer finds it, made by debootstrap as root, kept for later runs.

It lies outside the clone, in ${XDG_CACHE_HOME:-~/.cache}/tillwire/kiosk, named after all that it was made from.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.debian import PACKAGES, bare_system, cache, run
from tests.kept import kept

DISK_BYTES = 3 << 30
NETWORK = "[Match]\nName=e*\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n"
# From outside, one port is the local interface.
DOOR = "[Socket]\nListenStream=8300\n[Install]\nWantedBy=sockets.target\n"
DOOR_SERVICE = "[Service]\nExecStart=/usr/lib/systemd/systemd-socket-proxyd 127.0.0.1:8377\n"
QUIET_AGENT = "[Service]\nLogLevelMax=notice\n"  # it logs each question
FILES = {
    "etc/hostname": "kiosk\n",
    "etc/fstab": "/dev/vda / ext4 defaults,noatime 0 1\n",
    "etc/initramfs-tools/conf.d/kiosk": "MODULES=list\nCOMPRESS=lz4\n",
    "etc/initramfs-tools/modules": "virtio_pci\nvirtio_blk\next4\n",
    "etc/systemd/network/10-kiosk.network": NETWORK,
    "etc/systemd/system/door.socket": DOOR,
    "etc/systemd/system/door.service": DOOR_SERVICE,
    "etc/modules-load.d/kiosk.conf": "uhid\nuinput\n",
    "etc/systemd/system/qemu-guest-agent.service.d/kiosk.conf": QUIET_AGENT,
    "etc/systemd/journald.conf.d/kiosk.conf": "[Journal]\nStorage=persistent\n",
}
COMMANDS = (
    ("systemctl", "enable", "systemd-networkd.service", "door.socket"),
    ("systemctl", "mask", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "e2scrub_all.timer"),
    ("systemctl", "mask", "systemd-networkd-wait-online.service", "fstrim.timer", "e2scrub_reap.service"),
    ("passwd", "--delete", "root"),
    ("update-initramfs", "-u"),
)


@dataclass(frozen=True, slots=True)
class Image:
    """A kiosk that was never started: kernel, first disk of memory, and a raw disk."""

    folder: Path
    release: str

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    @property
    def disk(self) -> Path:
        return self.folder / "disk.raw"


def image(release: str) -> Image:
    """Return the image of a Debian release, made if it is not there, which nobody forgets. Minutes; needs root."""
    recipe = repr((release, PACKAGES, DISK_BYTES, FILES, COMMANDS))
    name = f"{release}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    with kept(cache() / "kiosk" / name, lambda folder: _make(release, folder)) as folder:
        return Image(folder, release)


def _make(release: str, folder: Path) -> None:
    root = folder / "root"
    run("cp", "--archive", str(bare_system(release)), str(root))
    for name, content in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    for command in COMMANDS:
        run("chroot", str(root), *command)
    shutil.copy(root / "vmlinuz", folder / "vmlinuz")
    shutil.copy(root / "initrd.img", folder / "initrd")
    run("mkfs.ext4", "-q", "-d", str(root), str(folder / "disk.raw"), f"{DISK_BYTES >> 20}M")
    shutil.rmtree(root)


if __name__ == "__main__":
    image("bookworm")
