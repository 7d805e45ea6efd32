"""Messages of the kernel and of udev wake who waits for a device."""

import asyncio
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.plugging import NetlinkPlugging, NoPlugging, properties_of, watch_plugging

FROM_KERNEL = b"add@/devices/x/input3/event3\0ACTION=add\0DEVPATH=/devices/x\0SUBSYSTEM=input\0SEQNUM=1\0"
WAIT_S = 60.0


def from_udev(subsystem: str, magic: int = 0xFEEDCAFE) -> bytes:
    """As libudev packs it: eight bytes of name, magic in network order, sizes, four hashes, then the properties."""
    properties = f"ACTION=add\0SUBSYSTEM={subsystem}\0DEVNAME=/dev/hidraw0\0".encode()
    header = struct.pack("=8s4sIIIIIII", b"libudev\0", magic.to_bytes(4, "big"), 40, 40, len(properties), 0, 0, 0, 0)
    return header + properties


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends; netlink keeps messages apart, and so does this."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with theirs:
        yield ours, theirs


def test_a_message_of_the_kernel_is_read() -> None:
    assert properties_of(FROM_KERNEL) == {"ACTION": "add", "DEVPATH": "/devices/x", "SUBSYSTEM": "input", "SEQNUM": "1"}


def test_a_message_of_udev_is_read() -> None:
    assert properties_of(from_udev("hidraw")) == {"ACTION": "add", "SUBSYSTEM": "hidraw", "DEVNAME": "/dev/hidraw0"}


@pytest.mark.parametrize("message", [b"", b"libudev\0", from_udev("input", magic=1), b"hello", b"a\0SUBSYSTEM=input\0"])
def test_anything_else_has_no_properties(message: bytes) -> None:
    assert properties_of(message) == {}


@given(st.binary(max_size=200), st.sampled_from([b"", b"libudev\0", b"libudev\0\xfe\xed\xca\xfe", b"add@/x\0"]))
def test_no_message_whatever_breaks_the_reading(message: bytes, start: bytes) -> None:
    properties_of(start + message)


@pytest.mark.parametrize("message", [FROM_KERNEL, from_udev("hidraw"), from_udev("tty")])
async def test_everybody_who_waits_is_woken(line: tuple[socket.socket, socket.socket], message: bytes) -> None:
    plugging = NetlinkPlugging(line[0])
    waiting = [asyncio.create_task(plugging.changed(60)) for _ in range(3)]
    await asyncio.sleep(0)
    line[1].send(message)
    await asyncio.wait_for(asyncio.gather(*waiting), WAIT_S)
    plugging.close()


async def test_a_disk_wakes_nobody(line: tuple[socket.socket, socket.socket]) -> None:
    plugging = NetlinkPlugging(line[0])
    waiting = asyncio.create_task(plugging.changed(60))
    await asyncio.sleep(0)
    line[1].send(from_udev("block"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not waiting.done()
    line[1].send(from_udev("input"))
    await asyncio.wait_for(waiting, WAIT_S)
    plugging.close()


async def test_who_waits_goes_on_after_a_while(line: tuple[socket.socket, socket.socket]) -> None:
    plugging = NetlinkPlugging(line[0])
    await asyncio.wait_for(plugging.changed(0.001), WAIT_S)
    plugging.close()


async def test_where_nobody_tells_only_time_passes() -> None:
    await asyncio.wait_for(NoPlugging().changed(0.001), WAIT_S)


@pytest.mark.enable_socket
async def test_the_kernel_is_heard(tmp_path: Path) -> None:
    """Where this is not allowed nobody tells, and the back-off finds devices alone."""
    with watch_plugging(udev_control=tmp_path / "none") as plugging:
        await asyncio.wait_for(plugging.changed(0.001), WAIT_S)
