"""`tillwire learn drawer`: closed, Enter, open, Enter; and it says what can tell the two apart."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from agent.commands.asking import Failed, answered, be_without_agent
from agent.commands.common import GOOD, add_config, add_json, load_settings, say
from agent.commands.plain_text import printable
from config.drawer_lines import LEARNED_KEYS, drawer_lines, with_drawer
from config.replace_file import replace_config
from config.settings import Settings
from config.table_lines import CannotEdit, Keys, Value
from device.drawer_learning import Candidate, Shown, candidates, why_nothing
from device.drawer_port import port_settings
from device.drawer_profile import DrawerProfile, NoStatus
from device.drawer_profile_file import ProfileRefused, load_profile, profile_files
from device.port import PortFull, PortLost, PortSettings
from device.reconnect import Unavailable
from device.showing_drawer import PATIENCE, Patience, ShowingDrawer, showing_drawer
from device.tty import Tty, open_tty

LINE_KEYS = frozenset({"baudrate", "bytesize", "parity", "stopbits", "xonxoff", "rtscts"})
"""What `[drawer]` may say of the line: the agent will open it so, whatever the profile."""
Profiles = Mapping[str, DrawerProfile]
Ask = Callable[[str], Awaitable[None]]
Showing = Callable[[Sequence[DrawerProfile]], AbstractAsyncContextManager[ShowingDrawer]]
LEVELS = {"high": "on, or bit set, = open", "low": "off, or bit clear, = open"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for. `profile`: only this one is tried."""

    config: Path
    port: str | None = None
    profile: str | None = None
    write: bool = False
    in_json: bool = False
    patience: Patience = PATIENCE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Stop the agent first. To find its kind the drawer is asked in several languages, and one that any byte opens "
        "opens by that: name its profile to ask in one alone."
    )
    add_config(parser)
    add_json(parser)
    parser.add_argument("--port", metavar="PATH", help="the drawer's port (default: [drawer] port)")
    parser.add_argument("--profile", metavar="NAME", help="try this profile alone")
    parser.add_argument("--write", action="store_true", help="write the lines into the configuration file")


def run(arguments: argparse.Namespace) -> int:
    settings = load_settings(arguments)
    wanted = Wanted(
        config=arguments.config,
        port=arguments.port,
        profile=arguments.profile,
        write=arguments.write,
        in_json=arguments.json,
    )
    return answered(learn_drawer(settings, wanted, _enter))


async def learn_drawer(
    settings: Settings, wanted: Wanted, ask: Ask, opener: Callable[[PortSettings], Tty] = open_tty
) -> int:
    """Learn the drawer. `ask` says something and waits for Enter. Raises Failed, ControlError and WrongConfig."""
    await be_without_agent(wanted.config, settings)
    port = wanted.port or (str(settings.drawer.port) if settings.drawer.port is not None else None)
    if port is None:
        raise Failed("which port? set [drawer] port, or name it with --port (`tillwire devices` lists them)")
    profiles = _profiles(settings, wanted)
    showing = partial(showing_drawer, port, opener=opener, patience=wanted.patience)
    found = await _found(profiles, ask, showing)
    keys = [_keys(port, one) for one in found]
    backup = _written(settings, wanted, found, keys) if wanted.write else None
    if wanted.in_json:
        say(json.dumps(_as_json(found, keys, backup)))
    else:
        say("\n".join(_result(profiles, found, keys, wanted, backup)))
    return GOOD


def _profiles(settings: Settings, wanted: Wanted) -> Profiles:
    """The profiles to try: those that the line settings of the file do not contradict."""
    drawer = settings.drawer
    line = {key: value for key, value in drawer.overrides.items() if key in LINE_KEYS}
    names = profile_files(drawer.profile_directory) if wanted.profile is None else [wanted.profile]
    try:
        loaded = {name: _on_line(name, drawer.profile_directory, line) for name in names}
    except ProfileRefused as refused:
        raise Failed("; ".join(refused.problems)) from None
    profiles = {name: profile for name, profile in loaded.items() if profile is not None}
    if not profiles:
        raise Failed(f"no such drawer can be used with the {', '.join(line)} of [drawer]: correct that, or take it out")
    if wanted.profile is not None:
        return profiles
    return {name: profile for name, profile in profiles.items() if not isinstance(profile.status, NoStatus)}


def _on_line(name: str, directory: Path, line: Mapping[str, object]) -> DrawerProfile | None:
    """The profile on such a line; None where that cannot be, as with `rtscts` for one that tells its level on CTS.

    Raises ProfileRefused when there is no such profile, or its own file is wrong.
    """
    profile = load_profile(name, directory)
    with suppress(ProfileRefused):
        return load_profile(name, directory, line) if line else profile
    return None


async def _found(profiles: Profiles, ask: Ask, showing: Showing) -> list[Candidate]:
    """Try every way in which the port may have to be opened. Raises Failed with why nothing can be told."""
    nothing = "no profile that tells anything"
    for group in _opened_alike(profiles):
        try:
            closed, opened = await _both(group, ask, showing)
        except (Unavailable, PortLost, PortFull) as error:
            raise Failed(f"{error}") from None
        if found := candidates(group, closed, opened):
            return found
        nothing = why_nothing(group, closed, opened)
    raise Failed(f"what the drawer does cannot be told: {nothing}")


