"""A receipt printer on USB, reached through pyusb (the extra `tillwire[printer]`) and libusb.

Any interface of the printer class will do, whatever its number and its endpoints; the kernel's usblp is put aside for
the time of a receipt and gets its printer back. Calls of pyusb block, so a whole talk runs in a thread, each transfer
with a time-out: one that times out is cancelled, and nothing of it is printed later.

Imported only where `[printer] connection = "usb"`: nobody else needs to have pyusb.
"""

import asyncio
import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass

import usb.core
import usb.util
from usb.backend import IBackend

from device.interface import PrintInterrupted
from device.matching import Match, describe
from device.printer import ANSWER_S, STALL_S, Judge
from device.reconnect import Unavailable

PRINTER_CLASS = 7  # bInterfaceClass of USB's class definition for printing devices
CHUNK_BYTES = 4096  # so much in one transfer: a printer's own buffer, and a second or two of paper
LONGEST_ANSWER = 64  # bytes: one packet of a full speed device

IN_PART = "the printer took only a part of the receipt; the rest was dropped"


@dataclass(frozen=True, slots=True)
class UsbPrinterTalk:
    """How a USB printer is talked to: see device.printer.Talk. `backend`: libusb where none is given."""

    match: Match
    stall_s: float = STALL_S
    answer_s: float = ANSWER_S
    backend: IBackend | None = None

    async def __call__(self, question: bytes, receipt: bytes, judge: Judge) -> None:
        await asyncio.to_thread(self._talk, question, receipt, judge)

    def _talk(self, question: bytes, receipt: bytes, judge: Judge) -> None:
        with self._claimed() as interface:
            judge(self._answer(interface, question))
            for start in range(0, len(receipt), CHUNK_BYTES):
                self._send(interface, receipt[start : start + CHUNK_BYTES])

    def _answer(self, interface: usb.core.Interface, question: bytes) -> bytes:
        """Return the first thing that comes back; nothing where nothing comes, or the printer has no way to tell."""
        out_of_it = _endpoint(interface, usb.util.ENDPOINT_IN)
        if not question or out_of_it is None:
            return b""
        try:
            self._into(interface).write(question, _milliseconds(self.answer_s))
            return bytes(out_of_it.read(LONGEST_ANSWER, _milliseconds(self.answer_s)))
        except usb.core.USBTimeoutError:
            return b""

    def _send(self, interface: usb.core.Interface, chunk: bytes) -> None:
        """What pyusb took is not always all of it: that is a transfer that was cut short."""
        try:
            taken = self._into(interface).write(chunk, _milliseconds(self.stall_s))
        except usb.core.USBTimeoutError as error:
            raise PrintInterrupted(IN_PART) from error
        except usb.core.USBError as error:
            raise PrintInterrupted(f"the printer was lost while it printed: {error.strerror}") from error
        if taken != len(chunk):
            raise PrintInterrupted(IN_PART)

    def _into(self, interface: usb.core.Interface) -> usb.core.Endpoint:
        found = _endpoint(interface, usb.util.ENDPOINT_OUT)
        if found is None:
            raise Unavailable("fault", f"the printer {describe(self.match)} has no endpoint that takes data")
        return found

    @contextlib.contextmanager
    def _claimed(self) -> Iterator[usb.core.Interface]:
        """Have the printer for ourselves. Raises Unavailable."""
        device = self._find()
        try:
            interface = self._printer_interface(device)
            with _kernel_driver_aside(device, interface.bInterfaceNumber):
                usb.util.claim_interface(device, interface)
                try:
                    yield interface
                finally:
                    with contextlib.suppress(usb.core.USBError):  # unplugged meanwhile: what was printed is told
                        usb.util.release_interface(device, interface)
        except usb.core.USBError as error:
            raise self._unavailable(error) from error
        finally:
            usb.util.dispose_resources(device)

    def _find(self) -> usb.core.Device:
        wanted = {"idVendor": self.match.id_vendor, "idProduct": self.match.id_model}
        numbers = {name: int(number, 16) for name, number in wanted.items() if number is not None}
        try:
            devices = list(usb.core.find(find_all=True, backend=self.backend, **numbers))
            found = [device for device in devices if self.match.serial in (None, device.serial_number)]
        except usb.core.NoBackendError:
            raise Unavailable("fault", "a USB printer needs libusb: apt-get install libusb-1.0-0") from None
        except (usb.core.USBError, ValueError) as error:  # ValueError: it does not let its serial number be read
            raise Unavailable("fault", f"the USB devices cannot be looked at: {error}", grace=True) from error
        if not found:
            raise Unavailable("missing", f"no printer matches {describe(self.match)}: plug it in, or see `lsusb`")
        if len(found) > 1:
            raise Unavailable("fault", f"{len(found)} printers match {describe(self.match)}: add serial to the match")
        return found[0]

    def _printer_interface(self, device: usb.core.Device) -> usb.core.Interface:
        for interface in device.get_active_configuration():
            if interface.bInterfaceClass == PRINTER_CLASS:
                return interface
        reason = f"{describe(self.match)} is no USB printer: correct [printer] match, or switch it to printer class"
        raise Unavailable("fault", reason)

    def _unavailable(self, error: usb.core.USBError) -> Unavailable:
        printer = f"the printer {describe(self.match)}"
        match error.errno:
            case errno.EACCES | errno.EPERM:
                reason = f"{printer}: permission denied; the agent's user needs the node's group (udev rule)"
                return Unavailable("fault", reason, grace=True)
            case errno.EBUSY:
                return Unavailable("fault", f"{printer} is held by another program; stop that one")
            case errno.ENODEV | errno.ENOENT:
                return Unavailable("missing", f"{printer} was unplugged")
        return Unavailable("fault", f"{printer} cannot be used: {error.strerror}; switch it off and on")


@contextlib.contextmanager
def _kernel_driver_aside(device: usb.core.Device, number: int) -> Iterator[None]:
    if not _has_kernel_driver(device, number):
        yield
        return
    device.detach_kernel_driver(number)
    try:
        yield
    finally:
        with contextlib.suppress(usb.core.USBError):  # it was unplugged meanwhile
            device.attach_kernel_driver(number)


def _has_kernel_driver(device: usb.core.Device, number: int) -> bool:
    try:
        return bool(device.is_kernel_driver_active(number))
    except NotImplementedError:
        return False


def _endpoint(interface: usb.core.Interface, direction: int) -> usb.core.Endpoint | None:
    for endpoint in interface:
        is_bulk = usb.util.endpoint_type(endpoint.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK
        if is_bulk and usb.util.endpoint_direction(endpoint.bEndpointAddress) == direction:
            return endpoint
    return None


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
