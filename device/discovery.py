"""What is plugged in, and the lines of the configuration that would use it: what `tillwire devices` shows."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from device.matching import Match, PluggedDevice, describe, is_meant
from device.plugged_devices import System, plugged_devices

_CONFIGURABLE = re.compile(r"[A-Za-z0-9#+\-.:=@_/ ]+")  # as config/values.py has it, which devices do not know
_LINK_BY_ID = re.compile(r"/dev/serial/by-id/[A-Za-z0-9#+\-.:=@_]+")
Use = Literal["reader", "keyboard", "port"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One device, what it seems to be, and how it would be configured.

    A keyboard-mode reader of an unknown maker cannot be told from a keyboard: it is shown as `keyboard`.
    """

    device: PluggedDevice
    use: Use
    config: str


def plugged_in(system: System | None = None) -> list[Suggestion]:
    """Readers, keyboards and serial ports. Reads files; call it in the executor."""
    inputs = [device for device in plugged_devices("input", system) if device.types_codes]
    scanners = [device for device in plugged_devices("hidraw", system) if device.is_hid_pos_scanner]
    ports = plugged_devices("tty", system)
    return [
        *(_matched(device, "evdev", inputs) for device in inputs),
        *(_matched(device, "hidpos", scanners) for device in scanners),
        *(_port(device) for device in ports),
    ]


def _matched(device: PluggedDevice, driver: Literal["evdev", "hidpos"], like_it: Sequence[PluggedDevice]) -> Suggestion:
    use: Use = "keyboard" if driver == "evdev" and not device.is_of_a_reader_maker else "reader"
    match = shortest_match(device, like_it)
    lines = ["[[scanner]]", 'name = "counter"', f'driver = "{driver}"', f"match = {describe(match)}"]
    if driver == "evdev":
        lines += ['layout = "us"', 'suffix = "enter"']
    return Suggestion(device=device, use=use, config="\n".join(lines))


def shortest_match(device: PluggedDevice, like_it: Iterable[PluggedDevice]) -> Match:
    """The shortest match that means this device alone: ids, then its serial number, then where it is plugged in."""
    ids = {"id_vendor": device.id_vendor, "id_model": device.id_model}
    candidates = (
        Match(**ids),
        Match(**ids, serial=_configurable(device.serial)),
        Match(**ids, path=_configurable(device.path)),
        Match(path=device.node),
    )
    named = (match for match in candidates if any((match.id_vendor, match.serial, match.path)))
    others = [other for other in like_it if other.node != device.node]
    return next((match for match in named if not any(is_meant(match, other) for other in others)), candidates[-1])


def _port(device: PluggedDevice) -> Suggestion:
    """A reader's port or the drawer's: nothing says which."""
    path = stable_path(device)
    reader = f'[[scanner]]\nname = "counter"\ndriver = "serial"\nport = "{path}"\nbaudrate = 9600'
    drawer = f'# or\n[drawer]\nprofile = "escpos"\nport = "{path}"'
    return Suggestion(device=device, use="port", config=f"{reader}\n{drawer}")


def stable_path(device: PluggedDevice) -> str:
    """The path of a port that stays the same when other ports come: its link by id, where udev made one."""
    return next((link for link in device.links if _LINK_BY_ID.fullmatch(link)), device.node)


def _configurable(name: str | None) -> str | None:
    """Return a name that the configuration takes, None for another: what a device says of itself may be anything."""
    return name if name and _CONFIGURABLE.fullmatch(name) else None
