"""A receipt printer on a serial line: its own, or the one that the cash drawer's printer has.

Both are driven by device/drawer.py, which keeps questions, pulses and receipts on one line apart.
"""

from dataclasses import replace

from device.drawer import SerialDrawer
from device.drawer_profile import PULSES, DrawerProfile
from device.interface import DeviceState, Receiver, Report


def takes_receipts(profile: DrawerProfile) -> bool:
    """Whether this drawer hangs on a printer that understands ESC/POS, as it opens the drawer in that language."""
    return PULSES["escpos"].fullmatch(profile.pulse_bytes) is not None


class SerialPrinter:
    """A ReceiptPrinter on a line of its own. `line` is the driver of a printer that may have a drawer."""

    def __init__(self, name: str, line: SerialDrawer) -> None:
        self._name = name
        self._line = line

    @property
    def name(self) -> str:
        return self._name

    async def run(self, report: Receiver) -> None:
        """Hold the line until cancelled; whatever is told of a drawer is not meant."""
        await self._line.run(lambda told: _as_printer(told, self._name, report))

    async def print_bytes(self, data: bytes) -> None:
        await self._line.print_bytes(data)


class SharedPrinter:
    """The ReceiptPrinter that the drawer hangs on. The drawer owns the line; to be run instead of the drawer."""

    def __init__(self, name: str, drawer: SerialDrawer) -> None:
        self._name = name
        self._drawer = drawer

    @property
    def name(self) -> str:
        return self._name

    async def run(self, report: Receiver) -> None:
        """Run the drawer, and report its line as the printer's, too."""

        def both(told: Report) -> None:
            report(told)
            _as_printer(told, self._name, report)

        await self._drawer.run(both)

    async def print_bytes(self, data: bytes) -> None:
        await self._drawer.print_bytes(data)


def _as_printer(told: Report, name: str, report: Receiver) -> None:
    if isinstance(told, DeviceState):
        report(replace(told, name=name, kind="printer"))
