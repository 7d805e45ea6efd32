"""Serial readers and readers in HID POS mode for the generator, and the faults of bytes and reports."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from device.hidpos_decoder import REPORT_BYTES, HidPosDecoder
from device.line_decoder import LineDecoder, LineReading
from tests.scan_generator import FAULTY, IDLE_S, Chunk, Code, Loss, Lost, Opened, Sign, Silence, Step, Stream, a_code

BYTE_S = (0.0001, 0.0005, 0.001, 0.008)  # 115,200 to 1,200 baud
LATE_S = 0.05  # how late the thread may read what has come; less than the idle time, or gaps would be hidden
IN_FLIGHT_S = 0.02  # how much later than it was counted a damaged byte can come: an adapter's latency
ENDINGS = (b"\r", b"\n", b"\r\n", b"\x03", b"\r\x03", b"")


@dataclass(frozen=True, slots=True)
class Byte:
    """One byte on its way to the port."""

    at: float
    value: int
    code: int
    counted: tuple[float, ...] = ()  # when the driver counted errors for it, and for what is missing before it


@dataclass(frozen=True, slots=True)
class LineSetup:
    """How one serial reader is set."""

    reading: LineReading
    ending: bytes
    byte_s: float

    @property
    def framed(self) -> bool:
        return self.ending.endswith(b"\x03")


Fault = Callable[[Random, list[Byte]], list[Byte]]


def line_stream(random: Random, scanner: str, scans: int) -> Stream:
    """What arrives at a port in a number of scans, in any split, and what becomes of it on the way."""
    setup = _line_setup(random)
    codes: list[Code] = []
    steps: list[Step] = [Opened(0.0)]
    signs: list[Sign] = []
    at = 1.0
    arriving: list[Byte] = []
    for place in range(scans):
        code, sent = _line_code(random, setup)
        codes.append(code)
        whole = [Byte(at + n * setup.byte_s, value, place) for n, value in enumerate(sent)]
        faulty = code.text is not None and random.random() < FAULTY
        fault = random.choice(LINE_FAULTS[setup.ending == b""]) if faulty else _unhurt
        unplug = fault is _unhurt and random.random() < FAULTY / 10
        came = fault(random, whole)
        code.hurt = code.text is None or came != whole or unplug
        arriving += came
        if unplug:
            keep = random.randrange(len(came) + 1)
            del arriving[len(arriving) - keep :]
            _read(random, arriving, codes, steps, signs)
            arriving = []
            lost = steps[-1].at + setup.byte_s
            steps += [Lost(lost), Opened(lost + random.random())]
            signs.append(Sign(lost, ends=True))
        silent = fault in (_truncated, _high_bits) or setup.ending == b"" or unplug
        least = IDLE_S + LATE_S + setup.byte_s + 0.01 if silent else 0.0
        start = max(came[-1].at, whole[-1].at, steps[-1].at) + least
        at = start + random.choice((0.0, random.random() / 3, random.random() * 3))
    _read(random, arriving, codes, steps, signs)
    return Stream(LineDecoder(scanner, setup.reading), steps, codes, signs)


def _line_setup(random: Random) -> LineSetup:
    ending = random.choice(ENDINGS)
    prefix = "*" if random.random() < 0.25 and not ending.endswith(b"\x03") else ""
    reading = LineReading(suffix="enter" if ending else "none", prefix=prefix, idle_s=IDLE_S)
    return LineSetup(reading, ending, random.choice(BYTE_S))


def _line_code(random: Random, setup: LineSetup) -> tuple[Code, bytes]:
    """One code, or sometimes two that run into each other where the setup lets that be seen."""
    printed = a_code(random)
    sent = _wrapped(setup, printed.sent)
    if random.random() < FAULTY / 4 and (setup.framed or setup.reading.prefix):
        second = _wrapped(setup, a_code(random).sent)
        place = random.randint(1, len(sent) - len(setup.ending) - 1)
        mixed = _shuffled_together(random, sent, second) if setup.framed else sent[:place] + second + sent[place:]
        return Code(None), mixed
    return Code(printed.text, printed.symbology), sent


def _wrapped(setup: LineSetup, text: str) -> bytes:
    start = b"\x02" if setup.framed else b""
    return start + (setup.reading.prefix + text).encode() + setup.ending


def _shuffled_together(random: Random, first: bytes, second: bytes) -> bytes:
    """Each in its own order; the second begins inside the first."""
    mixed = bytearray(first[:1])
    rests = [list(first[1:]), list(second)]
    mixed.append(rests[1].pop(0))
    while any(rests):
        mixed.append(random.choice([rest for rest in rests if rest]).pop(0))
    return bytes(mixed)


def _read(random: Random, arriving: list[Byte], codes: list[Code], steps: list[Step], signs: list[Sign]) -> None:
    """The thread reads what has come, sometimes late, sometimes in several reads at once."""
    place = 0
    errors = sorted(counted for one in arriving for counted in one.counted)
    while place < len(arriving):
        now = max(arriving[place].at + random.choice((0.0, 0.002, LATE_S * random.random())), steps[-1].at)
        after = place
        while after < len(arriving) and arriving[after].at <= now:
            after += 1
        if random.random() < 0.3:
            after = random.randint(place + 1, after)
        while (due := steps[-1].at + IDLE_S) < arriving[place].at and not isinstance(steps[-1], Silence):
            if not _noticed(due, errors, steps, signs):
                steps.append(Silence(due))
        _noticed(now, errors, steps, signs)
        for one in arriving[place:after]:
            codes[one.code].seen(now)
        _happens(Chunk(now, bytes(one.value for one in arriving[place:after])), steps, signs)
        place = after


def _noticed(at: float, errors: list[float], steps: list[Step], signs: list[Sign]) -> bool:
    """Whether the driver had counted errors when it was asked."""
    if not errors or errors[0] > at:
        return False
    errors[:] = [counted for counted in errors if counted > at]
    _happens(Loss(at), steps, signs)
    return True


def _happens(step: Chunk | Loss, steps: list[Step], signs: list[Sign]) -> None:
    """Two reads can lie further apart than the idle time without a silence: the later one was late."""
    signs.append(Sign(step.at, bridges=not isinstance(steps[-1], Silence)))
    steps.append(step)


def _unhurt(_random: Random, sent: list[Byte]) -> list[Byte]:
    return sent


def _stalled(random: Random, sent: list[Byte]) -> list[Byte]:
    place = random.randrange(1, len(sent))
    pause = IDLE_S + LATE_S + random.choice((0.0, random.random(), 60 * random.random()))
    return sent[:place] + [replace(one, at=one.at + pause) for one in sent[place:]]


def _truncated(random: Random, sent: list[Byte]) -> list[Byte]:
    return sent[: random.randrange(1, len(sent))]


def _damaged(random: Random, sent: list[Byte]) -> list[Byte]:
    """Some bytes came in as others, a CR among them, and the driver counted it."""
    hurt = list(sent)
    for place in random.sample(range(len(sent)), k=random.randint(1, 3) if len(sent) > 3 else 1):
        hurt[place] = replace(sent[place], value=random.choice((13, 10, 2, 3, random.randrange(256))))
        hurt[place] = replace(hurt[place], counted=(sent[place].at - IN_FLIGHT_S * random.random(),))
    return hurt


def _overrun(random: Random, sent: list[Byte]) -> list[Byte]:
    """Bytes are missing, and the driver counted it when the next one came."""
    first = random.randrange(len(sent) - 1)
    after = random.randint(first + 1, len(sent) - 1)
    return [*sent[:first], replace(sent[after], counted=tuple(one.at for one in sent[first:after])), *sent[after + 1 :]]


def _high_bits(random: Random, sent: list[Byte]) -> list[Byte]:
    """The wrong parity, or noise that nobody counts but that no text contains."""
    place = random.randrange(len(sent))
    return [*sent[:place], replace(sent[place], value=sent[place].value | 0x80), *sent[place + 1 :]]


LINE_FAULTS: dict[bool, tuple[Fault, ...]] = {
    False: (_stalled, _truncated, _damaged, _overrun, _high_bits),
    True: (_damaged, _overrun, _high_bits),
}


# HID POS.


def report_stream(random: Random, scanner: str, scans: int) -> Stream:
    """The reports of a reader in HID POS mode."""
    start, capacity = random.choice(((2, 56), (3, 55), (2, 10), (3, 7)))
    codes: list[Code] = []
    steps: list[tuple[Step, int, bool]] = [(Opened(0.0), -1, False)]
    at = 1.0
    for place in range(scans):
        printed = a_code(random)
        code = Code(printed.text, printed.symbology or "]X0")
        codes.append(code)
        whole = _reports(printed.sent.removeprefix(printed.symbology or ""), code.symbology or "", start, capacity)
        sent = [(Chunk(at + n * 0.002, report), place, n == len(whole) - 1) for n, report in enumerate(whole)]
        came = _hurt_reports(random, sent) if random.random() < FAULTY else list(sent)
        code.hurt = came != sent or code.text is None
        steps += came
        at = max(steps[-1][0].at, sent[-1][0].at) + IDLE_S + 0.01 + random.random()
    for step, place, _ in steps:
        if isinstance(step, Chunk | Loss):
            codes[place].seen(step.at)
    signs = [Sign(step.at, isinstance(step, Lost), isinstance(step, Loss)) for step, _, _ in steps[1:]]
    return Stream(HidPosDecoder(scanner, idle_s=IDLE_S), [step for step, _, _ in steps], codes, signs)


def _reports(text: str, identifier: str, start: int, capacity: int) -> list[bytes]:
    data = text.encode()
    parts = [data[place : place + capacity] for place in range(0, len(data), capacity)]
    return [
        (bytes([2, len(part)]).ljust(start, b"\0") + identifier.encode() + part).ljust(REPORT_BYTES - 1, b"\0")
        + bytes([place < len(parts) - 1])
        for place, part in enumerate(parts)
    ]


def _hurt_reports(random: Random, sent: list[tuple[Chunk, int, bool]]) -> list[tuple[Step, int, bool]]:
    """The kernel drops reports, one is damaged, or something happens between two of them."""
    place = random.randrange(len(sent))
    chunk, code, _ = sent[place]
    before, after = sent[:place], sent[place + 1 :]
    match random.choice(("dropped", "damaged", "between", "between")):
        case "dropped":
            return [*before, (Loss(chunk.at), code, False), *after[random.randint(0, len(after)) :]]
        case "damaged":
            damaged = replace(chunk, data=chunk.data[:1] + b"\x3f" + chunk.data[2:])
            return [*before, (damaged, code, False), *after]
        case _:
            return _between(random, list(before), list(sent[place:])) if place else list(sent)


def _between(
    random: Random, before: list[tuple[Chunk, int, bool]], after: list[tuple[Chunk, int, bool]]
) -> list[tuple[Step, int, bool]]:
    """The reader stalls, stops, is unplugged, or another scan begins inside."""
    chunk, code, _ = after[0]
    match random.choice(("stalled", "stopped", "unplugged", "foreign")):
        case "stalled":
            pause = random.choice((IDLE_S, 5 * random.random() + IDLE_S))
            return [*before, *((replace(one, at=one.at + pause), n, end) for one, n, end in after)]
        case "stopped":
            return [*before]
        case "unplugged":
            return [*before, (Lost(chunk.at), -1, False), (Opened(chunk.at), -1, False), *after[1:]]
        case _:
            inside = [replace(chunk, data=report) for report in _reports(a_code(random).sent, "]Y0", 2, 10)]
            return [*before, *((one, code, False) for one in inside), *after]
