"""Which plugged-in device is meant. Pure.

The names are those of udev: ID_VENDOR_ID, ID_MODEL_ID, ID_SERIAL_SHORT and ID_PATH.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from device.reconnect import Unavailable

Subsystem = Literal["input", "hidraw", "tty"]

KEY_1, KEY_0, KEY_A, KEY_ENTER = 2, 11, 30, 28
HID_POS_SCANNER = bytes.fromhex("05 8C 09 02 A1 01")  # usage page bar code scanner, usage scanner, application

# Makers of barcode and magstripe readers (hardware.md 3.1, from usb.ids). Their devices are readers, whatever they
# look like; it is the one thing that tells a reader from the keyboard that it imitates.
READER_VENDORS: Final = frozenset({"0c2e", "23d0", "0536", "05e0", "05f9", "1eab", "065a", "0801", "0acd"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What identifies a device. What is None does not matter; `path` is a USB socket, or a file under /dev."""

    id_vendor: str | None = None
    id_model: str | None = None
    serial: str | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PluggedDevice:
    """One device node."""

    node: str
    subsystem: Subsystem
    name: str = ""
    id_vendor: str | None = None
    id_model: str | None = None
    serial: str | None = None
    path: str | None = None
    usb_socket: str | None = None  # the kernel's name of it, which is the path where udev has given none
    links: tuple[str, ...] = ()  # the symbolic links that udev made for the node
    keys: frozenset[int] = frozenset()
    report_descriptor: bytes = b""
    ignored_by_modem_manager: bool = False  # a udev rule says so

    @property
    def types_codes(self) -> bool:
        """Whether it has the digits and Enter: a keyboard, or a reader that imitates one."""
        return self.keys.issuperset((*range(KEY_1, KEY_0 + 1), KEY_ENTER))

    @property
    def is_hid_pos_scanner(self) -> bool:
        return HID_POS_SCANNER in self.report_descriptor

    @property
    def is_of_a_reader_maker(self) -> bool:
        return self.id_vendor in READER_VENDORS


def is_meant(match: Match, device: PluggedDevice) -> bool:
    """Whether everything that the match names is so."""
    places = {device.path, device.usb_socket, device.node, *device.links}
    return all(
        wanted is None or wanted in found
        for wanted, found in (
            (match.id_vendor, {device.id_vendor}),
            (match.id_model, {device.id_model}),
            (match.serial, {device.serial}),
            (match.path, places),
        )
    )


def the_one(match: Match, devices: Iterable[PluggedDevice]) -> PluggedDevice:
    """The one device that is meant. Raises Unavailable when there is none, or more than one."""
    found = [device for device in devices if is_meant(match, device)]
    if not found:
        raise Unavailable("missing", f"no device matches {describe(match)}: plug it in, or see `tillwire devices`")
    if len(found) > 1:
        nodes = " and ".join(device.node for device in found)
        raise Unavailable("fault", f"{nodes} both match {describe(match)}: add serial or path to the match")
    return found[0]


def is_only_keyboard(device: PluggedDevice, plugged: Sequence[PluggedDevice]) -> bool:
    """Whether grabbing this device would leave the box without a keyboard, as far as one can tell."""
    keyboards = [one for one in plugged if one.types_codes and KEY_A in one.keys and not one.is_of_a_reader_maker]
    return [one.node for one in keyboards] == [device.node]


def describe(match: Match) -> str:
    """The match as it stands in the configuration."""
    named = {"id_vendor": match.id_vendor, "id_model": match.id_model, "serial": match.serial, "path": match.path}
    return "{ " + ", ".join(f'{key} = "{value}"' for key, value in named.items() if value is not None) + " }"