def _opened_alike(profiles: Profiles) -> Iterator[Profiles]:
    """Group the profiles by speed and parity. Those that look at a line are in each: a line has no speed."""
    lines = {name: profile for name, profile in profiles.items() if profile.status.source == "line"}
    telling = sorted((profiles.keys() - lines.keys()), key=lambda name: _opening(profiles[name]))
    groups = [list(names) for _, names in groupby(telling, key=lambda name: _opening(profiles[name]))]
    for names in groups or [[]]:
        yield {name: profiles[name] for name in names} | lines


def _opening(profile: DrawerProfile) -> str:
    return repr(port_settings(profile, ""))


async def _both(profiles: Profiles, ask: Ask, showing: Showing) -> tuple[Shown, Shown]:
    async with showing(list(profiles.values())) as drawer:
        await ask("Close the drawer, and press Enter.")
        closed = await drawer.shown()
        await ask("Open it by its key or button (leave it open if it has just opened by itself), and press Enter.")
        return closed, await drawer.shown()


def _keys(port: str, candidate: Candidate) -> Keys:
    keys: dict[str, Value] = {"profile": candidate.profile, "port": port, "open_level": candidate.open_level}
    return keys if candidate.line is None else {**keys, "status": {"line": candidate.line}}


def _written(settings: Settings, wanted: Wanted, found: list[Candidate], keys: list[Keys]) -> Path:
    """Write the one that fits: the only one, or the one that is configured already."""
    place = next((place for place, one in enumerate(found) if one.profile == settings.drawer.profile), 0)
    if len(found) > 1 and found[place].profile != settings.drawer.profile:
        names = ", ".join(one.profile for one in found)
        raise Failed(f"several models tell it so ({names}): name yours with --profile, and nothing was written")
    _refuse_what_the_agent_would(settings, keys[place])
    try:
        return replace_config(wanted.config, with_drawer(wanted.config.read_text("utf-8"), keys[place]), os.environ)
    except CannotEdit as cannot:
        raise Failed(f"{wanted.config}: {cannot}") from None
    except OSError as error:
        raise Failed(f"{wanted.config} cannot be written: {error.strerror}; do this as root") from None


def _refuse_what_the_agent_would(settings: Settings, keys: Keys) -> None:
    """The owner's other keys of [drawer] stay, and may be none for this profile. Raises Failed."""
    drawer = settings.drawer
    overrides = {key: value for key, value in drawer.overrides.items() if key not in LEARNED_KEYS}
    overrides |= {key: value for key, value in keys.items() if key in ("open_level", "status")}
    try:
        load_profile(str(keys["profile"]), drawer.profile_directory, overrides)
    except ProfileRefused as refused:
        problems = "; ".join(refused.problems)
        raise Failed(f"nothing was written, since other keys of [drawer] do not fit this drawer: {problems}") from None


# What is said


def _result(
    profiles: Profiles, found: list[Candidate], keys: list[Keys], wanted: Wanted, backup: Path | None
) -> Iterator[str]:
    yield f"The drawer can tell: {_source(profiles, found[0])}, {LEVELS[found[0].open_level]}."
    if len(found) > 1:
        yield "Several models tell it so; how they are opened differs. Take the lines of yours:"
    for candidate, lines in zip(found, keys, strict=True):
        setting = "as its profile says" if candidate.as_shipped else "with the level set below"
        yield f"\n# {printable(profiles[candidate.profile].model)}, {setting}"
        yield drawer_lines(lines)
    yield ""
    if backup is None:
        yield f"Copy these lines into {wanted.config}, or run this again with --write."
    else:
        yield f"Written into {wanted.config}; the file as it was is {backup}. Start the agent."


def _source(profiles: Profiles, candidate: Candidate) -> str:
    status = profiles[candidate.profile].status
    match status.source:
        case "line":
            return f"line {(candidate.line or status.line).upper()}"
        case "query":
            return f"asked with {status.question.hex(' ').upper()}"
        case "stream":
            return f"{status.byte:02X} again and again"
        case _:
            return "the printer's status"


def _as_json(found: list[Candidate], keys: list[Keys], backup: Path | None) -> dict[str, object]:
    told = [{"as_shipped": one.as_shipped, "drawer": each} for one, each in zip(found, keys, strict=True)]
    return {"candidates": told, **({"backup": str(backup)} if backup else {})}


async def _enter(text: str) -> None:
    """Say it on stderr, where no program takes it for the answer, and wait for Enter. Raises Failed."""
    sys.stderr.write(f"{text} ")
    sys.stderr.flush()
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    loop.add_reader(sys.stdin.fileno(), lambda: typed.put_nowait(os.read(sys.stdin.fileno(), 1)))
    try:
        while (byte := await typed.get()) != b"\n":
            if not byte:
                raise Failed("nobody pressed Enter: this needs a person at a terminal")
    finally:
        loop.remove_reader(sys.stdin.fileno())
