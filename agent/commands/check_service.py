"""What `tillwire check` says of the service: does it start with the machine, and does a second agent get in its way."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

from agent.commands.check_ports import ports_of
from agent.commands.findings import Finding, note, ok, wrong
from agent.commands.lanes import unit_of
from agent.commands.units import unit_facts
from agent.configured import tls_of
from config.addresses import TcpAddress
from config.problems import WrongConfig
from config.scanners import SerialScanner
from config.settings import Settings, load


def unit_findings(config: Path, *, runs: bool) -> Iterator[Finding]:
    """Yield whether the unit is enabled. Before the agent runs that is the installer's next step, after it a fault.

    systemd gives up a unit of ours only where the agent has found its configuration wrong.
    """
    name = unit_of(config)
    unit = unit_facts(name)
    if unit is None:
        return
    if unit.failed and not runs:
        yield wrong("service", f"{name} has failed: `journalctl -u {name}` says why; then `systemctl restart {name}`")
    if unit.enabled:
        yield ok("service", f"{name} starts with the machine")
    elif runs:
        yield wrong("service", f"{name} does not start with the machine: run `systemctl enable {name}`")
    else:
        yield note("service", f"{name} does not start with the machine: run `systemctl enable --now {name}`")


def state_findings(config: Path, settings: Settings) -> Iterator[Finding]:
    """Yield whether the unit keeps the agent from its state directory, where its user could write by itself."""
    name, directory = unit_of(config), settings.state.directory
    unit = unit_facts(name)
    if unit is None or unit.writable is None or any(_is_in(directory, place) for place in unit.writable):
        return
    allow = f"`systemctl edit {name}`: [Service] ReadWritePaths={directory}"
    yield wrong("state", f"{name} may not write to {directory}: set [state] directory to its own, or {allow}")


def _is_in(path: Path, place: Path) -> bool:
    return path.resolve().is_relative_to(place.resolve())


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
        for what, value in sorted(ours & _its_own_in(other)):
            yield wrong("second agent", f"{name} has the same {what}, {value}: give each its own, or disable one")


def _its_own_in(config: Path) -> set[tuple[str, str]]:
    try:
        return _its_own(load(config, {}))
    except WrongConfig:  # its own check says so
        return set()


def _its_own(settings: Settings) -> set[tuple[str, str]]:
    """Return what only one agent can have, each with what it is: the names are those of the configuration.

    A port may have two names, and be a reader's here and a drawer's there.
    """
    values = [
        ("[state] directory", settings.state.directory),
        ("[kiosk] listen", settings.kiosk.listen),
        ("[api] device_uuid", settings.api.device_uuid),
        *(("[[scanner]] match", match) for match in _matches(settings)),
        *(("port", os.path.realpath(port)) for port in ports_of(settings)),
    ]
    return {(what, str(value)) for what, value in values if value is not None}


def _matches(settings: Settings) -> Iterator[str]:
    for scanner in settings.scanner:
        if not isinstance(scanner, SerialScanner):
            yield " ".join(f'{key} = "{value}"' for key, value in scanner.match if value is not None)


def tls_findings(settings: Settings) -> Iterator[Finding]:
    """Yield whether the local interface's certificate cannot be used, with the agent's rights."""
    try:
        tls_of(settings.kiosk)
    except WrongConfig as problems:
        yield from (wrong("local interface", str(problem)) for problem in problems.problems)


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
