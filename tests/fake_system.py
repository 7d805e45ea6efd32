"""A /sys and a /run/udev/data with devices of our own, as the kernel and udev lay them out."""

from collections.abc import Mapping
from pathlib import Path

from device.matching import HID_POS_SCANNER
from device.plugged_devices import LONG_BITS, System


class FakeSystem:
    """Devices are added one by one; `system` is what the code under test gets."""

    def __init__(self, folder: Path) -> None:
        self.system = System(sys=folder / "sys", udev_data=folder / "udev")
        self.system.udev_data.mkdir()
        (self.system.sys / "class").mkdir(parents=True)

    def usb(self, socket: str, vendor: str, model: str, serial: str = "", product: str = "Scanner") -> Path:
        """A USB device in a socket; its interface's folder is returned."""
        device = self.system.sys / "devices/pci0000:00/usb1" / socket
        files = {"idVendor": vendor, "idProduct": model, "serial": serial, "manufacturer": "Maker", "product": product}
        write(device, files)
        interface = device / f"{socket}:1.0"
        interface.mkdir()
        return interface

    def node(self, parent: Path, subsystem: str, name: str, number: tuple[int, int], files: Mapping[str, str]) -> None:
        """A device node under a device, and its entry in the class."""
        devname = f"input/{name}" if subsystem == "input" else name
        uevent = f"MAJOR={number[0]}\nMINOR={number[1]}\nDEVNAME={devname}\n"
        entry = parent / subsystem / name
        write(entry, {"uevent": uevent, **files})
        (entry / "device").symlink_to(parent)
        link = self.system.sys / "class" / subsystem / name
        link.parent.mkdir(exist_ok=True)
        link.symlink_to(entry)

    def udev(self, number: tuple[int, int], properties: Mapping[str, str], links: tuple[str, ...] = ()) -> None:
        """What udev stored for a node."""
        lines = [*(f"S:{link}" for link in links), "I:1", *(f"E:{key}={value}" for key, value in properties.items())]
        (self.system.udev_data / f"c{number[0]}:{number[1]}").write_text("\n".join(lines) + "\n")

    def keyboard(self, socket: str, vendor: str, model: str, event: int, serial: str = "") -> None:
        """A USB keyboard, or a reader that imitates one."""
        folder = self.usb(socket, vendor, model, serial) / f"0003:{vendor}:{model}.0001/input/input{event}"
        files = {"id/vendor": vendor, "id/product": model, "name": "Maker Scanner", "uniq": serial}
        write(folder, {**files, "capabilities/key": bitmap(range(1, 128))})
        self.node(folder, "input", f"event{event}", (13, 64 + event), {})

    def hid_pos(self, socket: str, vendor: str, model: str, number: int) -> None:
        """A reader in HID POS mode."""
        folder = self.usb(socket, vendor, model) / f"0003:{vendor}:{model}.0002"
        write(folder, {"uevent": f"HID_ID=0003:0000{vendor.upper()}:0000{model.upper()}\nHID_NAME=Maker Scanner\n"})
        (folder / "report_descriptor").write_bytes(HID_POS_SCANNER + b"\x85\x02")
        self.node(folder, "hidraw", f"hidraw{number}", (243, number), {})


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")


def bitmap(keys: range) -> str:
    """As the kernel writes one: words of its own size in hexadecimal, the highest first."""
    number = sum(1 << key for key in keys)
    words = []
    while number:
        words.append(f"{number & (1 << LONG_BITS) - 1:x}")
        number >>= LONG_BITS
    return " ".join(reversed(words))
