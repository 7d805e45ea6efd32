"""What readers are and what they send, in reports of USB HID (HID 1.11 appendix B.1, HID POS 1.02; hardware.md 3)."""

import string

from device.hidpos_decoder import REPORT_BYTES
from tests.kiosk_vm.till_config import HONEYWELL_KEYBOARD, HONEYWELL_POS, MAGTEK

BOOT_KEYBOARD = "05010906a101050719e029e71500250175019508810295017508810195067508150025650507190029658100c0"
POS_SCANNER = "058c0902a1018502150026ff007508953f0903810285fe95010904b102c0"
UHID_READERS = {
    "hand": (HONEYWELL_KEYBOARD, BOOT_KEYBOARD),
    "pos": (HONEYWELL_POS, POS_SCANNER),
    "stripe": (MAGTEK, BOOT_KEYBOARD),
}
"""The readers of the configuration that QEMU does not have: their ids, and what they say they are."""

_SHIFT = 0x02
_USAGES = {character: (0, 0x04 + place) for place, character in enumerate(string.ascii_lowercase)}
_USAGES |= {character.upper(): (_SHIFT, usage) for character, (_, usage) in _USAGES.items()}
_USAGES |= {character: (0, 0x1E + place) for place, character in enumerate("1234567890")}
_USAGES |= {"\n": (0, 0x28), " ": (0, 0x2C), "=": (0, 0x2E), ";": (0, 0x33), "/": (0, 0x38)}
_USAGES |= {"%": (_SHIFT, 0x22), "^": (_SHIFT, 0x23), "+": (_SHIFT, 0x2E), "?": (_SHIFT, 0x38)}


def typed(text: str) -> list[str]:
    """Return the reports of a boot keyboard of the US layout that types this, and Enter for a line's end."""
    pressed = (f"{shift:02x}00{usage:02x}0000000000" for shift, usage in map(_USAGES.__getitem__, text))
    return [report for press in pressed for report in (press, "00" * 8)]


def pos_report(text: str) -> list[str]:
    """Return the report of a reader in HID POS mode (hardware.md 3.5)."""
    data = bytes([2, len(text)]) + b"]C0" + text.encode()
    return [data.ljust(REPORT_BYTES, b"\0").hex()]
