"""The devices that the configuration asks for. They are only made here; each opens itself when it is run."""

import re
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from agent.chosen_printer import PRINTER, choose_printer
from config.match import Match as MatchSettings
from config.problems import Problem, WrongConfig
from config.scanners import EvdevScanner as EvdevSettings
from config.scanners import HidPosScanner as HidPosSettings
from config.scanners import Scanner as ScannerSettings
from config.scanners import SerialScanner as SerialSettings
from config.settings import PaidMessage as PaidMessageSettings
from config.settings import Settings
from device.drawer import Opener, SerialDrawer
from device.drawer_port import can_carry_messages
from device.drawer_profile import DrawerProfile
from device.drawer_profile_file import ProfileRefused, load_profile
from device.interface import CashDrawer, ReceiptPrinter, Receiver, Scanner
from device.line_decoder import LineReading
from device.matching import Match
from device.paid_message import PaidMessagePort, paid_pattern
from device.plugging import Plugging
from device.serial_scanner import SerialScanner, SerialScannerSettings
from device.tty import PortSettings, open_tty

DRAWER = "drawer"
"""The name of the till's one drawer, in events and reports."""
PAID_MESSAGE = "paid_message"
"""The name of the line that says the money is in, where it is not the drawer's."""

Run = Callable[[Receiver], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What every device needs: how ports are opened, and who tells that something was plugged in."""

    plugging: Plugging
    opener: Opener = open_tty


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenDevices:
    """What is to be run, and what the till uses of it."""

    runs: Sequence[Run]
    drawer: CashDrawer | None
    printer: ReceiptPrinter | None
    paid: PaidMessagePort | None


def drawer_profile(settings: Settings) -> DrawerProfile | None:
    """Return the profile of the drawer, None without one.

    Raises WrongConfig when it cannot be used, or cannot tell what `[cash] confirmed_by` asks of it.
    """
    drawer = settings.drawer
    if drawer.profile == "none":
        return None
    try:
        profile = load_profile(drawer.profile, drawer.profile_directory, drawer.overrides)
    except ProfileRefused as refused:
        raise WrongConfig(Problem("[drawer]", "profile", problem) for problem in refused.problems) from None
    if not profile.capabilities.status and {"drawer-closed", "drawer-opened"} & set(settings.cash.confirmed_by):
        cannot = f"the profile {drawer.profile} tells no level (set [drawer] open_level: docs/hardware.md)"
        raise WrongConfig([Problem("[cash]", "confirmed_by", f"needs a drawer that says when it is open: {cannot}")])
    return profile


def choose(settings: Settings, tools: Tools) -> ChosenDevices:
    """Make the devices. Raises WrongConfig when drawer, printer or paid message cannot be used as they are written."""
    scanners = choose_scanners(settings, tools)
    drawer = _drawer(settings, tools)
    paid = settings.cash.paid_message
    line = _paid_line(paid, tools) if paid is not None and not _shares_port(settings) else None
    printer = choose_printer(settings.printer, drawer, plugging=tools.plugging, opener=tools.opener)
    own = None if settings.printer.connection == "drawer" else drawer  # a shared printer runs its drawer
    runs: list[Run] = [device.run for device in (*scanners, own, printer, line) if device is not None]
    return ChosenDevices(runs=runs, drawer=drawer, printer=printer, paid=line)


def names_of(settings: Settings) -> Iterator[str]:
    """Yield the name of each device that reports. A printer on the drawer's port is one of its own."""
    yield from (scanner.name for scanner in settings.scanner)
    if settings.drawer.profile != "none":
        yield DRAWER
    if settings.printer.connection != "none":
        yield PRINTER
    if settings.cash.paid_message is not None and not _shares_port(settings):
        yield PAID_MESSAGE


def choose_scanners(settings: Settings, tools: Tools) -> list[Scanner]:
    """Make the readers alone."""
    return [_scanner(chosen, tools) for chosen in settings.scanner]


def _drawer(settings: Settings, tools: Tools) -> SerialDrawer | None:
    profile = drawer_profile(settings)
    if profile is None:
        return None
    paid = settings.cash.paid_message
    if _shares_port(settings) and not can_carry_messages(profile):
        where = "is the drawer's, which carries status bytes: paid messages need a port of their own"
        raise WrongConfig([Problem("[cash.paid_message]", "port", where)])
    return SerialDrawer(
        name=DRAWER,
        path=str(settings.drawer.port),
        profile=profile,
        opened_by=settings.drawer.opened_by,
        paid_pattern=_pattern(paid) if paid is not None and _shares_port(settings) else None,
        plugging=tools.plugging,
        opener=tools.opener,
    )


def _shares_port(settings: Settings) -> bool:
    """The till's messages come over the drawer's own line."""
    paid = settings.cash.paid_message
    return paid is not None and settings.drawer.profile != "none" and paid.port == settings.drawer.port


def _paid_line(paid: PaidMessageSettings, tools: Tools) -> PaidMessagePort:
    port = PortSettings(path=str(paid.port), baudrate=paid.baudrate)
    return PaidMessagePort(
        name=PAID_MESSAGE, settings=port, pattern=_pattern(paid), plugging=tools.plugging, opener=tools.opener
    )


def _pattern(paid: PaidMessageSettings) -> re.Pattern[str]:
    try:
        return paid_pattern(paid.pattern)
    except ValueError as error:
        raise WrongConfig([Problem("[cash.paid_message]", "pattern", str(error))]) from None


def _scanner(chosen: ScannerSettings, tools: Tools) -> Scanner:
    match chosen:
        case EvdevSettings():
            return _evdev_scanner(chosen, tools)
        case HidPosSettings():
            return _hidpos_scanner(chosen, tools)
        case SerialSettings():
            return _serial_scanner(chosen, tools)
        case _:
            assert_never(chosen)


def _evdev_scanner(chosen: EvdevSettings, tools: Tools) -> Scanner:
    from device.evdev_scanner import (  # noqa: PLC0415 - it loads evdev, which most tills with a serial reader never need
        EvdevScanner,
        EvdevScannerSettings,
    )
    from device.key_decoder import KeyReading  # noqa: PLC0415 - as above

    reading = KeyReading(
        layout=chosen.layout,
        suffix=chosen.suffix,
        prefix=chosen.prefix,
        caps_lock=chosen.caps_lock,
        idle_s=chosen.idle_s,
    )
    settings = EvdevScannerSettings(
        name=chosen.name, match=_match(chosen.match), reading=reading, only_keyboard=chosen.only_keyboard
    )
    return EvdevScanner(settings, plugging=tools.plugging)


def _hidpos_scanner(chosen: HidPosSettings, tools: Tools) -> Scanner:
    from device.hidpos_scanner import HidPosScanner, HidPosScannerSettings  # noqa: PLC0415 - few tills have one

    settings = HidPosScannerSettings(name=chosen.name, match=_match(chosen.match), idle_s=chosen.idle_s)
    return HidPosScanner(settings, plugging=tools.plugging)


def _serial_scanner(chosen: SerialSettings, tools: Tools) -> Scanner:
    settings = SerialScannerSettings(
        name=chosen.name,
        port=PortSettings(path=chosen.port, baudrate=chosen.baudrate, bytesize=chosen.bytesize, parity=chosen.parity),
        reading=LineReading(suffix=chosen.suffix, prefix=chosen.prefix, idle_s=chosen.idle_s),
    )
    return SerialScanner(settings, opener=tools.opener, plugging=tools.plugging)


def _match(match: MatchSettings) -> Match:
    return Match(id_vendor=match.id_vendor, id_model=match.id_model, serial=match.serial, path=match.path)
