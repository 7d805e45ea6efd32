"""The receipt printer that the configuration asks for. It is only made here; it opens itself when it is run."""

from typing import assert_never

from config.printer import Printer as PrinterSettings
from config.problems import Problem, WrongConfig
from device.drawer import Opener, SerialDrawer
from device.drawer_profile_file import load_profile
from device.interface import ReceiptPrinter
from device.matching import Match
from device.network_printer import RETRY_S, NetworkPrinterTalk
from device.plugging import Plugging
from device.printer import Printer, Talk
from device.serial_printer import SerialPrinter, SharedPrinter, takes_receipts

PRINTER = "printer"
"""The name of the till's one receipt printer, in events and reports."""
INSTALL_USB = "\"usb\" needs the extra: pip install 'tillwire[printer]'"


def choose_printer(
    wanted: PrinterSettings, drawer: SerialDrawer | None, *, plugging: Plugging, opener: Opener
) -> ReceiptPrinter | None:
    """Make the printer, or None without one. Raises WrongConfig when it cannot be used as it is written."""
    match wanted.connection:
        case "none":
            return None
        case "drawer":
            return _shared(drawer)
        case "serial":
            return SerialPrinter(PRINTER, _line(wanted, plugging, opener))
        case "network":
            talk = _network(wanted)
            return Printer(name=PRINTER, talk=talk, answers=wanted.answers, plugging=plugging, retry_s=RETRY_S)
        case "usb":
            return Printer(name=PRINTER, talk=_usb(wanted), answers=wanted.answers, plugging=plugging)
        case _:
            assert_never(wanted.connection)


def _shared(drawer: SerialDrawer | None) -> SharedPrinter:
    if drawer is None or not takes_receipts(drawer.profile):
        where = '"drawer" needs a drawer on an ESC/POS printer: this profile\'s drawer has none'
        raise WrongConfig([Problem("[printer]", "connection", where)])
    return SharedPrinter(PRINTER, drawer)


def _line(wanted: PrinterSettings, plugging: Plugging, opener: Opener) -> SerialDrawer:
    deaf = {} if wanted.answers else {"status": {"source": "none"}}
    profile = load_profile("escpos", overrides={"baudrate": wanted.baudrate, **deaf})
    return SerialDrawer(name=PRINTER, path=str(wanted.port), profile=profile, plugging=plugging, opener=opener)


def _network(wanted: PrinterSettings) -> Talk:
    address = wanted.network_address
    if address is None:
        raise AssertionError("the configuration was not checked")
    return NetworkPrinterTalk(address.host, address.port)


def _usb(wanted: PrinterSettings) -> Talk:
    try:
        from device.usb_printer import UsbPrinterTalk  # noqa: PLC0415 - needs the extra, which most tills have not
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != "usb":
            raise
        raise WrongConfig([Problem("[printer]", "connection", INSTALL_USB)]) from None
    match = wanted.match
    if match is None:
        raise AssertionError("the configuration was not checked")
    return UsbPrinterTalk(Match(id_vendor=match.id_vendor, id_model=match.id_model, serial=match.serial))
