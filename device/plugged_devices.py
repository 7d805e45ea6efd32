"""Which input, hidraw and tty devices are plugged in: read from sysfs, with the properties that udev has stored.

Without udev (a container, a small system) sysfs itself gives the ids; the path is the name of the USB socket then.
Reads files only, a few for each device; call it in the executor.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from device.matching import PluggedDevice, Subsystem

LONG_BITS = struct.calcsize("l") * 8  # the kernel writes key bitmaps in words of its own size
NO_UART = "0"  # PORT_UNKNOWN: one of the ports that the driver offers and the box does not have


@dataclass(frozen=True, slots=True)
class System:
    """Where the kernel and udev keep what they know."""

    sys: Path = Path("/sys")
    udev_data: Path = Path("/run/udev/data")


def plugged_devices(subsystem: Subsystem, system: System | None = None) -> list[PluggedDevice]:
    """The devices of one kind, in the order of their names."""
    system = system or System()
    folder = system.sys / "class" / subsystem
    entries = sorted(folder.iterdir(), key=_by_number) if folder.is_dir() else []
    found = (_device(entry, subsystem, system) for entry in entries if _is_real(entry, subsystem))
    return [device for device in found if device is not None]


def _by_number(entry: Path) -> tuple[str, int]:
    kind = entry.name.rstrip("0123456789")
    return kind, int(entry.name[len(kind) :] or 0)


def _is_real(entry: Path, subsystem: Subsystem) -> bool:
    """Not a mouse's second node, a virtual console, or a port without a chip."""
    if subsystem == "input" and not entry.name.startswith("event"):
        return False
    return (entry / "device").exists() and _text(entry / "type") != NO_UART


def _device(entry: Path, subsystem: Subsystem, system: System) -> PluggedDevice | None:
    uevent = _pairs(_text(entry / "uevent"))
    if "DEVNAME" not in uevent:
        return None
    udev = _text(system.udev_data / f"c{uevent.get('MAJOR')}:{uevent.get('MINOR')}").splitlines()
    properties = _pairs("\n".join(line[2:] for line in udev if line.startswith("E:")))
    own = _ids_of_sysfs(entry, subsystem)
    return PluggedDevice(
        node=f"/dev/{uevent['DEVNAME']}",
        subsystem=subsystem,
        name=own.get("name", ""),
        id_vendor=properties.get("ID_VENDOR_ID", own.get("vendor")),
        id_model=properties.get("ID_MODEL_ID", own.get("model")),
        serial=properties.get("ID_SERIAL_SHORT", own.get("serial")),
        path=properties.get("ID_PATH", own.get("usb_socket")),
        usb_socket=own.get("usb_socket"),
        links=tuple(f"/dev/{line[2:]}" for line in udev if line.startswith("S:")),
        keys=_bits(_text(entry / "device/capabilities/key")),
        report_descriptor=_bytes(entry / "device/report_descriptor"),
        ignored_by_modem_manager="1" in (properties.get("ID_MM_DEVICE_IGNORE"), properties.get("ID_MM_PORT_IGNORE")),
    )


def _ids_of_sysfs(entry: Path, subsystem: Subsystem) -> Mapping[str, str]:
    """The USB device above the node where there is one, else what the input or HID layer says."""
    device = (entry / "device").resolve()
    own = _ids_of_hid(device) if subsystem == "hidraw" else _ids_of_input(device) if subsystem == "input" else {}
    usb = next((folder for folder in (device, *device.parents) if (folder / "idVendor").is_file()), None)
    if usb is None:
        return own
    ids = {
        "vendor": _text(usb / "idVendor"),
        "model": _text(usb / "idProduct"),
        "serial": _text(usb / "serial"),
        "usb_socket": usb.name,
        "name": " ".join(filter(None, (_text(usb / "manufacturer"), _text(usb / "product")))),
    }
    return {**own, **{key: value for key, value in ids.items() if value}}


def _ids_of_input(device: Path) -> dict[str, str]:
    ids = {
        "vendor": _text(device / "id/vendor"),
        "model": _text(device / "id/product"),
        "serial": _text(device / "uniq"),
        "name": _text(device / "name"),
    }
    return {key: value for key, value in ids.items() if value}


def _ids_of_hid(device: Path) -> dict[str, str]:
    """HID_ID is bus, vendor and product, as 0003:00000C2E:00000B61."""
    uevent = _pairs(_text(device / "uevent"))
    ids = {"serial": uevent.get("HID_UNIQ", ""), "name": uevent.get("HID_NAME", "")}
    _bus, *vendor_and_product = uevent.get("HID_ID", "").lower().split(":")
    ids.update(zip(("vendor", "model"), (number[-4:] for number in vendor_and_product), strict=False))
    return {key: value for key, value in ids.items() if value}


def _bits(words: str) -> frozenset[int]:
    """The set bits of a bitmap as sysfs writes it: words in hexadecimal, the highest first."""
    numbers = [int(word, 16) for word in reversed(words.split())]
    return frozenset(
        place * LONG_BITS + bit for place, number in enumerate(numbers) for bit in range(LONG_BITS) if number >> bit & 1
    )


def _pairs(text: str) -> dict[str, str]:
    fields = (line.partition("=") for line in text.splitlines())
    return {key: value for key, equals, value in fields if equals}


def _text(file: Path) -> str:
    return _bytes(file).decode("utf-8", "replace").strip()


def _bytes(file: Path) -> bytes:
    """What the file holds; nothing where it is missing, or its device just went."""
    try:
        return file.read_bytes()
    except OSError:
        return b""
