"""What can be set, and the reading of it: one TOML file, the environment over it, every problem at once.

A settings object is data: it fetches nothing and decides nothing. Names end in their unit (`_s` seconds, `_h` hours,
`_days`); money is in cents. The tables and their keys are shown in `tillwire.example.toml`.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError, model_validator

from config.addresses import TcpAddress, UnixAddress, parse_listen
from config.contradictions import contradictions
from config.environment import PREFIX, Tables, meant_variable, override, variables_in
from config.fleet import Fleet
from config.match import ITS_NAME, Match
from config.printer import Printer
from config.problems import UNKNOWN_KEY, Finding, Problem, WrongConfig, findings, key_lines, locate, models_in
from config.scanners import Scanner
from config.table import Table
from config.values import (
    AbsolutePath,
    BaseUrl,
    Baudrate,
    BookedMessage,
    CardLength,
    CardPrefix,
    ConfirmedBy,
    DeviceFile,
    DeviceUuid,
    Host,
    Listen,
    OptionalPath,
    Origin,
    Pattern,
    ProfileName,
    Seconds,
    SocketPath,
    Switch,
    Text,
    Wait,
    Whole,
)

DEFAULT_FILE = Path("/etc/tillwire/tillwire.toml")
LONGEST_TIMEOUT_S = 120  # seconds: a customer stands there; and milliseconds written for seconds are noticed
LONGEST_AT_TERMINAL_S = 150  # seconds: shorter than an access token is renewed ahead of its end
LONGEST_WINDOW_S = 3600  # seconds: nobody waits longer for a proof
LONGEST_KEPT_DAYS = 36500  # a hundred years: longer than any duty to keep records, and the calendar can go back so far
CONTROL_SOCKET_NAME = "tillwire.sock"


class Api(Table):
    """The Smart Transactions API and how this till logs in."""

    base_url: BaseUrl
    login: Literal["device", "device-pin", "client-credentials"] = "device"
    client_id: Text
    client_secret: SecretStr | None = Field(None, min_length=1, description="or client_secret_file, or a credential")
    client_secret_file: OptionalPath = None
    merchant_id: Text | None = Field(None, description="MRC_…: `tillwire check` refuses a login for another shop")
    device_uuid: DeviceUuid | None = Field(None, description="agreed with the help desk, one for each till")
    device_pin_file: OptionalPath = Field(None, description='for login = "device-pin"')
    is_demo: Switch = Field(default=False, description="transactions of this box are not really executed")
    ca_file: OptionalPath = Field(None, description="an extra CA: a proxy's, or the simulator's")
    connect_timeout_s: Seconds = Field(5.0, le=LONGEST_TIMEOUT_S)
    request_timeout_s: Seconds = Field(15.0, le=LONGEST_TIMEOUT_S)
    terminal_timeout_s: Seconds = Field(
        150.0, le=LONGEST_AT_TERMINAL_S, description="how long somebody may take at the card terminal"
    )
    late_window_s: Seconds = Field(
        60.0, le=LONGEST_WINDOW_S, description="how long a request without an answer may still be carried out"
    )


class Cards(Table):
    """Which numbers are loyalty cards."""

    prefixes: tuple[CardPrefix, ...] = Field(("9276",), min_length=1)
    lengths: tuple[CardLength, ...] = Field((16,), min_length=1)
    show_balance: Switch = Field(default=False, description="of a card that is scanned while there is no checkout")
    repeated_within_s: Wait = Field(2.0, le=60, description="the same card on the same reader counts once; 0: always")


class Drawer(Table):
    """The cash drawer. Any other key overrides the key of its profile, which knows whether it is right."""

    model_config = ConfigDict(extra="allow")

    profile: ProfileName = Field("none", description="a file of config/drawers or of profile_directory")
    profile_directory: AbsolutePath = Path("/etc/tillwire/drawers")
    port: DeviceFile | None = None
    match: Match | None = Field(None, description=ITS_NAME)
    opened_by: Literal["tillwire", "register"] = "tillwire"
    open_level: Literal["high", "low", "unknown"] | None = Field(None, description="which level means open")
    open_timeout_s: Seconds = Field(3.0, le=LONGEST_TIMEOUT_S, description="a pulse that opened nothing by then failed")
    open_warning_s: Seconds = Field(15.0, description="an open drawer is reported after so long")

    @property
    def overrides(self) -> dict[str, object]:
        """What stands here instead of in the profile."""
        level = {} if self.open_level is None else {"open_level": self.open_level}
        return {**(self.model_extra or {}), **level}


class PaidMessage(Table):
    """A line from a till or a cash machine that says the money is in."""

    port: DeviceFile
    match: Match | None = Field(None, description=ITS_NAME)
    baudrate: Baudrate = 9600
    pattern: Pattern = Field(
        description="a regular expression, which may name an (?P<amount>…) in cents or (?P<euros>…)"
    )
    booked_message: BookedMessage | None = Field(
        None, description="sent on that port, not on a drawer's, once the checkout is completed"
    )


class Cash(Table):
    """What proves that cash was taken."""

    confirmed_by: tuple[ConfirmedBy, ...] = Field(("drawer-closed",), min_length=1)
    minimum_open_s: Seconds = Field(1.0, le=60, description="a drawer that closed sooner took no money")
    paid_message: PaidMessage | None = None


class Offline(Table):
    """Cash while the API is away. Never with balance."""

    accept_cash: Switch = True
    max_payments: Whole = Field(50, ge=0)
    max_total: Whole = Field(50000, ge=0, description="cents, together")
    stop_when_oldest_h: Annotated[Seconds, Field(description="no new ones then; none is ever dropped")] = 24.0


class Kiosk(Table):
    """The local interface."""

    listen: Listen = "127.0.0.1:8377"
    allowed_origins: tuple[Origin, ...] = ()
    allowed_hosts: tuple[Host, ...] = Field((), description="host names by which other machines may call")
    tls_certificate_file: OptionalPath = None
    tls_key_file: OptionalPath = None
    page: Switch = Field(default=True, description="serve the reference screen")
    idle_s: Seconds = Field(120.0, description="an abandoned draft is cleared")
    control_socket: SocketPath = Field(None, description="instead of tillwire.sock in the state directory")

    @property
    def address(self) -> TcpAddress | UnixAddress:
        return parse_listen(self.listen)


class State(Table):
    """Where the journal, the tokens and the pairing are kept."""

    directory: AbsolutePath = Path("/var/lib/tillwire")
    keep_days: Whole = Field(90, ge=1, le=LONGEST_KEPT_DAYS)


def _tables_in_a_list(value: object) -> object:
    if isinstance(value, dict):
        raise ValueError("must be a list: write [[scanner]]")  # noqa: TRY004 (pydantic reports ValueError only)
    return value


class Settings(Table):
    """The whole configuration. What goes together is checked by `load` alone."""

    api: Api
    cards: Cards = Field(default_factory=Cards)
    scanner: Annotated[tuple[Scanner, ...], BeforeValidator(_tables_in_a_list)] = ()
    drawer: Drawer = Field(default_factory=Drawer)
    cash: Cash = Field(default_factory=Cash)
    printer: Printer = Field(default_factory=Printer)
    offline: Offline = Field(default_factory=Offline)
    kiosk: Kiosk = Field(default_factory=Kiosk)
    state: State = Field(default_factory=State)
    fleet: Fleet | None = Field(None, description="hundreds of tills over an MQTT broker; needs tillwire[fleet]")

    @model_validator(mode="after")
    def _fleet_changes_known_keys(self) -> "Settings":
        for key in self.fleet.may_change if self.fleet else ():
            section, _, name = key.partition(".")
            if name not in type(getattr(self, section)).model_fields:
                raise ValueError(f"fleet.may_change: {key} is not a known key")
        return self

    @property
    def control_socket(self) -> Path:
        """Where the agent listens to the other commands."""
        return self.kiosk.control_socket or self.state.directory / CONTROL_SOCKET_NAME


_NOT_ALWAYS = {"scanner", "fleet"}
_SECTIONS = {
    name: model
    for name, field in Settings.model_fields.items()
    if name not in _NOT_ALWAYS
    for model in models_in(field.annotation)
}


def load(path: Path, environment: Mapping[str, str]) -> Settings:
    """Read the file with the environment's `TILLWIRE_…` variables over it. Raises WrongConfig with every problem."""
    text = _read(path)
    tables = {section: {} for section in _SECTIONS} | override(_parse(text, str(path)), environment, Settings)
    settings, found = _validate(tables)
    found = [*found, *contradictions(_with_defaults(tables), _scanners(tables))]
    if settings is None or found:
        located = locate(found, str(path), key_lines(text), variables_in(environment))
        problems = sorted(located, key=lambda problem: (problem.file != str(path), problem.line or 0))
        raise WrongConfig(map(_with_meant_variable, problems))
    return settings


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WrongConfig([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise WrongConfig([Problem(str(path), "", "is not UTF-8 text", line)]) from None


def _parse(text: str, file: str) -> Tables:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        raise WrongConfig(
            [Problem(file, "", f"is not TOML: {reason}", int(line[1]) if line else text.count("\n") + 1)]
        ) from None


def _validate(tables: Tables) -> tuple[Settings | None, list[Finding]]:
    try:
        return Settings.model_validate(tables), []
    except ValidationError as error:
        return None, list(findings(error, Settings))


def _with_defaults(tables: Tables) -> dict[str, Tables]:
    """Complete each section with what is in effect where nothing is written."""
    return {name: {**_defaults(model), **_table(tables[name])} for name, model in _SECTIONS.items()}


def _defaults(model: type[BaseModel]) -> Tables:
    return {name: field.default for name, field in model.model_fields.items() if not field.is_required()}


def _scanners(tables: Tables) -> list[Tables]:
    written = tables.get("scanner")
    return [_table(scanner) for scanner in written] if isinstance(written, list) else []


def _table(value: object) -> Tables:
    return value if isinstance(value, dict) else {}


def _with_meant_variable(problem: Problem) -> Problem:
    """A variable that means nothing is likely a known one with a slip, as one underscore for two."""
    if problem.message != UNKNOWN_KEY or not problem.file.startswith(PREFIX):
        return problem
    return replace(problem, nearest=meant_variable(problem.file, Settings))
