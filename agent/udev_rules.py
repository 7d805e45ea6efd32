"""The udev rules of a till: stable names under /dev/tillwire/, rights for the agent and nobody else. Pure.

Reading is enough for readers, but for those that are switched on by a report (hardware.md 3.5). Ports are kept from
ModemManager, which writes into them, and a drawer's port makes no edge when a program closes it.
"""

import re
from collections.abc import Iterator
from typing import assert_never

from config.match import Match
from config.printer import Printer
from config.scanners import EvdevScanner, HidPosScanner, SerialScanner
from config.settings import Settings
from device.hidpos_scanner import NEED_FEATURE_REPORT

GROUP = "tillwire-devices"
LINKS = "/dev/tillwire/"
NO_EDGE_AT_CLOSING = 'RUN+="/usr/bin/stty -F $devnode -hupcl"'
_USB_SOCKET = re.compile(r"\d+-\d+(\.\d+)*")  # the kernel's name of a place in the USB tree, as 1-4.2


class NoDevice(ValueError):
    """A port's name would be made by a rule, and nothing says for which device. The text is one plain line."""


def udev_rules(settings: Settings, lane: str | None) -> list[str]:
    """Return the rules, a line each. On a box with several lanes each has its names in a folder. Raises NoDevice."""
    folder = "tillwire/" if lane is None else f"tillwire/{lane}/"
    lines = [f"# Made by `tillwire udev-rules` from the configuration{f' of lane {lane}' if lane else ''}."]
    for scanner in settings.scanner:
        match scanner:
            case EvdevScanner():
                lines += _keyboard_reader(scanner, folder)
            case HidPosScanner():
                lines += _pos_reader(scanner, folder)
            case SerialScanner():
                lines += _port(str(scanner.port), scanner.match, folder + scanner.name)
            case _:
                assert_never(scanner)
    if settings.drawer.port is not None:
        lines += _port(
            str(settings.drawer.port),
            settings.drawer.match,
            f"{folder}drawer",
            NO_EDGE_AT_CLOSING,
        )
    if (paid := settings.cash.paid_message) is not None and paid.port != settings.drawer.port:
        lines += _port(str(paid.port), paid.match, f"{folder}paid_message")
    lines += _printer(settings.printer, folder)
    return lines


def _keyboard_reader(scanner: EvdevScanner, folder: str) -> Iterator[str]:
    match = scanner.match
    for serial in _input_serials(match.serial):
        node = ('SUBSYSTEM=="input"', 'KERNEL=="event*"', *_input_ids(match), *serial, *_place(match.path))
        yield _rule(*node, _group("0640"), 'ENV{LIBINPUT_IGNORE_DEVICE}="1"')
        yield _rule(*node, 'ENV{ID_INPUT_KEY}=="1"', f'SYMLINK+="{folder}{scanner.name}"')


def _input_serials(serial: str | None) -> list[list[str]]:
    """Return either key of a serial number: udev has _ for a blank and for / in its own, and none on Bluetooth."""
    if serial is None:
        return [[]]
    return [[f'ENV{{ID_SERIAL_SHORT}}=="{serial}"'], [f'ATTRS{{uniq}}=="{serial}"']]


def _input_ids(match: Match) -> Iterator[str]:
    """Yield what the input device says itself: readers on Bluetooth have no USB device above them."""
    if match.id_vendor:
        yield f'ATTRS{{id/vendor}}=="{match.id_vendor}"'
    if match.id_model:
        yield f'ATTRS{{id/product}}=="{match.id_model}"'


def _pos_reader(scanner: HidPosScanner, folder: str) -> Iterator[str]:
    match = scanner.match
    yield _rule('SUBSYSTEM=="hidraw"', 'IMPORT{parent}="HID_UNIQ"', 'IMPORT{builtin}="path_id"')
    needs_writing = match.id_vendor is None or match.id_vendor in NEED_FEATURE_REPORT
    rights = _group("0660" if needs_writing else "0640")
    for keys in _pos_keys(match):
        yield _rule('SUBSYSTEM=="hidraw"', *keys, *_place(match.path), rights, f'SYMLINK+="{folder}{scanner.name}"')


def _pos_keys(match: Match) -> list[list[str]]:
    """Return either way to a serial number.

    The HID layer has it with the blanks at its end. Udev passes over those where it reads the USB device, and a reader
    on Bluetooth has none above it.
    """
    vendor, model = (match.id_vendor or "*").upper(), (match.id_model or "*").upper()
    by_hid = [f'KERNELS=="*:{vendor}:{model}.*"']
    if match.serial is None:
        return [by_hid]
    usb = {"idVendor": match.id_vendor, "idProduct": match.id_model, "serial": match.serial}
    by_usb = [f'ATTRS{{{name}}}=="{value}"' for name, value in usb.items() if value is not None]
    return [[*by_hid, f'ENV{{HID_UNIQ}}=="{match.serial}"'], by_usb]


def _port(port: str, match: Match | None, name: str, *more: str) -> Iterator[str]:
    if port.startswith(LINKS) and match is None:
        raise NoDevice(f"nothing says which device {port} is: give that part of the configuration a match")
    link = port.removeprefix("/dev/") if port.startswith(LINKS) else name
    keys = _port_keys(match) if match is not None else _place(port)
    ignored = ('ENV{ID_MM_DEVICE_IGNORE}="1"', 'ENV{ID_MM_PORT_IGNORE}="1"')
    yield _rule('SUBSYSTEM=="tty"', *keys, _group("0660"), f'SYMLINK+="{link}"', *ignored, *more)


def _printer(printer: Printer, folder: str) -> Iterator[str]:
    """Yield the rule of a printer of its own; one that the drawer hangs on has the drawer's."""
    if printer.connection == "serial" and printer.port is not None:
        adapter = None if printer.match is None else Match(**printer.match.model_dump())
        yield from _port(printer.port, adapter, f"{folder}printer")
    elif printer.connection == "usb" and (match := printer.match) is not None:
        ids = [f'ATTR{{idVendor}}=="{match.id_vendor}"', f'ATTR{{idProduct}}=="{match.id_model}"']
        serial = [f'ATTR{{serial}}=="{match.serial}"'] if match.serial else []
        yield _rule('SUBSYSTEM=="usb"', 'ENV{DEVTYPE}=="usb_device"', *ids, *serial, _group("0660"))


def _port_keys(match: Match) -> Iterator[str]:
    properties = {"ID_VENDOR_ID": match.id_vendor, "ID_MODEL_ID": match.id_model, "ID_SERIAL_SHORT": match.serial}
    yield from (f'ENV{{{name}}}=="{value}"' for name, value in properties.items() if value is not None)
    yield from _place(match.path)


def _place(path: str | None) -> Iterator[str]:
    """Yield the key of a place: a link that udev made, the kernel's own name, or where it is plugged in."""
    if path is None:
        return
    if _USB_SOCKET.fullmatch(path):
        yield f'DEVPATH=="*/{path}/*"'
    elif not path.startswith("/dev/"):
        yield f'ENV{{ID_PATH}}=="{path}"'
    elif "/" in (name := path.removeprefix("/dev/").removeprefix("input/event")):
        yield f'SYMLINK=="{name}"'
    else:
        yield f'KERNEL=="{path.rpartition("/")[2]}"'


def _group(mode: str) -> str:
    return f'GROUP="{GROUP}", MODE="{mode}"'


def _rule(*keys: str) -> str:
    return ", ".join(('ACTION!="remove"', *keys))
