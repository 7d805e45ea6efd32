"""What one drawer model is: its line, how it opens, how it tells open from closed. Data, read from one TOML file.

A profile knows bytes and levels, never a device. Levels are *raw* here: `high` is

- a modem line that is on (CTS, DSR, DCD, RI asserted),
- for a query an answer with `answer & mask == value`,
- for a stream the byte that keeps coming,
- for an ESC/POS printer pin 3 of its drawer port HIGH, for a Star printer its switch bit set,

and `open_level` says which raw level means an open drawer. A model whose polarity no document states has
`open_level = "unknown"`: its level stays unknown until `tillwire learn drawer` or the installer says which it is.

Bytes are written in hexadecimal, `"1B 70 00 pulse/2 off/2"`: a word `pulse/2` stands for one byte, `pulse_ms` divided
by 2, and `off/2` likewise for `pulse_off_ms`, because every command language counts time in another unit.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from device.interface import DrawerCapabilities, Level

RawLevel = Literal["high", "low", "unknown"]
Byte = Annotated[int, Field(ge=0, le=255)]
BAUDRATES = Literal[50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200]

# A solenoid on a drawer port may be driven for at most 510 ms (hardware.md 1.2, electrical).
MAX_PULSE_MS = 510

# One complete pulse. Two in one profile would drive both drawers of a printer at once, more than its power supply gives
# (hardware.md 1.2), and half a command sticks in the printer and fires with the next print (hardware.md 8).
PULSES = {
    "escpos": re.compile(rb"\x1bp.(?P<times_2_ms>.).|\x10\x14\x01.(?P<times_100_ms>.)", re.DOTALL),
    "star": re.compile(rb"(?:\x1b\x07(?P<times_10_ms>.).)?[\x07\x1c\x1a\x19]", re.DOTALL),
}
UNIT_MS = {"times_2_ms": 2, "times_10_ms": 10, "times_100_ms": 100}


def _hexadecimal(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise ValueError('not bytes in hexadecimal, as "1B 70"') from None


def _timed_byte(word: str, times: Mapping[str, int | None]) -> int:
    name, divisor = word.split("/")
    milliseconds = times[name]
    key = "pulse_ms" if name == "pulse" else "pulse_off_ms"
    if milliseconds is None:
        raise ValueError(f"{word} needs {key}")
    byte, rest = divmod(milliseconds, int(divisor))
    if rest or not 1 <= byte <= 255:
        raise ValueError(
            f"{key} = {milliseconds} does not fit {word}: a multiple of {divisor}, up to {255 * int(divisor)}"
        )
    return byte


def _pulse_bytes(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str):
        return value
    times = {"pulse": info.data.get("pulse_ms"), "off": info.data.get("pulse_off_ms")}
    made = bytearray()
    for word in value.split():
        if re.fullmatch(r"(pulse|off)/[1-9]\d{0,2}", word):
            made.append(_timed_byte(word, times))
        elif re.fullmatch(r"[0-9A-Fa-f]{2}", word):
            made.append(int(word, 16))
        else:
            raise ValueError('each word is a byte in hexadecimal, "pulse/N" or "off/N", as "1B 70 00 pulse/2 off/2"')
    return bytes(made)


def _drives_ms(pulse: re.Match[bytes]) -> int:
    """How long a pulse drives the solenoid, by the time that its bytes name; 0 where they name none."""
    return sum(UNIT_MS[unit] * time[0] for unit, time in pulse.groupdict().items() if time)


Hexadecimal = Annotated[bytes, BeforeValidator(_hexadecimal)]
PulseBytes = Annotated[bytes, BeforeValidator(_pulse_bytes)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class NoStatus(_Strict):
    """The drawer tells nothing: its level is always unknown."""

    source: Literal["none"]


class QueryStatus(_Strict):
    """The drawer is asked with `bytes` and answers `answer_prefix` and one byte more.

    `answer & mask == value` is high. Where `other_value` is given, only `answer & mask == other_value` is low and any
    other byte is no answer.
    """

    source: Literal["query"]
    question: Hexadecimal = Field(alias="bytes", min_length=1, max_length=16)
    answer_prefix: Hexadecimal = Field(default=b"", max_length=16)
    mask: Annotated[int, Field(ge=1, le=255)]
    value: Byte
    other_value: Byte | None = None
    interval_ms: Annotated[int, Field(ge=50, le=5000)] = 250

    @model_validator(mode="after")
    def _values_lie_within_the_mask(self) -> Self:
        for value in (self.value, self.other_value):
            if value is not None and value & ~self.mask:
                raise ValueError("value and other_value must lie within mask, or they never match")
        if self.value == self.other_value:
            raise ValueError("value and other_value are the same")
        return self


class StreamStatus(_Strict):
    """The drawer sends `byte` again and again while it is high, and nothing while it is low."""

    source: Literal["stream"]
    byte: Byte
    gap_ms: Annotated[int, Field(ge=20, le=5000)]


class AsbStatus(_Strict):
    """A receipt printer's status blocks (ASB) and its answers to a real-time request, sent every `interval_ms`."""

    source: Literal["asb"]
    printer: Literal["escpos", "star"]
    interval_ms: Annotated[int, Field(ge=50, le=5000)]


class LineStatus(_Strict):
    """The drawer's switch lies on a modem line, read every `interval_ms`."""

    source: Literal["line"]
    line: Literal["cts", "dsr", "dcd", "ri"]
    interval_ms: Annotated[int, Field(ge=20, le=100)] = 50


