"""USB printers without hardware: a bus that stands where libusb does, below the real pyusb."""

import errno
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace

from usb.backend import IBackend
from usb.core import USBError, USBTimeoutError

from device.simulated_firmware import EscposFirmware, Switch

OUT, IN = 0x03, 0x84  # not the numbers that other software takes for granted
STRING_LANGUAGES, STRING_SERIAL = 0, 3
PRINTER, HID = 7, 3


@dataclass(eq=False)
class UsbPrinter:
    """A composite device whose second interface is the printer, held by the kernel's usblp."""

    serial: str = "S1"
    interface_class: int = PRINTER
    speaks: bool = True  # it has an endpoint that tells its status
    held_by_kernel: bool = True
    claimed: bool = False
    opened: int = 0
    refuses_with: int | None = None  # errno of every claim
    takes: int | None = None  # bytes that it still takes; None: all
    unplugged_after: int | None = None  # bytes on paper; None: never
    offline: bool = False
    firmware: EscposFirmware = field(default_factory=EscposFirmware)
    answers: bytes = b""

    @property
    def printed(self) -> bytes:
        return bytes(self.firmware.printed)

    def refuse_if_unplugged(self) -> None:
        if self.unplugged_after is not None and len(self.printed) >= self.unplugged_after:
            raise USBError("No such device", errno=errno.ENODEV)

    def close_cover(self) -> bytes:
        """Return what is on the paper when all that lay in the buffer is printed."""
        self.firmware.moved(Switch(high=False, offline=False))
        return self.printed


class UsbBus(IBackend):  # type: ignore[misc]  # pyusb has no types
    """What libusb would tell of these printers."""

    def __init__(self, *printers: UsbPrinter) -> None:
        self.printers = list(printers)

    def enumerate_devices(self) -> Iterator[UsbPrinter]:
        return iter(self.printers)

    def get_device_descriptor(self, dev: UsbPrinter) -> SimpleNamespace:
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x200,
            bDeviceClass=0,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=0x04B8,
            idProduct=0x0E15,
            bcdDevice=0x100,
            iManufacturer=0,
            iProduct=0,
            iSerialNumber=STRING_SERIAL,
            bNumConfigurations=1,
            address=5,
            bus=1,
            port_number=1,
            port_numbers=(1,),
            speed=2,
        )

    def get_configuration_descriptor(self, dev: UsbPrinter, config: int) -> SimpleNamespace:
        if config:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=0,
            bNumInterfaces=2,
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0xC0,
            bMaxPower=1,
            extra_descriptors=b"",
        )

    def get_interface_descriptor(self, dev: UsbPrinter, intf: int, alt: int, config: int) -> SimpleNamespace:
        if intf > 1 or alt:
            raise IndexError
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=intf,
            bAlternateSetting=0,
            bNumEndpoints=0 if intf == 0 else 1 + dev.speaks,
            bInterfaceClass=HID if intf == 0 else dev.interface_class,
            bInterfaceSubClass=1,
            bInterfaceProtocol=2,
            iInterface=0,
            extra_descriptors=b"",
        )

    def get_endpoint_descriptor(self, dev: UsbPrinter, ep: int, intf: int, alt: int, config: int) -> SimpleNamespace:
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=(IN, OUT)[ep] if dev.speaks else OUT,
            bmAttributes=2,
            wMaxPacketSize=64,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=b"",
        )

    def open_device(self, dev: UsbPrinter) -> UsbPrinter:
        dev.opened += 1
        return dev

    def close_device(self, dev_handle: UsbPrinter) -> None:
        dev_handle.opened -= 1

    def get_configuration(self, dev_handle: UsbPrinter) -> int:
        return 1

    def claim_interface(self, dev_handle: UsbPrinter, intf: int) -> None:
        if dev_handle.refuses_with is not None:
            raise USBError("refused", errno=dev_handle.refuses_with)
        if dev_handle.held_by_kernel or dev_handle.claimed:
            raise USBError("Resource busy", errno=errno.EBUSY)
        dev_handle.claimed = True

    def release_interface(self, dev_handle: UsbPrinter, intf: int) -> None:
        dev_handle.refuse_if_unplugged()
        dev_handle.claimed = False

    def is_kernel_driver_active(self, dev_handle: UsbPrinter, intf: int) -> bool:
        return dev_handle.held_by_kernel

    def detach_kernel_driver(self, dev_handle: UsbPrinter, intf: int) -> None:
        dev_handle.held_by_kernel = False

    def attach_kernel_driver(self, dev_handle: UsbPrinter, intf: int) -> None:
        dev_handle.held_by_kernel = True

    def bulk_write(self, dev_handle: UsbPrinter, ep: int, intf: int, data: "array[int]", timeout: int) -> int:
        assert (ep, dev_handle.claimed) == (OUT, True)
        dev_handle.refuse_if_unplugged()
        taken = bytes(data)[: dev_handle.takes]
        if dev_handle.takes is not None:
            dev_handle.takes -= len(taken)
        if data and not taken:
            raise USBTimeoutError("timed out", errno=errno.ETIMEDOUT)
        switch = Switch(high=False, offline=dev_handle.offline)
        dev_handle.answers += dev_handle.firmware.receive(taken, switch).answer
        return len(taken)

    def bulk_read(self, dev_handle: UsbPrinter, ep: int, intf: int, buff: "array[int]", timeout: int) -> int:
        assert (ep, dev_handle.claimed) == (IN, True)
        if not dev_handle.answers:
            raise USBTimeoutError("timed out", errno=errno.ETIMEDOUT)
        answer, dev_handle.answers = dev_handle.answers, b""
        buff[: len(answer)] = array("B", answer)
        return len(answer)

    def ctrl_transfer(  # noqa: PLR0917 - pyusb's signature
        self,
        dev_handle: UsbPrinter,
        bmRequestType: int,  # noqa: N803 - pyusb's name
        bRequest: int,  # noqa: N803 - likewise
        wValue: int,  # noqa: N803 - likewise
        wIndex: int,  # noqa: N803 - likewise
        data: "array[int]",
        timeout: int,
    ) -> int:
        """Answer for the string descriptors."""
        text = b"\x09\x04" if wValue & 0xFF == STRING_LANGUAGES else dev_handle.serial.encode("utf-16-le")
        descriptor = bytes([2 + len(text), 3]) + text
        data[: len(descriptor)] = array("B", descriptor)
        return len(descriptor)
