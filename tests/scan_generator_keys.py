"""Keyboard-mode readers for the generator: layouts, speeds, Alt mode, and the faults of keys."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from device.key_decoder import (
    EV_KEY,
    EV_SYN,
    PRESSED,
    RELEASED,
    SYN_DROPPED,
    InputEvent,
    KeyDecoder,
    KeyReading,
    Suffix,
)
from device.keyboard import MODIFIER_KEYS
from device.keyboard_layouts import CHARACTER_KEYS, LayoutName
from device.keystrokes import EV_MSC, SUFFIX_KEYS, Stroke, alt_strokes, key_events, strokes
from tests.scan_generator import FAULTY, IDLE_S, Code, Lost, Opened, Sign, Step, Stream, a_code

LAYOUTS: tuple[LayoutName, ...] = ("us", "de", "fr", "ch", "uk")
KEY_S = (0.001, 0.002, 0.008, 0.016, 0.03, 0.06, 0.1)
KEYS_OF_NO_CODE = (1, 14, 59, 67, 103, 111)  # Escape, Backspace, F1, F9, Up, Delete
OVERFLOWS = 0.03  # a scan
REPEATED = 2

KeyStep = InputEvent | Opened | Lost
Fault = Callable[[Random, list[KeyStep]], list[KeyStep]]


@dataclass(frozen=True, slots=True)
class Setup:
    """How one reader is set and how fast it types."""

    reading: KeyReading
    alt_mode: bool
    key_s: float
    types: frozenset[int]  # scan codes and frames type nothing: left out of most streams, to make more of them


def key_stream(random: Random, scanner: str, scans: int) -> Stream:
    """What a keyboard-mode reader sends for a number of scans, and what becomes of it on the way."""
    setup = _setup(random)
    steps: list[tuple[KeyStep, int]] = [(Opened(0.0), -1)]
    codes: list[Code] = []
    at = 1.0
    for place in range(scans):
        code, typed = _typed(random, setup)
        whole: list[KeyStep] = [step for step in key_events(typed, at, setup.key_s) if step.type in setup.types]
        fault = random.choice(FAULTS[setup.reading.suffix == "none"]) if random.random() < FAULTY else unhurt
        sent = fault(random, whole)
        code.hurt = code.text is None or sent != whole
        codes.append(code)
        steps.extend((step, place) for step in sent)
        at = max(sent[-1].at, whole[-1].at) + _pause(random, setup, torn_off=fault in (truncated, unplugged))
    _overflow(random, steps, codes)
    signs = _signs(steps, codes, SUFFIX_KEYS.get(setup.reading.suffix))
    all_steps: list[Step] = [step for step, _ in steps]
    return Stream(KeyDecoder(scanner, setup.reading), all_steps, codes, signs)


def _setup(random: Random) -> Setup:
    suffixes: tuple[Suffix, ...] = ("enter", "tab", "none")
    reading = KeyReading(
        layout=random.choice(LAYOUTS),
        suffix=random.choices(suffixes, (70, 15, 15))[0],
        prefix=random.choice(("", "", "", "*")),
        idle_s=IDLE_S,
    )
    types = random.choices((frozenset({EV_KEY}), frozenset({EV_KEY, EV_SYN, EV_MSC})), (90, 10))[0]
    return Setup(reading, random.random() < 0.1, random.choice(KEY_S), types)


def _typed(random: Random, setup: Setup) -> tuple[Code, list[Stroke]]:
    """One code, or with a prefix sometimes one that begins inside another."""
    printed = a_code(random)
    typed = _strokes(setup, printed.sent)
    if setup.reading.prefix and not setup.alt_mode and random.random() < FAULTY / 4:
        second = _strokes(setup, a_code(random).sent)
        place = random.randrange(1, len(typed))
        return Code(None), typed[:place] + second + typed[place:]
    return Code(printed.text, printed.symbology), typed


def _strokes(setup: Setup, sent: str) -> list[Stroke]:
    text = setup.reading.prefix + sent
    if setup.alt_mode:
        return alt_strokes(text, setup.reading.suffix)
    return strokes(text, setup.reading.layout, setup.reading.suffix)


def _pause(random: Random, setup: Setup, *, torn_off: bool) -> float:
    """People need half a second between two scans, a belt less. What was torn off is followed by silence."""
    silent = torn_off or setup.reading.suffix == "none"
    least = IDLE_S + setup.key_s + 0.01 if silent else 0.02
    return random.choice((least, least + random.random() / 5, least + 0.5 + random.random() * 3))


# Faults. Each takes what the reader sends for one scan and gives back what arrives.


def unhurt(_random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    return sent


def stalled(random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    """A pause inside the scan, from just above the idle time to a minute."""
    place = random.randrange(1, len(sent))
    pause = random.choice((IDLE_S, IDLE_S + random.random(), 60 * random.random() + IDLE_S))
    late = [step._replace(at=step.at + pause) for step in sent[place:] if isinstance(step, InputEvent)]
    return sent[:place] + late


def truncated(random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    return sent[: random.randrange(1, len(sent))]


def unplugged(random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    """Lost at one event, back at another: the rest is the tail of a scan, or nothing."""
    lost = random.randrange(len(sent))
    back = random.randrange(lost, len(sent))
    return [*sent[:lost], Lost(sent[lost].at), Opened(sent[back].at), *sent[back + 1 :]]


def release_missing(random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    return _without(sent, random.sample(_places(sent, RELEASED), k=1))


def releases_missing(random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    places = _places(sent, RELEASED)
    return _without(sent, random.sample(places, k=random.randint(1, len(places))))


def press_missing(random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    return _without(sent, random.sample(_places(sent, PRESSED), k=1))


def foreign_key(random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    """A key that no code contains, as from a programming barcode."""
    place = random.randrange(len(sent))
    at = sent[place].at
    key = random.choice(KEYS_OF_NO_CODE)
    return [*sent[:place], InputEvent(at, EV_KEY, key, PRESSED), InputEvent(at, EV_KEY, key, RELEASED), *sent[place:]]


def repeating(random: Random, sent: list[KeyStep]) -> list[KeyStep]:
    """The kernel repeats a key that is held; that types nothing."""
    place = random.choice(_places(sent, PRESSED))
    step = sent[place]
    assert isinstance(step, InputEvent)
    return [*sent[: place + 1], *[step._replace(value=REPEATED)] * random.randint(1, 5), *sent[place + 1 :]]


FAULTS: dict[bool, tuple[Fault, ...]] = {
    False: (stalled, truncated, unplugged, release_missing, releases_missing, press_missing, foreign_key, repeating),
    True: (unplugged, release_missing, releases_missing, press_missing, foreign_key, repeating),
}


def _places(sent: list[KeyStep], value: int) -> list[int]:
    return [
        place
        for place, step in enumerate(sent)
        if isinstance(step, InputEvent) and step.type == EV_KEY and step.value == value
    ]


def _without(sent: list[KeyStep], places: list[int]) -> list[KeyStep]:
    gone = set(places)
    return [step for place, step in enumerate(sent) if place not in gone]


def _overflow(random: Random, steps: list[tuple[KeyStep, int]], codes: list[Code]) -> None:
    """The kernel's queue overflows: events are missing, across the end of a scan too, and SYN_DROPPED says so."""
    for _ in codes:
        if random.random() > OVERFLOWS:
            continue
        first = random.randrange(1, len(steps))
        after = min(first + random.randint(1, 250), len(steps))
        lost = steps[first:after]
        if any(not isinstance(step, InputEvent) for step, _ in lost):
            continue
        for _, place in lost:
            codes[place].hurt = True
        steps[first:after] = [(InputEvent(lost[-1][0].at, EV_SYN, SYN_DROPPED, 0), lost[-1][1])]


def _signs(steps: list[tuple[KeyStep, int]], codes: list[Code], suffix_key: int | None) -> list[Sign]:
    """When something came. A scan is seen from the first key of its first character on."""
    signs = []
    for step, place in steps:
        if not isinstance(step, InputEvent):
            signs.append(Sign(step.at, ends=isinstance(step, Lost)))
            continue
        dropped = (step.type, step.code) == (EV_SYN, SYN_DROPPED)
        if dropped or (step.type == EV_KEY and step.value != REPEATED):
            begins = step.code in CHARACTER_KEYS or (step.code in MODIFIER_KEYS and step.value == PRESSED)
            if dropped or begins or codes[place].was_seen:
                codes[place].seen(step.at)
            ends = not dropped and (step.code, step.value) == (suffix_key, PRESSED)
            signs.append(Sign(step.at, ends, dropped))
    return signs