STATUS_SOURCES: Mapping[str, type[BaseModel]] = {
    "none": NoStatus,
    "query": QueryStatus,
    "stream": StreamStatus,
    "asb": AsbStatus,
    "line": LineStatus,
}
Status = Annotated[NoStatus | QueryStatus | StreamStatus | AsbStatus | LineStatus, Field(discriminator="source")]


def keys_of(table: type[BaseModel]) -> tuple[str, ...]:
    """The keys of a table, as they are written in a file."""
    return tuple(field.alias or name for name, field in table.model_fields.items())


class DrawerProfile(_Strict):
    """One drawer model. Times in seconds (`_s`) or milliseconds (`_ms`). Every key may be overridden by `[drawer]`."""

    model: str = Field(min_length=1)
    wiring: str = Field(min_length=1)  # which wire goes where, one line for the installer
    limits: str = Field(min_length=1)  # what this model cannot tell, one line for the installer

    baudrate: BAUDRATES = 9600
    bytesize: Literal[5, 6, 7, 8] = 8
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    stopbits: Literal[1, 2] = 1
    xonxoff: bool = False
    rtscts: bool = False
    keep_port_open: bool = True  # false: opened for each pulse only, so that another program may use the port

    pulse_ms: Annotated[int, Field(ge=10, le=MAX_PULSE_MS)] | None = None
    pulse_off_ms: Annotated[int, Field(ge=10, le=2550)] | None = None
    open_bytes: PulseBytes = Field(default=b"", max_length=64, repr=False)  # may be a code that is nobody's business
    realtime_open_bytes: PulseBytes = Field(default=b"", max_length=64, repr=False)  # preferred where they are known
    open_line: Literal["rts", "dtr", ""] = ""  # instead of bytes: the line to drive for pulse_ms
    open_line_level: Literal["high", "low"] = "high"  # what opens; the other level is kept at rest
    charge_s: Annotated[float, Field(ge=0, le=120)] = 0.0  # after the port was opened, before the first pulse
    recharge_s: Annotated[float, Field(ge=0, le=120)] = 1.0  # between two pulses
    status_delay_s: Annotated[float, Field(ge=0, le=5)] = 0.0  # after a pulse the status means nothing for so long

    open_level: RawLevel = "unknown"
    debounce_s: Annotated[float, Field(ge=0, le=2)] = 0.05  # microswitches bounce for some milliseconds
    cut_wire_level: RawLevel = "unknown"  # what a cut status wire looks like, where it can be said
    multi_drawer_detect: bool = False  # UnifiedPOS CapStatusMultiDrawerDetect
    status: Status

    @model_validator(mode="before")
    @classmethod
    def _times_have_a_use(cls, raw: object) -> object:
        if not isinstance(raw, dict) or raw.get("open_line"):
            return raw
        words = f"{raw.get('open_bytes')} {raw.get('realtime_open_bytes')}"
        for key, word in (("pulse_ms", "pulse/"), ("pulse_off_ms", "off/")):
            if raw.get(key) is not None and word not in words:
                raise ValueError(f"{key}: nothing in the open bytes uses it; this drawer times its pulse itself")
        return raw

    @model_validator(mode="after")
    def _opens_in_one_way(self) -> Self:
        if self.open_line and self.pulse_bytes:
            raise ValueError("open_line: the drawer opens by bytes or by a line, not by both")
        if self.open_line and self.pulse_ms is None:
            raise ValueError("open_line: needs pulse_ms")
        if self.open_line == "rts" and self.rtscts:
            raise ValueError("open_line: RTS is taken by rtscts")
        return self

    @model_validator(mode="after")
    def _reads_a_line_that_is_free(self) -> Self:
        if isinstance(self.status, LineStatus) and self.status.line == "cts" and self.rtscts:
            raise ValueError("rtscts: CTS is the status line of this drawer")
        if not self.keep_port_open and (self.status.source != "none" or self.charge_s or self.open_line):
            raise ValueError('keep_port_open: false only with source = "none", without charge_s and open_line')
        return self

    @model_validator(mode="after")
    def _drives_one_drawer_of_a_printer(self) -> Self:
        if not isinstance(self.status, AsbStatus):
            return self
        for key in ("open_bytes", "realtime_open_bytes"):
            command: bytes = getattr(self, key)
            pulses = list(PULSES[self.status.printer].finditer(command))
            if command and len(pulses) != 1:
                raise ValueError(f"{key}: must be one complete pulse, of one drawer")
            if any(_drives_ms(pulse) > MAX_PULSE_MS for pulse in pulses):
                raise ValueError(f"{key}: drives the drawer for longer than {MAX_PULSE_MS} ms")
        return self

    @property
    def pulse_bytes(self) -> bytes:
        """What opens the drawer: in real time where the model knows how, else in the order of the print data."""
        return self.realtime_open_bytes or self.open_bytes

    @property
    def cut_wire(self) -> Level:
        """The level that a cut status wire cannot be told from; `unknown` where no document says it."""
        return self.level(high=self.cut_wire_level == "high") if self.cut_wire_level != "unknown" else "unknown"

    @property
    def capabilities(self) -> DrawerCapabilities:
        """What the agent may rely on. A polarity that nobody knows is no status."""
        told = self.status.source != "none" and self.open_level != "unknown"
        return DrawerCapabilities(status=told, multi_drawer_detect=self.multi_drawer_detect, cut_wire=self.cut_wire)

    def level(self, *, high: bool) -> Level:
        """What a raw level means."""
        if self.open_level == "unknown":
            return "unknown"
        return "open" if high == (self.open_level == "high") else "closed"
