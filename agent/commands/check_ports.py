"""What `tillwire check` says of serial ports that others take: ModemManager writes into them, brltty unbinds them.

And of ports that two of our own devices would open, under two names.
"""

import os
from collections.abc import Iterator

from agent.commands.findings import Finding, wrong
from agent.commands.units import Unit
from config.scanners import SerialScanner
from config.settings import Settings
from device.matching import PluggedDevice

BRAILLE_ADAPTERS = frozenset({("1a86", "7523"), ("10c4", "ea60")})
"""CH340 and CP210x: brltty takes both for braille displays (hardware.md 5.4)."""
OUR_DROP_IN = "/brltty.service.d/tillwire.conf"


def port_findings(
    settings: Settings, plugged: list[PluggedDevice], *, modem_manager: Unit | None, brltty: Unit | None
) -> Iterator[Finding]:
    """Yield a line for each port that two devices or another program want. `plugged`: the serial ports of the box."""
    yield from _named_twice(settings)
    nodes = {os.path.realpath(port): port for port in ports_of(settings)}
    for device in plugged:
        port = nodes.get(os.path.realpath(device.node))
        if port is None:
            continue
        if _will_run(modem_manager) and not device.ignored_by_modem_manager:
            yield wrong("ports", f"ModemManager may write into {port}: run `tillwire udev-rules --write`")
        if _takes_adapters(brltty) and (device.id_vendor, device.id_model) in BRAILLE_ADAPTERS:
            yield wrong("ports", f"brltty takes {port} for a braille display: run `systemctl disable --now brltty`")


def _named_twice(settings: Settings) -> Iterator[Finding]:
    """One port under two names: as they are written, the configuration has refused them already."""
    names: dict[str, str] = {}
    for port in dict.fromkeys(ports_of(settings)):
        first = names.setdefault(os.path.realpath(port), port)
        if first != port:
            yield wrong("ports", f"{first} and {port} are one port: give each device its own, or write the same name")


def ports_of(settings: Settings) -> Iterator[str]:
    """Yield each serial port that the configuration names, as it is written."""
    yield from (str(scanner.port) for scanner in settings.scanner if isinstance(scanner, SerialScanner))
    paid = settings.cash.paid_message
    yield from (str(port) for port in (settings.drawer.port, paid and paid.port, settings.printer.port) if port)


def _will_run(unit: Unit | None) -> bool:
    return unit is not None and (unit.active or unit.enabled)


def _takes_adapters(brltty: Unit | None) -> bool:
    """The package keeps it from starting with the machine; one that runs already is not stopped by that."""
    return brltty is not None and (brltty.active or (brltty.enabled and OUR_DROP_IN not in brltty.drop_ins))
