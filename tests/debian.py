"""Debian as these tests need it: bare systems made by debootstrap, kept for later runs, and our packages. As root."""

import functools
import hashlib
import os
import subprocess
from pathlib import Path

from tests.kept import kept

MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
# The stock kernel: the one for clouds has neither USB keyboards nor uinput (hardware.md 7.1).
PACKAGES = (
    *("linux-image-amd64", "initramfs-tools", "lz4", "kmod", "systemd-sysv", "udev", "dbus", "iproute2", "procps"),
    *("qemu-guest-agent", "python3", "ca-certificates"),
)
CLONE = Path(__file__).parents[1]


def cache() -> Path:
    """Return the folder outside the clone, as the XDG base directory specification has it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tillwire"


def bare_system(release: str) -> Path:
    """Return the folder of a Debian as debootstrap leaves it, which nobody forgets. Two minutes the first time."""
    name = f"{release}-{hashlib.sha256(repr(PACKAGES).encode()).hexdigest()[:16]}"
    with kept(cache() / "systems" / name, lambda folder: _debootstrap(release, folder)) as folder:
        return folder


def _debootstrap(release: str, folder: Path) -> None:
    run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", release, str(folder), MIRROR)


@functools.cache
def built_package(release: str) -> Path:
    """Build the package of a release from this clone, and return its file; TILLWIRE_PACKAGE names one that is built."""
    if built_before := os.environ.get("TILLWIRE_PACKAGE"):
        return Path(built_before)
    return CLONE / run(str(CLONE / "scripts/package"), release).splitlines()[-1]


def with_higher_version(package: Path, folder: Path) -> Path:
    """Make the package that comes after this one, the same otherwise, and return its file."""
    run("dpkg-deb", "--raw-extract", str(package), str(folder / "content"))
    control = folder / "content/DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 9"))
    run("dpkg-deb", "-Zgzip", "-z1", "--build", str(folder / "content"), str(folder / "tillwire.deb"))
    return folder / "tillwire.deb"


def run(*command: str) -> str:
    """Run a command that may take minutes, behind what else runs here, and return what it said. Raises OSError."""
    ran = subprocess.run(("nice", *command), check=False, capture_output=True, text=True, cwd=CLONE)
    if ran.returncode:
        raise OSError(f"{' '.join(command)} ended with {ran.returncode}: {(ran.stdout + ran.stderr)[-800:]}")
    return ran.stdout
