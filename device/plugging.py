"""Learning that something was plugged in, from udev's own event, or from the kernel's where udev does not run.

udev tells after it has set owner and mode, so a device that is tried then can be opened. A message is only a reason to
look again: nothing in it is believed, and when no messages can be had the back-off of device/reconnect.py is enough.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

NETLINK_KOBJECT_UEVENT: Final = 15
FROM_KERNEL, FROM_UDEV = 1, 2  # multicast groups
MESSAGE_BYTES = 16_384  # the kernel's are at most 2 KiB, udev's at most 8 KiB
SUBSYSTEMS = frozenset({"input", "hidraw", "tty"})

# struct udev_monitor_netlink_header of libudev: prefix, magic in network order, header size, offset and length of
# the properties, and four filter hashes that are of no use here.
UDEV_PREFIX, UDEV_MAGIC = b"libudev\0", 0xFEEDCAFE
UDEV_HEADER = struct.Struct("=8s4sIII")


class Plugging(Protocol):
    """Tells that something was plugged in or out."""

    async def changed(self, within_s: float) -> None:
        """Return at the next change, at the latest after `within_s` seconds."""
        ...


class NoPlugging:
    """Nobody tells."""

    async def changed(self, within_s: float) -> None:
        await asyncio.sleep(within_s)


class NetlinkPlugging:
    """Wakes everybody who waits when a message about a reader or a port arrives."""

    def __init__(self, netlink: socket.socket) -> None:
        self._netlink = netlink
        self._waiting: set[asyncio.Future[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(netlink.fileno(), self._read)

    async def changed(self, within_s: float) -> None:
        told = self._loop.create_future()
        self._waiting.add(told)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await told
        finally:
            self._waiting.discard(told)

    def close(self) -> None:
        self._loop.remove_reader(self._netlink.fileno())
        self._netlink.close()

    def _read(self) -> None:
        try:
            message = self._netlink.recv(MESSAGE_BYTES)
        except BlockingIOError:
            return
        except OSError:  # ENOBUFS: more was plugged than we read; look again
            self._wake()
            return
        if properties_of(message).get("SUBSYSTEM") in SUBSYSTEMS:
            self._wake()

    def _wake(self) -> None:
        for told in self._waiting:
            if not told.done():
                told.set_result(None)


@contextlib.contextmanager
def watch_plugging(udev_control: Path = Path("/run/udev/control")) -> Iterator[Plugging]:
    """Hear of what is plugged in, as long as the block runs. Nobody tells where netlink is not allowed."""
    group = FROM_UDEV if udev_control.exists() else FROM_KERNEL
    netlink = _open_netlink(group)
    if netlink is None:
        yield NoPlugging()
        return
    plugging = NetlinkPlugging(netlink)
    try:
        yield plugging
    finally:
        plugging.close()


def properties_of(message: bytes) -> Mapping[str, str]:
    """The KEY=value pairs of a message from udev or from the kernel; none of one that is neither."""
    if message.startswith(UDEV_PREFIX):
        if len(message) < UDEV_HEADER.size:
            return {}
        _, magic, _, offset, length = UDEV_HEADER.unpack_from(message)
        if int.from_bytes(magic, "big") != UDEV_MAGIC:
            return {}
        return _pairs(message[offset : offset + length])
    summary, _, rest = message.partition(b"\0")
    return _pairs(rest) if b"@/" in summary else {}


def _pairs(block: bytes) -> Mapping[str, str]:
    fields = (field.decode("utf-8", "replace").partition("=") for field in block.split(b"\0"))
    return {key: value for key, equals, value in fields if equals}


def _open_netlink(group: int) -> socket.socket | None:
    try:
        netlink = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT
        )
    except OSError:
        return None
    try:
        netlink.bind((0, group))
    except OSError:
        netlink.close()
        return None
    return netlink
