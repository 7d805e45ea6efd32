"""What `tillwire check` says of readers, drawer and printer: as the running agent sees them, or as it would."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from agent.checkout.state import Level
from agent.chosen_devices import DRAWER, Tools, choose, drawer_profile, names_of
from agent.chosen_printer import PRINTER
from agent.commands.check_drawer import OpeningTrouble, drawer_findings
from agent.commands.check_ports import port_findings
from agent.commands.findings import Finding, note, ok, wrong
from agent.commands.units import unit_facts
from agent.kiosk.event_answers import SnapshotAnswer
from config.problems import WrongConfig
from config.settings import Settings
from device.drawer_profile import DrawerProfile
from device.drawer_reading import SILENT_AFTER_S
from device.interface import DeviceState, DrawerLevel, Report
from device.plugged_devices import plugged_devices
from device.plugging import NoPlugging, watch_plugging
from device.reconnect import PERMISSION_GRACE_S

LOOK_S = max(SILENT_AFTER_S, PERMISSION_GRACE_S) + 5.0
"""By then every device is present, or its driver has said what is wrong with it, on a slow box as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """How a device is: `reason` says what is wrong with one that is not present."""

    state: str
    reason: str | None = None


@dataclass(slots=True)
class Looked:
    """What was seen of the devices, each by its name, and of the drawer."""

    devices: dict[str, Seen] = field(default_factory=dict)
    level: Level = "unknown"


def check_choice(settings: Settings) -> list[Finding]:
    """Look whether the devices can be used as they are written, and can tell what the confirmation needs."""
    try:
        choose(settings, Tools(plugging=NoPlugging()))
        profile = drawer_profile(settings)
    except WrongConfig as problems:
        abouts = {"[printer]": PRINTER}
        return [wrong(abouts.get(problem.file, "drawer profile"), str(problem)) for problem in problems.problems]
    if profile is None:
        return [note("drawer profile", "no drawer is configured")]
    return [ok("drawer profile", f"{settings.drawer.profile}: {profile.model}")]


def check_ports(settings: Settings) -> list[Finding]:
    """Look whether ModemManager or brltty will take a port."""
    units = {"modem_manager": unit_facts("ModemManager.service"), "brltty": unit_facts("brltty.service")}
    return list(port_findings(settings, plugged_devices("tty"), **units))


def as_told(snapshot: SnapshotAnswer) -> Looked:
    """Return what the running agent sees."""
    devices = {device.name: Seen(state=device.state, reason=device.reason) for device in snapshot.devices}
    return Looked(devices, snapshot.drawer.state if snapshot.drawer else "unknown")


async def look(settings: Settings) -> Looked:
    """Open every device as the agent would, until each has told how it is. Raises WrongConfig."""
    looked, told = Looked(), asyncio.Event()

    def take(report: Report) -> None:
        match report:
            case DeviceState():
                looked.devices[report.name] = Seen(state=report.state, reason=report.reason)
            case DrawerLevel():
                looked.level = report.level
        told.set()

    with watch_plugging() as plugging:
        chosen = choose(settings, Tools(plugging=plugging))
        tells_level = chosen.drawer is not None and chosen.drawer.capabilities.status
        running = [asyncio.create_task(run(take)) for run in chosen.runs]
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                while not looked.devices.keys() >= set(names_of(settings)) or (tells_level and _may_still_tell(looked)):
                    told.clear()
                    await told.wait()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    return looked


def _may_still_tell(looked: Looked) -> bool:
    drawer = looked.devices.get(DRAWER)
    return looked.level == "unknown" and (drawer is None or drawer.state == "present")


def _profile(settings: Settings) -> DrawerProfile | None:
    try:
        return drawer_profile(settings)
    except WrongConfig:  # said above
        return None


def device_findings(settings: Settings, looked: Looked, opening: OpeningTrouble | None) -> Iterator[Finding]:
    """Yield a line for each device that is configured or was seen. `opening`: what went wrong with the last."""
    for name in dict.fromkeys((*names_of(settings), *looked.devices)):
        seen = looked.devices.get(name)
        if seen is None:
            yield wrong(name, "nothing was heard of it: restart the agent, if the configuration is newer")
        elif seen.state != "present" or seen.reason is not None:
            yield wrong(name, seen.reason or seen.state)
        elif name == DRAWER:
            yield from drawer_findings(settings, _profile(settings), looked.level, opening)
        else:
            yield ok(name, "is there and can be opened")
