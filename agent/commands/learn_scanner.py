"""`tillwire learn scanner`: the calibration code is scanned once, and the lines for its reader come out."""

import argparse
import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from agent.card import CardRules
from agent.commands.asking import Failed, answered, be_without_agent, checked
from agent.commands.calibration_sheet import FORMATS, calibration_sheet
from agent.commands.common import GOOD, WRONG_USE, add_config, add_json, complain, complain_of, say
from agent.commands.devices import used_by
from agent.commands.drawings import drawn, qr_code
from agent.commands.learned_scanner import MODES, as_json, findings, keys_of, notes, shown
from agent.commands.plain_text import printable
from agent.till.scans import meaning
from config.problems import WrongConfig
from config.replace_file import replace_config
from config.scanner_lines import scanner_lines, with_scanner
from config.settings import Settings, load
from config.table_lines import CannotEdit, Keys
from config.values import ReaderName
from device.answering_readers import SPEEDS, Answered, AnsweringReaders, Candidate, Driver, GivenUp, Openers
from device.discovery import Suggestion, plugged_in
from device.interface import Scan
from device.learning import CALIBRATION_TEXT, SILENCE_S, AnotherCode, Learned, NotLearned
from device.matching import PluggedDevice, Subsystem

WAIT_S = 120.0
"""An installer walks from the terminal to the reader, and prints the sheet before that."""
BANK_CARD = "that was a bank card, and nothing of it was kept: scan the calibration code"
_DRIVERS: dict[Subsystem, Driver] = {"input": "evdev", "hidraw": "hidpos", "tty": "serial"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for. `device`: this one alone; `ports`: listened to as well."""

    config: Path
    write: bool = False
    in_json: bool = False
    name: str | None = None
    device: str | None = None
    ports: tuple[str, ...] = ()
    wait_s: float = WAIT_S
    silence_s: float = SILENCE_S


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Stop the agent first. A serial port that may be a drawer's is opened only when it is named: opening one can "
        "open the drawer."
    )
    add_config(parser)
    add_json(parser)
    parser.add_argument("--write", action="store_true", help="write the lines into the configuration file")
    parser.add_argument(
        "--name", type=checked(TypeAdapter(ReaderName)), metavar="NAME", help="what the reader is called"
    )
    parser.add_argument("--device", metavar="NODE", help="listen to this device alone, as /dev/input/event5")
    parser.add_argument("--port", action="append", default=[], metavar="PATH", help="listen to this serial port too")
    parser.add_argument(
        "--sheet", type=_sheet, metavar="FILE", help="write the code to print, as .pdf or .svg, and end"
    )
    parser.add_argument("--wait", type=float, default=WAIT_S, metavar="SECONDS", help="give up then (%(default)g)")


def run(arguments: argparse.Namespace) -> int:
    if arguments.sheet is not None:
        return _write_sheet(arguments.sheet)
    try:
        settings = load(arguments.config, os.environ)
    except WrongConfig as wrong:
        if arguments.write:
            return complain_of(wrong)
        settings = None  # nothing is configured yet, or `tillwire check` says what is wrong
    wanted = Wanted(
        config=arguments.config,
        write=arguments.write,
        in_json=arguments.json,
        name=arguments.name,
        device=arguments.device,
        ports=tuple(arguments.port),
        wait_s=arguments.wait,
    )
    return answered(learn_scanner(settings, wanted, plugged_in(), Openers()))


async def learn_scanner(
    settings: Settings | None, wanted: Wanted, found: Sequence[Suggestion], openers: Openers
) -> int:
    """Learn one reader. Raises Failed, ControlError and WrongConfig."""
    if settings is not None:
        await be_without_agent(wanted.config, settings)
    candidates = candidates_of(settings, wanted, [each.device for each in found])
    async with AnsweringReaders(candidates, openers, wanted.silence_s) as readers:
        if not wanted.in_json:
            say("\n".join(_invitation(readers, found)))
        if not readers.listening:
            raise Failed("no reader can be listened to: plug it in, or name its port with --port")
        answer, learned = await _learned(readers, settings, wanted)
    keys = keys_of(answer.candidate, learned, _name_of(settings, wanted, answer.candidate.device), found)
    backup = _written(wanted, keys) if wanted.write else None
    if wanted.in_json:
        say(json.dumps(as_json(answer, learned, keys, backup)))
    else:
        say("\n".join(_result(answer, learned, keys, wanted, backup)))
    return GOOD


def candidates_of(settings: Settings | None, wanted: Wanted, devices: Sequence[PluggedDevice]) -> list[Candidate]:
    """Return what may be the reader: all keyboards and HID POS readers, ports of makers of readers, what was named."""
    named = [PluggedDevice(node=port, subsystem="tty") for port in wanted.ports]
    if wanted.device is not None:
        known = [device for device in devices if wanted.device in (device.node, *device.links)]
        chosen = known or [PluggedDevice(node=wanted.device, subsystem="tty")]
        return [Candidate(driver=_DRIVERS[one.subsystem], device=one, only_keyboard=True) for one in chosen]
    ours = {None, *(f"scanner {scanner.name}" for scanner in (settings.scanner if settings else ()))}
    free = [device for device in devices if device.subsystem != "tty" or device.is_of_a_reader_maker]
    free = [device for device in free if used_by(device, settings) in ours and device.node not in wanted.ports]
    return [Candidate(driver=_DRIVERS[device.subsystem], device=device) for device in (*free, *named)]


async def _learned(readers: AnsweringReaders, settings: Settings | None, wanted: Wanted) -> tuple[Answered, Learned]:
    """Listen until one reader has said how it is set. Raises Failed when it takes too long."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wanted.wait_s
    try:
        while True:
            answers = await readers.answers(until - loop.time())
            learned = [(each, each.answer) for each in answers if isinstance(each.answer, Learned)]
            if len(learned) > 1:
                both = " and ".join(shown(each.candidate.device) for each, _ in learned)
                raise Failed(f"{both} both answered: unplug one, or name yours with --device")
            if learned:
                return learned[0]
            for each in answers:
                complain(await _why_not(readers, each, settings))
    except TimeoutError:
        raise Failed(
            f"the calibration code was not read within {wanted.wait_s:g} s: is the reader among those above?"
        ) from None
    except GivenUp:
        raise Failed("given up: Escape was pressed on a keyboard") from None


async def _why_not(readers: AnsweringReaders, answered: Answered, settings: Settings | None) -> str:
    candidate, answer = answered.candidate, answered.answer
    where = shown(candidate.device)
    if isinstance(answer, AnotherCode):
        return f"{where}: {BANK_CARD if _is_bank_card(answer, settings) else NotLearned.ANOTHER_CODE}"
    if answer is not NotLearned.GARBLED or candidate.driver != "serial":
        return f"{where}: {answer}"
    speed = SPEEDS[(SPEEDS.index(candidate.baudrate) + 1) % len(SPEEDS)]
    await readers.listen_at(candidate, speed)
    return f"{where}: {answer} ({candidate.baudrate} baud): scan again, {speed} baud is tried now"


def _is_bank_card(answer: AnotherCode, settings: Settings | None) -> bool:
    cards = settings.cards if settings else None
    rules = CardRules(prefixes=cards.prefixes, lengths=cards.lengths) if cards else CardRules(("9276",), (16,))
    scans = (Scan(scanner="", text=text.strip(), at=0.0) for text in answer.texts)
    return any(meaning(scan, rules, forwards=False) is None for scan in scans)


def _name_of(settings: Settings | None, wanted: Wanted, device: PluggedDevice) -> str:
    """The name that this reader has already, or that was asked for, or a free one. Raises Failed."""
    user = used_by(device, settings)
    if user is not None:
        name = user.removeprefix("scanner ")
        if wanted.name not in (None, name):
            raise Failed(f"{shown(device)} is the scanner {name} already: leave out --name")
        return name
    if wanted.name is not None:
        return wanted.name
    taken = {scanner.name for scanner in (settings.scanner if settings else ())}
    names = ("counter", *(f"counter{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _written(wanted: Wanted, keys: Keys) -> Path:
    try:
        return replace_config(wanted.config, with_scanner(wanted.config.read_text("utf-8"), keys), os.environ)
    except CannotEdit as cannot:
        raise Failed(f"{wanted.config}: {cannot}") from None
    except OSError as error:
        raise Failed(f"{wanted.config} cannot be written: {error.strerror}; do this as root") from None


# What is said


def _invitation(readers: AnsweringReaders, found: Sequence[Suggestion]) -> Iterator[str]:
    yield "Scan the calibration code once: here, or from the sheet of `tillwire learn scanner --sheet code.pdf`."
    yield from drawn(qr_code(CALIBRATION_TEXT))
    for candidate in readers.listening:
        yield f"listening to {shown(candidate.device)}: {MODES[candidate.driver]}"
    for candidate, reason in readers.refused.items():
        yield f"not listening to {shown(candidate.device)}: {printable(reason)}"
    known = {candidate.device.node for candidate in (*readers.listening, *readers.refused)}
    for each in found:
        if each.device.subsystem == "tty" and each.device.node not in known:
            yield f"not listening to {shown(each.device)}: if the reader is there, add --port {each.device.node}"
    yield "Escape on a keyboard that is listened to, or Ctrl-C here, gives up."


def _result(answer: Answered, learned: Learned, keys: Keys, wanted: Wanted, backup: Path | None) -> Iterator[str]:
    yield f"{shown(answer.candidate.device)}: {', '.join(findings(answer, learned))}."
    yield from (f"Note: {note}" for note in notes(learned))
    yield ""
    yield scanner_lines(keys)
    yield ""
    if backup is None:
        yield f"Copy these lines into {wanted.config}, or run this again with --write."
    else:
        yield f"Written into {wanted.config}; the file as it was is {backup}. Start the agent."


# The sheet


def _write_sheet(path: Path) -> int:
    try:
        path.write_bytes(FORMATS[path.suffix.lower()](calibration_sheet(CALIBRATION_TEXT)))
    except OSError as error:
        complain(f"{path} cannot be written: {error.strerror}")
        return WRONG_USE
    say(f"Print {path} in its own size (100 %), run `tillwire learn scanner`, and scan one of the two codes.")
    return GOOD


def _sheet(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError("must end in .pdf or .svg")
    return path
