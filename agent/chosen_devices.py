"""The devices that the configuration asks for. They are only made here; each opens itself when it is run."""

import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Protocol

from agent.checkout_state import Checkout
from config.problems import Problem, WrongConfig
from config.settings import EvdevScanner, HidPosScanner, Settings
from config.settings import PaidMessage as PaidMessageSettings
from config.settings import Scanner as ScannerSettings
from device.drawer import SerialDrawer
from device.drawer_profile import DrawerProfile
from device.drawer_profile_file import ProfileRefused, load_profile
from device.interface import CashDrawer, DrawerRefused, Receiver
from device.paid_message import PaidMessagePort, paid_pattern
from device.tty import PortSettings

logger = logging.getLogger("tillwire.devices")

DRAWER_NAME = "drawer"
Run = Callable[[Receiver], Coroutine[None, None, None]]


class BookedLine(Protocol):
    """The line whose other side waits for word that a payment is booked."""

    async def send_booked(self, text: bytes) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDevices:
    """What is to be run, and what the till uses of it."""

    runs: Sequence[Run]
    drawer: CashDrawer | None
    booked: BookedLine | None


def choose(settings: Settings) -> ChosenDevices:
    """Make the devices. Raises WrongConfig when the drawer's profile cannot be used."""
    scanners = [_scanner(chosen) for chosen in settings.scanner]
