"""What was learned of a reader: its lines of the configuration, and the words for people. Pure."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from agent.commands.plain_text import printable
from config.table_lines import Keys, Value
from device.answering_readers import Answered, Candidate, Driver
from device.discovery import Suggestion, shortest_match, stable_path
from device.key_decoder import KeyReading
from device.learning import KeysLearned, Learned, LineLearned, ReportsLearned
from device.line_decoder import LineReading
from device.matching import Match, PluggedDevice, is_only_keyboard

MODES: dict[Driver, str] = {"evdev": "keyboard mode", "hidpos": "HID POS mode", "serial": "serial"}
_SUFFIXES = {"enter": "ends with Enter", "tab": "ends with Tab", "none": "ends with nothing"}


def keys_of(candidate: Candidate, learned: Learned, name: str, found: Sequence[Suggestion]) -> Keys:
    """Return what stands in the configuration of this reader; what is as it usually is stays out."""
    device = candidate.device
    keys: dict[str, Value] = {"name": name, "driver": candidate.driver}
    if isinstance(learned, LineLearned):
        keys |= {"port": stable_path(device), "baudrate": candidate.baudrate}
        keys |= _changed({"bytesize": learned.bytesize, "parity": learned.parity}, {"bytesize": 8, "parity": "none"})
        return keys | _reading_keys(learned.reading, LineReading())
    like_it = [each.device for each in found if each.device.subsystem == device.subsystem]
    keys["match"] = _match_keys(shortest_match(device, like_it))
    if isinstance(learned, ReportsLearned):
        return keys
    usual = KeyReading()
    keys |= {"layout": learned.reading.layout} | _reading_keys(learned.reading, usual)
    keys |= _changed({"caps_lock": learned.reading.caps_lock}, {"caps_lock": usual.caps_lock})
    return keys | ({"only_keyboard": True} if is_only_keyboard(device, like_it) else {})


def _reading_keys(reading: KeyReading | LineReading, usual: KeyReading | LineReading) -> dict[str, Value]:
    optional: dict[str, Value] = {"prefix": reading.prefix, "idle_s": reading.idle_s}
    return {"suffix": reading.suffix} | _changed(optional, {"prefix": usual.prefix, "idle_s": usual.idle_s})


def _changed(values: dict[str, Value], usual: dict[str, Value]) -> dict[str, Value]:
    return {key: value for key, value in values.items() if value != usual[key]}


def _match_keys(match: Match) -> dict[str, str]:
    named = {"id_vendor": match.id_vendor, "id_model": match.id_model, "serial": match.serial, "path": match.path}
    return {key: value for key, value in named.items() if value is not None}


def findings(answer: Answered, learned: Learned) -> Iterator[str]:
    yield MODES[answer.candidate.driver]
    match learned:
        case KeysLearned():
            yield "Alt mode" if learned.alt_mode else f"layout {learned.reading.layout}"
            yield _SUFFIXES[learned.reading.suffix]
        case LineLearned():
            letter = learned.parity[0].upper()
            yield f"{answer.candidate.baudrate} baud {learned.bytesize}{letter}1"
            yield _SUFFIXES[learned.reading.suffix]


def notes(learned: Learned) -> Iterator[str]:
    if isinstance(learned, KeysLearned) and learned.alt_mode:
        yield "Alt mode works and takes four times as long; the reader's manual says how to switch it off."
    if isinstance(learned, KeysLearned) and learned.is_ambiguous:
        yield f"what it types is the same on the layouts {', '.join(learned.layouts)}; any of them is right."
    if not isinstance(learned, ReportsLearned) and learned.reading.suffix == "none":
        yield "without a suffix a pause inside a scan cannot be told from its end: have the reader send Enter."


def as_json(answer: Answered, learned: Learned, keys: Keys, backup: Path | None) -> dict[str, object]:
    of_keys = (
        {"alt_mode": learned.alt_mode, "layouts": list(learned.layouts)} if isinstance(learned, KeysLearned) else {}
    )
    backup_file = {"backup": str(backup)} if backup else {}
    return {"node": answer.candidate.device.node, "scanner": keys, **of_keys, **backup_file}


def shown(device: PluggedDevice) -> str:
    return printable(f"{device.node} ({device.name})" if device.name else device.node)
