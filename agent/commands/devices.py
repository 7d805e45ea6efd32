"""`tillwire devices`: what is plugged in, and the lines of the configuration that would use it."""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from typing import assert_never

from agent.commands.common import GOOD, NO, add_config, add_json, say
from agent.commands.plain_text import printable
from config.problems import WrongConfig
from config.scanners import EvdevScanner, HidPosScanner, SerialScanner
from config.settings import Settings, load
from device.discovery import Suggestion, Use, plugged_in
from device.matching import Match, PluggedDevice, is_meant

_TITLES: tuple[tuple[Use, str], ...] = (
    ("reader", "Readers"),
    ("port", "Serial ports: of a reader, of a drawer, or of something else"),
    ("keyboard", "Keyboards, or readers of a maker that is not known here"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Copy the lines of your device into the configuration."
    add_config(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    found = plugged_in()
    settings = _settings(arguments)
    users = [used_by(each.device, settings) for each in found]
    if arguments.json:
        shown = [_as_json(each, user) for each, user in zip(found, users, strict=True)]
        say(json.dumps({"devices": shown}))
    else:
        say("\n".join(toml_lines(found, users)) if found else "No reader and no serial port is plugged in.")
    return GOOD if found else NO


def _settings(arguments: argparse.Namespace) -> Settings | None:
    """Return what is configured; None where nothing is yet, or it is wrong: `tillwire check` says so."""
    try:
        return load(arguments.config, os.environ)
    except WrongConfig:
        return None


def used_by(device: PluggedDevice, settings: Settings | None) -> str | None:
    """Return which part of the configuration means this device."""
    if settings is None:
        return None
    paid = settings.cash.paid_message
    ports = {"[drawer]": settings.drawer.port, "[cash.paid_message]": paid and paid.port}
    for scanner in settings.scanner:
        name = f"scanner {scanner.name}"
        match scanner:
            case SerialScanner():
                ports[name] = scanner.port
            case EvdevScanner():
                if _is_meant(scanner, "input", device):
                    return name
            case HidPosScanner():
                if _is_meant(scanner, "hidraw", device):
                    return name
            case _:
                assert_never(scanner)
    return next((name for name, port in ports.items() if port in (device.node, *device.links)), None)


def _is_meant(scanner: EvdevScanner | HidPosScanner, subsystem: str, device: PluggedDevice) -> bool:
    return device.subsystem == subsystem and is_meant(Match(**scanner.match.model_dump()), device)


def toml_lines(found: Sequence[Suggestion], users: Sequence[str | None]) -> Iterator[str]:
    """Yield TOML: what is said about a device is a comment over the lines that would use it."""
    for use, title in _TITLES:
        of_this_use = [(each, user) for each, user in zip(found, users, strict=True) if each.use == use]
        if of_this_use:
            yield from (f"# {title}", "")
        for each, user in of_this_use:
            yield f"# {_name(each.device)}{f', used by {user}' if user else ''}"
            yield from (printable(line) for line in each.config.splitlines())
            yield ""


def _name(device: PluggedDevice) -> str:
    ids = f" ({device.id_vendor}:{device.id_model})" if device.id_vendor and device.id_model else ""
    return printable(f"{device.name or 'unnamed'}{ids} at {device.node}")


def _as_json(each: Suggestion, user: str | None) -> dict[str, object]:
    device = each.device
    return {
        "use": each.use,
        "used_by": user,
        "node": device.node,
        "name": device.name,
        "id_vendor": device.id_vendor,
        "id_model": device.id_model,
        "serial": device.serial,
        "path": device.path,
        "links": list(device.links),
        "config": each.config,
    }
