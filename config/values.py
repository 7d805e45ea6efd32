"""Which values a key may have, beyond its type. A refusal says in plain words what is expected."""

import re
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, Strict

from config.addresses import (
    checked_base_url,
    checked_host,
    checked_origin,
    checked_socket_path,
    parse_listen,
    parse_printer,
)

SHORTEST_ISSUER = 6  # digits of an issuer's number, ISO/IEC 7812-1; fewer would take whole card schemes for loyalty
NAMES_OF_OTHERS = ("drawer", "printer", "paid_message")  # in reports, and under /dev/tillwire
BOOKED_FIELDS = ("merchantRef", "transactionRef", "transaction_id")  # of a checkout, as in the local interface


def _absolute(path: Path) -> Path:
    """Refuse what would depend on the directory that the agent happens to be started in."""
    if not path.is_absolute():
        raise ValueError("must be an absolute path, one that begins with /")
    return path


def _udev_name(name: str) -> str:
    """Take what stands in a udev rule as it is: no quotation mark, pattern or line end. Root's udev obeys the rules."""
    if not re.fullmatch(r"[A-Za-z0-9#+\-.:=@_/ ]+", name):
        raise ValueError("must be letters, digits, blanks and # + - . : = @ _ / only; `tillwire devices` shows it")
    return name


def _device_file(port: str) -> str:
    if " " in port or ".." in Path(port).parts:
        raise ValueError("must be the file of a device, without a blank and without ..")
    return str(_absolute(Path(port)))


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


def _socket(path: Path) -> Path:
    return Path(checked_socket_path(str(path)))


def _listen(listen: str) -> str:
    parse_listen(listen)
    return listen


def _printer_address(address: str) -> str:
    parse_printer(address)
    return address


def _device_uuid(uuid: str) -> str:
    if not re.fullmatch(r"(/[^/\s]+/[^/\s]+)+", uuid):
        raise ValueError('must be pairs of a key and a value, as "/vendor/tillwire/cashier/1"')
    return uuid


def _device_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", name):
        raise ValueError("must be 1 to 32 letters, digits, _ or -, and begin with a letter or digit")
    return name


def _reader_name(name: str) -> str:
    if name in NAMES_OF_OTHERS:
        raise ValueError(f"is the {name.replace('_', ' ')}'s: give the reader another name")
    return name


def _profile_name(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ValueError('must be the name of a profile without .toml, as "escpos", or "none"')
    return name


def _usb_id(number: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{4}", number):
        raise ValueError('must be four hexadecimal digits, as "0c2e"')
    return number.lower()


def _card_prefix(prefix: str) -> str:
    if not re.fullmatch(r"[0-9]+", prefix):
        raise ValueError("must be digits")
    if re.match(r"[3-6]|2[2-7]", prefix) and len(prefix) < SHORTEST_ISSUER:
        raise ValueError(f"begins like bank cards do, so it must name the issuer: at least {SHORTEST_ISSUER} digits")
    return prefix


def _pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except (re.error, OverflowError) as error:
        raise ValueError(f"is no regular expression: {error}") from None
    if set(groups) not in (set(), {"amount"}, {"euros"}):
        raise ValueError("knows one named group: (?P<amount>…) in cents, or (?P<euros>…) in euros and cents")
    return pattern


def _booked_message(message: str) -> str:
    try:
        fields = [parsed[1] for parsed in Formatter().parse(message) if parsed[1] is not None]
    except ValueError:
        raise ValueError("has a brace without its other; write {{ and }} for braces") from None
    if set(fields) - set(BOOKED_FIELDS):
        raise ValueError(f"can tell only {', '.join(f'{{{name}}}' for name in BOOKED_FIELDS)}")
    return message


def _topic_prefix(prefix: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}(/[A-Za-z0-9_-]{1,32}){0,3}", prefix):
        raise ValueError('must be one to four levels of letters, digits, _ or -, as "shops/tillwire"')
    return prefix


Text = Annotated[str, Field(min_length=1)]
Whole = Annotated[int, Strict()]
Switch = Annotated[bool, Strict()]
Seconds = Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)]
Wait = Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)]
IdleSeconds = Annotated[Seconds, Field(gt=0.1, le=5)]  # slow readers type a key each 80 to 100 ms (hardware.md 3.2)
ReaderPrefix = Annotated[str, Field(max_length=16)]
AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
OptionalPath = Annotated[AbsolutePath | None, BeforeValidator(_empty_is_none)]
UdevName = Annotated[str, AfterValidator(_udev_name)]
DeviceFile = Annotated[UdevName, AfterValidator(_device_file)]
Baudrate = Literal[300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200]
CardLength = Annotated[Whole, Field(ge=12, le=19)]  # as agent/card.py takes them
ConfirmedBy = Literal["drawer-closed", "drawer-opened", "paid-message", "operator"]
BaseUrl = Annotated[str, AfterValidator(checked_base_url)]
BookedMessage = Annotated[str, AfterValidator(_booked_message)]
Columns = Annotated[Whole, Field(ge=16, le=96)]  # as agent/receipt.py sets them
CardPrefix = Annotated[str, AfterValidator(_card_prefix)]
DeviceName = Annotated[str, AfterValidator(_device_name)]
ReaderName = Annotated[DeviceName, AfterValidator(_reader_name)]
DeviceUuid = Annotated[str, AfterValidator(_device_uuid)]
Host = Annotated[str, AfterValidator(checked_host)]
Listen = Annotated[str, AfterValidator(_listen)]
Origin = Annotated[str, AfterValidator(checked_origin)]
Pattern = Annotated[str, AfterValidator(_pattern)]
PrinterAddress = Annotated[str, AfterValidator(_printer_address)]
ProfileName = Annotated[str, AfterValidator(_profile_name)]
SocketPath = Annotated[Annotated[AbsolutePath, AfterValidator(_socket)] | None, BeforeValidator(_empty_is_none)]
TopicPrefix = Annotated[str, AfterValidator(_topic_prefix)]
UsbId = Annotated[str, AfterValidator(_usb_id)]
