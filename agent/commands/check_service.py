"""What `tillwire check` says of the service: does it start with the machine, and does a second agent get in its way."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from agent.commands.findings import Finding, note, ok, wrong
from agent.commands.lanes import unit_of
from agent.commands.units import unit_facts
from config.addresses import TcpAddress
from config.problems import WrongConfig
from config.scanners import SerialScanner
from config.settings import Settings, load


def unit_findings(config: Path, *, runs: bool) -> Iterator[Finding]:
    """Yield whether the unit is enabled. Before the agent runs that is the installer's next step, after it a fault."""
    name = unit_of(config)
    unit = unit_facts(name)
    if unit is None:
        return
    if unit.enabled:
        yield ok("service", f"{name} starts with the machine")
    elif runs:
        yield wrong("service", f"{name} does not start with the machine: run `systemctl enable {name}`")
    else:
        yield note("service", f"{name} does not start with the machine: run `systemctl enable --now {name}`")


def second_agent_findings(config: Path, settings: Settings) -> Iterator[Finding]:
    """Yield a line for each thing that another agent of this box is configured to have, too."""
    ours = _its_own(settings)
    for other in sorted(config.parent.glob("*.toml")):
        if other.name == config.name:
            continue
        name = unit_of(other)
        unit = unit_facts(name)
        if unit is None or not (unit.active or unit.enabled):
            continue
        shared = ours.items() & _its_own_in(other).items()
        for what, value in sorted(shared):
            yield wrong("second agent", f"{name} has the same {what}, {value}: give each its own, or disable one")


def _its_own_in(config: Path) -> dict[str, str]:
    try:
        return _its_own(load(config, {}))
    except WrongConfig:  # its own check says so
        return {}


def _its_own(settings: Settings) -> dict[str, str]:
    """Return what only one agent can have: the names are those of the configuration."""
    values = {
        "[state] directory": settings.state.directory,
        "[kiosk] listen": settings.kiosk.listen,
        "[drawer] port": settings.drawer.port,
        "[api] device_uuid": settings.api.device_uuid,
        **{f"[[scanner]] {reader}": reader for reader in _readers(settings)},
    }
    return {what: str(value) for what, value in values.items() if value is not None}


def _readers(settings: Settings) -> Iterator[str]:
    for scanner in settings.scanner:
        if isinstance(scanner, SerialScanner):
            yield f'port = "{scanner.port}"'
        else:
            yield " ".join(f'{key} = "{value}"' for key, value in scanner.match if value is not None)


def address_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether another program has the address of the local interface, while no agent runs here."""
    address = settings.kiosk.address
    if not isinstance(address, TcpAddress):
        return
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(where)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        mend = "stop what has it, maybe a second agent, or change it"
        yield wrong("local interface", f"[kiosk] listen {settings.kiosk.listen}: {why}: {mend}")
