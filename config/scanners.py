"""The readers: a table [[scanner]] for each."""

from typing import Annotated, Literal

from pydantic import Field

from config.match import ITS_NAME, Match
from config.table import Table
from config.values import Baudrate, DeviceFile, IdleSeconds, ReaderName, ReaderPrefix, Switch

Suffix = Literal["enter", "tab", "none"]
OtherCodes = Literal["refuse", "forward"]


class EvdevScanner(Table):
    """A reader that types like a keyboard."""

    driver: Literal["evdev"]
    name: ReaderName
    match: Match
    layout: Literal["us", "de", "fr", "ch", "uk"] = "us"
    suffix: Suffix = "enter"
    prefix: ReaderPrefix = Field("", description="what the reader sends before each code")
    idle_s: IdleSeconds = Field(0.15, description="a scan that pauses for so long is torn; more for a slower reader")
    caps_lock: Literal["ignored", "compensated"] = Field(
        "ignored",
        description='what the reader does when the box has Caps Lock on: "compensated", it turns Shift around',
    )
    only_keyboard: Switch = Field(default=False, description="take the reader though it looks like the only keyboard")
    other_codes: OtherCodes = "refuse"


class HidPosScanner(Table):
    """A reader in HID POS mode, which sends whole codes."""

    driver: Literal["hidpos"]
    name: ReaderName
    match: Match
    idle_s: IdleSeconds = Field(0.15, description="a scan that pauses for so long between two reports is torn")
    other_codes: OtherCodes = "refuse"


class SerialScanner(Table):
    """A reader on a serial line."""

    driver: Literal["serial"]
    name: ReaderName
    port: DeviceFile
    match: Match | None = Field(None, description=ITS_NAME)
    baudrate: Baudrate = 9600
    bytesize: Literal[7, 8] = 8
    parity: Literal["none", "even", "odd", "mark", "space"] = "none"
    suffix: Suffix = "enter"
    prefix: ReaderPrefix = Field("", description="what the reader sends before each code")
    idle_s: IdleSeconds = Field(0.15, description="a scan that pauses for so long is torn")
    other_codes: OtherCodes = "refuse"


Scanner = Annotated[EvdevScanner | HidPosScanner | SerialScanner, Field(discriminator="driver")]
