import json
import pickle
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from config import schema
from config.addresses import TcpAddress, UnixAddress
from config.match import Match
from config.problems import Problem, WrongConfig, key_lines, models_in
from config.scanners import EvdevScanner, HidPosScanner, SerialScanner
from config.secret_files import Secrets, read_secrets
from config.settings import Api, PaidMessage, Settings, load

EXAMPLE = Path(__file__).parent.parent / "config" / "tillwire.example.toml"
SECRET = "5ec4e7" * 4
MINIMUM = """\
[api]
base_url = "https://connect-testing.secuconnect.com"
client_id = "0123"
device_uuid = "/vendor/tillwire/cashier/1"

[cash]
confirmed_by = ["operator"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tillwire.toml"


def loaded(file: Path, text: str, environment: Mapping[str, str] | None = None) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load(file, environment or {})


def problems(file: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Return each problem's line, without the file's directory."""
    with pytest.raises(WrongConfig) as wrong:
        loaded(file, text, environment)
    assert str(wrong.value) == "\n".join(map(str, wrong.value.problems))
    return [str(problem).removeprefix(f"{file.parent}/") for problem in wrong.value.problems]


def changed(section: str, *keys: str) -> str:
    """Return the minimum with these lines at the beginning of a section, which is added where it is missing."""
    header = f"[{section}]\n"
    text = MINIMUM if header in MINIMUM else f"{MINIMUM}\n{header}"
    return text.replace(header, header + "".join(f"{key}\n" for key in keys))


# What a good file gives


def test_the_example_is_a_good_configuration() -> None:
    settings = load(EXAMPLE, {})
    assert settings.api.base_url == "https://connect-testing.secuconnect.com"
    assert settings.api.ca_file is None
    assert [scanner.name for scanner in settings.scanner] == ["counter", "wall"]
    assert settings.drawer.profile == "escpos"
    assert settings.drawer.overrides == {}


def test_the_example_with_every_setting_on_is_good_and_leaves_no_key_out(file: Path) -> None:
    text = re.sub(r"^#(?! |$)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    settings = loaded(file, text)
    assert settings.drawer.overrides == {"pulse_ms": 100, "open_level": "low"}
    assert settings.cash.paid_message is not None
    written = {str(path[-1]) for path in key_lines(text)} | {"id_vendor", "id_model"}
    known = {key for model in all_models(Settings) for key in model.model_fields}
    assert known - written == {"scanner", "serial", "path"}  # the last two are named in a remark


def test_the_example_shows_the_defaults(file: Path) -> None:
    """Those that are off in it, where there is a default at all."""
    text = re.sub(r"^#(?! |$)", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    on = loaded(file, text)
    assert on.api.connect_timeout_s == Api.model_fields["connect_timeout_s"].default
    assert on.api.request_timeout_s == Api.model_fields["request_timeout_s"].default
    assert on.api.terminal_timeout_s == Api.model_fields["terminal_timeout_s"].default
    assert on.drawer.open_timeout_s == loaded(file, MINIMUM).drawer.open_timeout_s
    assert on.drawer.profile_directory == loaded(file, MINIMUM).drawer.profile_directory


def all_models(model: type[BaseModel]) -> list[type[BaseModel]]:
    inner = [found for field in model.model_fields.values() for found in models_in(field.annotation)]
    return [model, *(deeper for found in inner for deeper in all_models(found))]


def test_what_is_not_written_has_the_defaults_of_the_design(file: Path) -> None:
    settings = loaded(file, MINIMUM)
    assert (settings.api.login, settings.api.is_demo, settings.api.late_window_s) == ("device", False, 60)
    assert (settings.api.connect_timeout_s, settings.api.request_timeout_s) == (5, 15)
    assert (settings.cards.prefixes, settings.cards.lengths) == (("9276",), (16,))
    assert settings.scanner == ()
    assert (settings.drawer.profile, settings.drawer.port, settings.drawer.opened_by) == ("none", None, "tillwire")
    assert (settings.drawer.open_timeout_s, settings.drawer.open_warning_s) == (3, 15)
    assert settings.drawer.profile_directory == Path("/etc/tillwire/drawers")
    assert (settings.cash.minimum_open_s, settings.cash.paid_message) == (1.0, None)
    assert settings.offline.model_dump() == {
        "accept_cash": True,
        "max_payments": 50,
        "max_total": 50000,
        "stop_when_oldest_h": 24,
    }
    assert settings.kiosk.address == TcpAddress("127.0.0.1", 8377)
    assert (settings.kiosk.allowed_origins, settings.kiosk.page, settings.kiosk.idle_s) == ((), True, 120)
    assert (settings.state.directory, settings.state.keep_days) == (Path("/var/lib/tillwire"), 90)
    assert settings.control_socket == Path("/var/lib/tillwire/tillwire.sock")


def test_each_kind_of_scanner_has_its_own_keys(file: Path) -> None:
    scanners = """
        [[scanner]]
        name = "counter"
        driver = "evdev"
        match = { id_vendor = "0C2E", serial = "A1" }
        layout = "de"
        other_codes = "forward"
        [[scanner]]
        name = "box"
        driver = "hidpos"
        [scanner.match]
        path = "pci-0000:00:14.0-usb-0:2:1.0"
        [[scanner]]
        name = "wall"
        driver = "serial"
        port = "/dev/ttyS1"
        baudrate = 115200
        suffix = "none"
        """
    expected = (
        EvdevScanner(
            driver="evdev",
            name="counter",
            match=Match(id_vendor="0c2e", serial="A1"),
            layout="de",
            other_codes="forward",
        ),
        HidPosScanner(driver="hidpos", name="box", match=Match(path="pci-0000:00:14.0-usb-0:2:1.0")),
        SerialScanner(driver="serial", name="wall", port="/dev/ttyS1", baudrate=115200, suffix="none"),
    )
    assert loaded(file, MINIMUM + scanners).scanner == expected


def test_a_prefix_in_the_range_of_bank_cards_names_its_issuer(file: Path) -> None:
    assert loaded(file, changed("cards", 'prefixes = ["603412", "28"]')).cards.prefixes == ("603412", "28")
    for prefix in ("3", "6034", "2221", "27"):
        assert "at least 6 digits" in problems(file, changed("cards", f'prefixes = ["{prefix}"]'))[0]


def test_a_drawer_may_override_its_profile_by_any_key(file: Path) -> None:
    drawer = (
        'profile = "escpos"\nport = "/dev/ttyS0"\nopen_level = "high"\npulse_ms = 200\nstatus = { interval_ms = 500 }'
    )
    settings = loaded(file, changed("drawer", drawer))
    assert settings.drawer.overrides == {"open_level": "high", "pulse_ms": 200, "status": {"interval_ms": 500}}


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("127.0.0.1:0", TcpAddress("127.0.0.1", 0)),
        ("localhost:8377", TcpAddress("localhost", 8377)),
        ("[::1]:8377", TcpAddress("::1", 8377)),
        ("unix:/run/tillwire/http.sock", UnixAddress("/run/tillwire/http.sock")),
    ],
)
def test_it_listens_on_loopback_or_a_unix_socket(file: Path, listen: str, address: TcpAddress | UnixAddress) -> None:
    assert loaded(file, changed("kiosk", f'listen = "{listen}"')).kiosk.address == address


def test_it_listens_elsewhere_with_tls_and_known_hosts(file: Path) -> None:
    keys = (
        'listen = "192.168.1.5:8377"',
        'allowed_hosts = ["till.example", "192.168.1.5"]',
        'tls_certificate_file = "/etc/tillwire/tls.crt"',
        'tls_key_file = "/etc/tillwire/tls.key"',
    )
    kiosk = loaded(file, changed("kiosk", *keys)).kiosk
    assert kiosk.address == TcpAddress("192.168.1.5", 8377)
    assert kiosk.allowed_hosts == ("till.example", "192.168.1.5")


def test_the_control_socket_can_lie_elsewhere(file: Path) -> None:
    text = changed("kiosk", 'control_socket = "/run/t.sock"') + f'[state]\ndirectory = "/{"d" * 120}"\n'
    assert loaded(file, text).control_socket == Path("/run/t.sock")


def test_the_simulator_may_be_reached_without_tls_on_this_machine(file: Path) -> None:
    text = MINIMUM.replace("https://connect-testing.secuconnect.com", "http://127.0.0.1:8080/")
    assert loaded(file, text).api.base_url == "http://127.0.0.1:8080"


def test_settings_are_frozen(file: Path) -> None:
    with pytest.raises(ValidationError):
        loaded(file, MINIMUM).api.is_demo = True  # type: ignore[misc]


# The environment


def test_every_kind_of_key_can_be_set_in_the_environment(file: Path) -> None:
    environment = {
        "TILLWIRE_API__BASE_URL": "https://connect.secucard.com",
        "TILLWIRE_API__CLIENT_ID": "4711",
        "TILLWIRE_API__CLIENT_SECRET": "123456",
        "TILLWIRE_API__IS_DEMO": "true",
        "TILLWIRE_API__LATE_WINDOW_S": "30.5",
        "TILLWIRE_API__CA_FILE": "/etc/ca.pem",
        "TILLWIRE_API__LOGIN": "client-credentials",
        "TILLWIRE_CARDS__PREFIXES": '["9276", "1118"]',
        "TILLWIRE_CARDS__LENGTHS": "[13, 16]",
        "TILLWIRE_SCANNER": '[{"name": "wall", "driver": "serial", "port": "/dev/ttyS1"}]',
        "TILLWIRE_DRAWER__PROFILE": "mmf",
        "TILLWIRE_DRAWER__PORT": "/dev/ttyS0",
        "TILLWIRE_DRAWER__PULSE_MS": "200",
        "TILLWIRE_CASH__PAID_MESSAGE": '{"port": "/dev/ttyS2", "pattern": "PAID"}',
        "TILLWIRE_CASH__PAID_MESSAGE__PATTERN": "OK",
        "TILLWIRE_KIOSK__CONTROL_SOCKET": "/run/t.sock",
        "TILLWIRE_STATE__DIRECTORY": "/tmp/till",  # noqa: S108 (nothing is written there)
        "HOME": "/root",
        "CREDENTIALS_DIRECTORY": "/run/credentials/tillwire",
    }
    settings = loaded(file, MINIMUM, environment)
    assert settings.api.base_url == "https://connect.secucard.com"
    assert settings.api.client_id == "4711"
    assert settings.api.client_secret == SecretStr("123456")
    assert (settings.api.is_demo, settings.api.late_window_s) == (True, 30.5)
    assert settings.api.ca_file == Path("/etc/ca.pem")
    assert settings.api.login == "client-credentials"
    assert settings.api.device_uuid == "/vendor/tillwire/cashier/1"
    assert (settings.cards.prefixes, settings.cards.lengths) == (("9276", "1118"), (13, 16))
    assert settings.scanner == (SerialScanner(driver="serial", name="wall", port="/dev/ttyS1"),)
    assert (settings.drawer.profile, settings.drawer.overrides) == ("mmf", {"pulse_ms": 200})
    assert settings.cash.paid_message == PaidMessage(port="/dev/ttyS2", pattern="OK")
    assert settings.kiosk.control_socket == Path("/run/t.sock")
    assert settings.state.directory == Path("/tmp/till")  # noqa: S108 (nothing is written there)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        (
            "TILLWIRE_API_BASE_URL",
            "https://x.example",
            "api_base_url is not a known key; did you mean TILLWIRE_API__BASE_URL?",
        ),
        ("TILLWIRE_API__LOGGIN", "device", "api.loggin is not a known key; did you mean TILLWIRE_API__LOGIN?"),
        ("TILLWIRE_SCANER", "[]", "scaner is not a known key; did you mean TILLWIRE_SCANNER?"),
        ("TILLWIRE_SCANNER_PORT", "/dev/ttyS1", "scanner_port is not a known key; did you mean TILLWIRE_SCANNER?"),
        ("TILLWIRE_SCANNER__PORT", "/dev/ttyS1", "scanner must be a list: write [[scanner]]"),
        ("TILLWIRE_CARDS__LENGTHS", "16", "cards.lengths must be a list"),
        ("TILLWIRE_CARDS__LENGTHS", "sixteen", "cards.lengths must be a list"),
        ("TILLWIRE_API__IS_DEMO", "yes", "api.is_demo must be true or false"),
        ("TILLWIRE_API", "x", "api must be a table"),
        ("TILLWIRE_SCANNER", '[{"name": "a", "driver": "serial"}]', "scanner[0].port is missing"),
        ("TILLWIRE_OFFLINE__MAX_TOTAL", "5e4", "offline.max_total must be a whole number"),
    ],
)
def test_a_wrong_variable_is_named(file: Path, name: str, value: str, problem: str) -> None:
    assert f"{name}: {problem}" in problems(file, MINIMUM, {name: value})


# What is wrong, all at once


def test_every_problem_is_reported_at_once_with_line_key_and_nearest_key(file: Path) -> None:
    text = """\
[api]
base_url = "http://connect.secucard.com"
clientid = "0123"
login = "devise"
late_window_s = "60"
is_demo = 1

[cardz]

[cards]
lengths = [16, 8]
prefixes = ["4"]

[[scanner]]
name = "a"
driver = "evdev"
layout = "dee"
match = { id_vendr = "0c2e" }
[[scanner]]
name = "a"
driver = "serial"
[[scanner]]
name = "c"
driver = "seriall"
[[scanner]]
name = "d"
driver = "serial"
port = "ttyS1"
baudrte = 9600

[cash]
confirmed_by = ["drawer-opened", "paid-message", "opperator"]
[kiosk]
listen = "0.0.0.0:80"
[offline]
max_total = "500.00"
"""
    drivers = "'evdev', 'hidpos', 'serial'"
    methods = "'drawer-closed', 'drawer-opened', 'paid-message' or 'operator'"
    needs_a_drawer = 'needs a drawer: set drawer.profile, or confirm by "operator" or "paid-message"'
    needs_the_register = (
        '"drawer-opened" needs drawer.opened_by = "register": an opening by our own pulse proves no payment'
    )
    expected = [
        "tillwire.toml:1: api.client_id is missing",
        "tillwire.toml:2: api.base_url must begin with https:// (http:// only for a simulator on this machine)",
        "tillwire.toml:3: api.clientid is not a known key; did you mean client_id?",
        "tillwire.toml:4: api.login must be 'device', 'device-pin' or 'client-credentials'; did you mean device?",
        "tillwire.toml:5: api.late_window_s must be a number",
        "tillwire.toml:6: api.is_demo must be true or false",
        "tillwire.toml:8: cardz is not a known key; did you mean cards?",
        "tillwire.toml:11: cards.lengths[1] must be at least 12",
        "tillwire.toml:12: cards.prefixes[0] begins like bank cards do, so it must name the issuer: at least 6 digits",
        "tillwire.toml:17: scanner[0].layout must be 'us', 'de', 'fr', 'ch' or 'uk'; did you mean de?",
        "tillwire.toml:18: scanner[0].match.id_vendr is not a known key; did you mean id_vendor?",
        "tillwire.toml:19: scanner[1].port is missing",
        "tillwire.toml:20: scanner[1].name is the name of another scanner",
        f"tillwire.toml:24: scanner[2].driver must be one of {drivers}; did you mean serial?",
        "tillwire.toml:28: scanner[3].port must be an absolute path, one that begins with /",
        "tillwire.toml:29: scanner[3].baudrte is not a known key; did you mean baudrate?",
        'tillwire.toml:31: cash.paid_message is missing: "paid-message" in confirmed_by needs it',
        f"tillwire.toml:32: cash.confirmed_by[2] must be {methods}; did you mean operator?",
        f"tillwire.toml:32: cash.confirmed_by {needs_a_drawer}",
        f"tillwire.toml:32: cash.confirmed_by {needs_the_register}",
        "tillwire.toml:33: kiosk.allowed_hosts is missing: an address that other machines reach needs it",
        "tillwire.toml:34: kiosk.listen is reached from other machines and needs tls_certificate_file and tls_key_file",
        "TILLWIRE_OFFLINE__MAX_TOTAL: offline.max_total must be a whole number",
    ]
    assert problems(file, text, {"TILLWIRE_OFFLINE__MAX_TOTAL": "500,00"}) == expected


def test_a_problem_has_its_parts(file: Path) -> None:
    file.write_text(changed("drawer", 'opened_by = "regster"'), encoding="utf-8")
    with pytest.raises(WrongConfig) as wrong:
        load(file, {})
    message = "must be 'tillwire' or 'register'"
    assert wrong.value.problems == (Problem(str(file), "drawer.opened_by", message, 10, "register"),)


@pytest.mark.parametrize(
    ("section", "key", "problem"),
    [
        ("api", 'device_uuid = ""', "Cannot overwrite a value"),
        ("api", 'ca_file = "ca.pem"', "api.ca_file must be an absolute path, one that begins with /"),
        ("api", 'client_secret = ""', "api.client_secret must not be empty"),
        ("api", "request_timeout_s = 0", "api.request_timeout_s must be more than 0"),
        ("api", "request_timeout_s = 15000", "api.request_timeout_s must be at most 120"),
        ("api", "request_timeout_s = inf", "api.request_timeout_s must be a number"),
        ("api", "late_window_s = true", "api.late_window_s must be a number"),
        ("cards", "prefixes = []", "cards.prefixes must not be empty"),
        ("cards", 'prefixes = ["92x"]', "cards.prefixes[0] must be digits"),
        ("cards", "prefixes = [9276]", "cards.prefixes[0] must be text in quotes"),
        ("cards", 'prefixes = ["1118355413357668"]', "cards.prefixes[0] is as long as a whole number"),
        ("cards", "lengths = [20]", "cards.lengths[0] must be at most 19"),
        ("drawer", 'profile = "../x"', "drawer.profile must be the name of a profile without .toml"),
        ("drawer", 'profile = "escpos"', "drawer.port is missing: a drawer needs it"),
        ("drawer", 'open_level = "hight"', "drawer.open_level must be 'high', 'low' or 'unknown'; did you mean high?"),
        ("offline", "max_payments = 1.5", "offline.max_payments must be a whole number"),
        ("offline", "max_payments = -1", "offline.max_payments must be at least 0"),
        ("offline", "max_payments = true", "offline.max_payments must be a whole number"),
        ("kiosk", 'listen = "8377"', 'kiosk.listen must be an address and a port, as "127.0.0.1:8377"'),
        ("kiosk", 'listen = "127.0.0.1:99999"', "kiosk.listen is no address"),
        ("kiosk", 'listen = "unix:http.sock"', "kiosk.listen must be an absolute path"),
        ("kiosk", f'listen = "unix:/{"x" * 107}"', "kiosk.listen is too long for a socket: at most 107 bytes"),
        ("kiosk", 'allowed_origins = ["*"]', "kiosk.allowed_origins[0] must be an origin without a path"),
        ("kiosk", 'allowed_origins = ["https://a.example/"]', "kiosk.allowed_origins[0] must be an origin"),
        ("kiosk", 'allowed_origins = ["https://*"]', "kiosk.allowed_origins[0] must be an origin"),
        ("kiosk", 'allowed_origins = ["https://a; script-src *"]', "kiosk.allowed_origins[0] must be an origin"),
        ("kiosk", 'allowed_origins = ["https://me@a.example"]', "kiosk.allowed_origins[0] must be an origin"),
        ("kiosk", 'allowed_hosts = ["a.example:80"]', "kiosk.allowed_hosts[0] must be a host name"),
        ("kiosk", 'allowed_hosts = ["A.example"]', "kiosk.allowed_hosts[0] must be a host name in small letters"),
        ("kiosk", 'tls_key_file = "/k"', "kiosk.tls_certificate_file is missing: a certificate and its key come"),
        ("kiosk", 'listen = "till.example:80"', "kiosk.listen is reached from other machines and needs tls_"),
        ("kiosk", f'control_socket = "/{"ä" * 60}"', "kiosk.control_socket is too long for a socket"),
        (
            "state",
            f'directory = "/{"d" * 100}"',
            "state.directory is too long for the control socket in it: set kiosk.",
        ),
        ("state", "keep_days = 0", "state.keep_days must be at least 1"),
        ("state", "keep_days = 999999", "state.keep_days must be at most 36500"),
        ("scanner", 'name = "a"', "scanner must be a list: write [[scanner]]"),
        ("scaner", "", "scaner is not a known key; did you mean scanner?"),
    ],
)
def test_a_wrong_value_is_refused_in_plain_words(file: Path, section: str, key: str, problem: str) -> None:
    assert any(problem in line for line in problems(file, changed(section, key)))


@pytest.mark.parametrize(
    ("base_url", "problem"),
    [
        ("connect.secucard.com", "must be an address without a path"),
        ("https://connect.secucard.com/api/v2", "must be an address without a path"),
        ("https://user:word@connect.secucard.com", "must not carry a user, a query or a fragment"),
        ("https://connect.secucard.com?x=1", "must not carry a user, a query or a fragment"),
        ("ftp://connect.secucard.com", "must be an address without a path"),
        ("https://[::1", "is no address"),
    ],
)
def test_the_address_of_the_api_is_checked(file: Path, base_url: str, problem: str) -> None:
    text = MINIMUM.replace("https://connect-testing.secuconnect.com", base_url)
    assert [line for line in problems(file, text) if f"tillwire.toml:2: api.base_url {problem}" in line]


@pytest.mark.parametrize(
    ("login", "missing"),
    [
        ("device", ["api.device_uuid"]),
        ("device-pin", ["api.device_uuid", "api.device_pin_file"]),
        ("client-credentials", []),
    ],
)
def test_each_login_needs_its_own_keys(file: Path, login: str, missing: list[str]) -> None:
    text = changed("api", f'login = "{login}"').replace('device_uuid = "/vendor/tillwire/cashier/1"\n', "")
    expected = [f'tillwire.toml:1: {key} is missing: login = "{login}" needs it' for key in missing]
    if expected:
        assert problems(file, text) == expected
    else:
        assert loaded(file, text).api.login == login


@pytest.mark.parametrize(
    ("uuid", "is_good"),
    [("/vendor/ingenico/serial/1", True), ("vendor/x", False), ("/vendor", False), ("/vendor/a b", False)],
)
def test_a_device_uuid_is_pairs_of_key_and_value(file: Path, uuid: str, *, is_good: bool) -> None:
    text = MINIMUM.replace("/vendor/tillwire/cashier/1", uuid)
    if is_good:
        assert loaded(file, text).api.device_uuid == uuid
    else:
        assert "api.device_uuid must be pairs of a key and a value" in problems(file, text)[0]


def test_an_opening_proves_a_payment_only_where_the_register_opens(file: Path) -> None:
    text = """\
[api]
base_url = "https://connect.secucard.com"
client_id = "0123"
device_uuid = "/vendor/tillwire/cashier/1"
[drawer]
profile = "mmf"
port = "/dev/ttyS0"
opened_by = "register"
[cash]
confirmed_by = ["drawer-opened"]
"""
    assert loaded(file, text).cash.confirmed_by == ("drawer-opened",)
    assert "proves no payment" in problems(file, text.replace('"register"', '"tillwire"'))[0]


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("pattern = 'PAID ('", "cash.paid_message.pattern is no regular expression: missing )"),
        ("pattern = 'PAID (?P<sum>x)'", "cash.paid_message.pattern knows one named group: (?P<amount>…) in cents, or"),
        ("pattern = '(?P<amount>x)(?P<euros>y)'", "cash.paid_message.pattern knows one named group: (?P<amount>…)"),
        (
            "pattern = 'x'\nbooked_message = 'OK {merchantref}'",
            "cash.paid_message.booked_message can tell only {merchantRef}, {transactionRef}, {transaction_id}",
        ),
        ("pattern = 'x'\nbooked_message = 'OK {'", "cash.paid_message.booked_message has a brace without its other"),
        ("pattern = 'x{99999999999}'", "cash.paid_message.pattern is no regular expression: "),
        ("", "cash.paid_message.pattern is missing"),
    ],
)
def test_a_paid_message_is_checked(file: Path, key: str, problem: str) -> None:
    text = f'{MINIMUM}[cash.paid_message]\nport = "/dev/ttyS2"\n{key}\n'
    assert any(problem in line for line in problems(file, text))


@pytest.mark.parametrize("amount", [r"(?P<euros>\d+[.,]\d\d)", r"(?P<amount>\d+)", ""])
def test_a_paid_message_may_name_its_amount_in_euros_or_in_cents(file: Path, amount: str) -> None:
    text = f"{MINIMUM}[cash.paid_message]\nport = '/dev/ttyS2'\npattern = 'paid {amount}'\n"
    message = loaded(file, text).cash.paid_message
    assert message is not None
    assert message.pattern == f"paid {amount}"


def test_a_paid_message_on_the_drawers_port_is_heard_and_not_answered(file: Path) -> None:
    """Many a drawer opens at any byte, so that the answer to each sale would open it."""
    text = MINIMUM + '[drawer]\nprofile = "mmf"\nport = "/dev/ttyS0"\n'
    text += '[cash.paid_message]\nport = "/dev/ttyS0"\npattern = "paid"\n'
    assert loaded(file, text).cash.paid_message is not None
    answered = f'{text}booked_message = "OK"\n'
    (problem,) = problems(file, answered)
    assert "cash.paid_message.booked_message would be written to the drawer" in problem
    assert loaded(file, answered.replace('profile = "mmf"', 'profile = "none"')).cash.paid_message is not None


def test_a_good_paid_message_is_taken(file: Path) -> None:
    text = MINIMUM.replace('"operator"', '"paid-message"') + (
        '[cash.paid_message]\nport = "/dev/ttyS2"\n'
        "pattern = 'PAID (?P<amount>[0-9]+)'\n"
        'booked_message = "OK {merchantRef}\\r"\n'
    )
    message = loaded(file, text).cash.paid_message
    assert message is not None
    assert message.booked_message == "OK {merchantRef}\r"


def test_two_devices_cannot_share_a_port(file: Path) -> None:
    text = changed("drawer", 'profile = "mmf"', 'port = "/dev/ttyS0"')
    text += '[[scanner]]\nname = "wall"\ndriver = "serial"\nport = "/dev/ttyS0"\n'
    assert problems(file, text) == ["tillwire.toml:15: scanner[0].port is the port of another device"]


@pytest.mark.parametrize("name", ["drawer", "printer", "paid_message"])
def test_a_reader_has_no_name_of_another_device(file: Path, name: str) -> None:
    text = MINIMUM + f'[[scanner]]\nname = "{name}"\ndriver = "serial"\nport = "/dev/ttyS0"\n'
    owner = name.replace("_", " ")
    assert problems(file, text) == [f"tillwire.toml:9: scanner[0].name is the {owner}'s: give the reader another name"]


@pytest.mark.parametrize("text", ['A1", RUN+="/bin/id', "A1\\nB", "*", "$kernel", "ä"])
def test_what_a_device_says_of_itself_has_only_what_udev_takes_as_it_stands(file: Path, text: str) -> None:
    scanner = f"{MINIMUM}[[scanner]]\nname = 'a'\ndriver = 'evdev'\nmatch = {{ serial = {json.dumps(text)} }}\n"
    assert (
        "tillwire.toml:11: scanner[0].match.serial must be letters, digits, blanks and #" in problems(file, scanner)[0]
    )
    port = f"{MINIMUM}[drawer]\nprofile = 'mmf'\nport = {json.dumps(f'/dev/{text}')}\n"
    assert "drawer.port must be letters, digits, blanks and #" in problems(file, port)[0]
    for path in ("/dev/tillwire/../sda", "/dev/tillwire/a b"):
        port = f"{MINIMUM}[drawer]\nprofile = 'mmf'\nport = '{path}'\n"
        assert "drawer.port must be the file of a device, without a blank and without .." in problems(file, port)[0]


SERIAL_SCANNER = '[[scanner]]\nname = "wall"\ndriver = "serial"\nport = "/dev/ttyS2"\n'
SERIAL_PRINTER = '[printer]\nconnection = "serial"\nport = "/dev/ttyS2"\n'


@pytest.mark.parametrize("other", [SERIAL_SCANNER, SERIAL_PRINTER])
def test_a_paid_message_shares_no_port_but_the_drawers(file: Path, other: str) -> None:
    text = f'{MINIMUM}{other}[cash.paid_message]\nport = "/dev/ttyS2"\npattern = "paid"\n'
    (problem,) = problems(file, text)
    assert "cash.paid_message.port is the port of another device" in problem


def test_an_empty_match_names_no_device(file: Path) -> None:
    text = MINIMUM + '[[scanner]]\nname = "a"\ndriver = "evdev"\nmatch = {}\n'
    assert "tillwire.toml:11: scanner[0].match must name a device: id_vendor" in problems(file, text)[0]


def test_a_key_that_is_called_like_a_driver_is_named(file: Path) -> None:
    text = MINIMUM + '[[scanner]]\nname = "a"\ndriver = "serial"\nport = "/dev/ttyS1"\nserial = "A1"\n'
    assert problems(file, text) == ["tillwire.toml:12: scanner[0].serial is not a known key"]


def test_a_scanner_without_driver_is_told_so(file: Path) -> None:
    assert problems(file, MINIMUM + '[[scanner]]\nname = "a"\n') == ["tillwire.toml:8: scanner[0].driver is missing"]


# Files that cannot be read


def test_broken_toml_is_reported_with_its_line(file: Path) -> None:
    expected = "tillwire.toml:8: is not TOML: Expected ']' at the end of a table declaration"
    assert problems(file, MINIMUM + "[state\n") == [expected]
    assert problems(file, 'a = """\n\n') == ["tillwire.toml:3: is not TOML: Unterminated string"]


def test_a_file_that_is_missing_or_no_text_is_reported(file: Path) -> None:
    with pytest.raises(WrongConfig, match=r"tillwire\.toml: cannot be read: No such file or directory"):
        load(file, {})
    file.write_bytes(b"[api]\nclient_id = 'M\xfcller'\n")
    with pytest.raises(WrongConfig, match=r"tillwire\.toml:2: is not UTF-8 text"):
        load(file, {})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    ),
    st.sampled_from(sorted({*Settings.model_fields, "x"})),
    st.sampled_from(["", *sorted({key for model in all_models(Settings) for key in model.model_fields})]),
)
@example({"a\nb": 1}, "api", "")
def test_any_value_anywhere_is_taken_or_a_problem(value: object, section: str, key: str) -> None:
    name = f"TILLWIRE_{section}__{key}".upper() if key else f"TILLWIRE_{section}".upper()
    assert all(str(problem).isprintable() for problem in problems_of({name: json.dumps(value)}))


def problems_of(environment: Mapping[str, str]) -> tuple[Problem, ...]:
    try:
        load(EXAMPLE, environment)
    except WrongConfig as wrong:
        return wrong.problems
    return ()


@given(st.text("[]ab.='\"#\n {}0", max_size=60) | st.text())
def test_lines_are_looked_for_in_any_text(text: str) -> None:
    assert all(1 <= line <= text.count("\n") + 1 for line in key_lines(text).values())


def test_lines_are_found_in_every_way_of_writing_a_key() -> None:
    text = """\
# [api]
[api] # remark
base_url = "x"
"client_id" = "[drawer]"
[[scanner]]
match.id_vendor = "1"
[[ scanner ]]
[scanner.match]
serial = '''
port = 1
'''
path = 1
"""
    assert key_lines(text) == {
        ("api",): 2,
        ("api", "base_url"): 3,
        ("api", "client_id"): 4,
        ("scanner", 0): 5,
        ("scanner", 0, "match", "id_vendor"): 6,
        ("scanner", 1): 7,
        ("scanner", 1, "match"): 8,
        ("scanner", 1, "match", "serial"): 9,
        ("scanner", 1, "match", "path"): 12,
    }


# Secrets


def test_the_secret_comes_from_its_key_a_credential_or_its_file(file: Path, tmp_path: Path) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_text(f"{SECRET}-file\n", encoding="ascii")
    (tmp_path / "client_secret").write_text(f"{SECRET}-credential", encoding="ascii")
    credential = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    api = loaded(file, MINIMUM).api
    with_file = api.model_copy(update={"client_secret_file": secret_file})
    with_key = with_file.model_copy(update={"client_secret": SecretStr(SECRET)})
    assert read_secrets(api, credential) == Secrets(SecretStr(f"{SECRET}-credential"), None)
    assert read_secrets(with_file, credential) == Secrets(SecretStr(f"{SECRET}-credential"), None)
    assert read_secrets(with_file, {}) == Secrets(SecretStr(f"{SECRET}-file"), None)
    assert read_secrets(with_key, credential) == Secrets(SecretStr(SECRET), None)


@pytest.mark.parametrize("content", [b"", b"\n"])
def test_an_empty_credential_stands_for_none(file: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "client_secret").write_bytes(content)
    secret_file = tmp_path / "secret"
    secret_file.write_text(SECRET, encoding="ascii")
    api = loaded(file, MINIMUM).api.model_copy(update={"client_secret_file": secret_file})
    assert read_secrets(api, {"CREDENTIALS_DIRECTORY": str(tmp_path)}) == Secrets(SecretStr(SECRET), None)


def test_the_pin_may_be_a_credential_too(file: Path, tmp_path: Path) -> None:
    (tmp_path / "device_pin").write_text("4471\n", encoding="ascii")
    keys = ('login = "device-pin"', 'device_pin_file = "/nonexistent/pin"', f'client_secret = "{SECRET}"')
    found = read_secrets(loaded(file, changed("api", *keys)).api, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert found == Secrets(SecretStr(SECRET), SecretStr("4471"))


def test_the_pin_is_read_for_the_login_with_a_pin(file: Path, tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("4471\n", encoding="ascii")
    keys = ('login = "device-pin"', f'device_pin_file = "{tmp_path}/pin"', f'client_secret = "{SECRET}"')
    assert read_secrets(loaded(file, changed("api", *keys)).api, {}) == Secrets(SecretStr(SECRET), SecretStr("4471"))


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"\xff\xfe", b"x" * 5000, b"a\x00b"])
def test_a_file_that_holds_no_secret_is_refused(file: Path, tmp_path: Path, content: bytes) -> None:
    secret_file = tmp_path / "secret"
    secret_file.write_bytes(content)
    api = loaded(file, MINIMUM).api.model_copy(update={"client_secret_file": secret_file})
    with pytest.raises(WrongConfig, match="client_secret_file holds no secret: one line of ASCII"):
        read_secrets(api, {})


def test_missing_secrets_are_reported_together(file: Path) -> None:
    api = loaded(file, changed("api", 'login = "device-pin"', 'device_pin_file = "/nonexistent/pin"')).api
    with pytest.raises(WrongConfig) as wrong:
        read_secrets(api, {})
    missing = 'api.client_secret_file is missing; client_secret, or a systemd credential "client_secret", does as well'
    unreadable = "api.device_pin_file cannot be read: No such file or directory"
    assert [str(problem) for problem in wrong.value.problems] == [
        f"the configuration: {missing}",
        f"/nonexistent/pin: {unreadable}",
    ]


def test_a_secret_is_in_no_problem_and_no_print(file: Path) -> None:
    wrong = changed("api", f"client_secret = ['{SECRET}']", f"client_secre = '{SECRET}'", f"login = '{SECRET}'")
    assert not [line for line in problems(file, wrong) if SECRET in line]
    good = loaded(file, changed("api", f'client_secret = "{SECRET}"'))
    assert SECRET not in f"{good!r} {good} {good.api} {schema.as_toml(good)} {good.model_dump_json()}"


def test_the_error_carries_no_secret_in_its_chain(file: Path) -> None:
    file.write_text(changed("api", f"client_secret = ['{SECRET}']"), encoding="utf-8")
    with pytest.raises(WrongConfig) as wrong:
        load(file, {})
    assert wrong.value.__cause__ is None
    assert wrong.value.__context__ is None
    assert SECRET.encode() not in pickle.dumps(wrong.value.problems)


# What is in effect, and the schema


def test_what_is_in_effect_reads_back_the_same(file: Path) -> None:
    text = re.sub(r"^#(?! |$)(?!client_secret = )", "", EXAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    settings = loaded(file, text.replace("pulse_ms = 100", 'pulse_ms = 100\nstatus = { source = "asb" }'))
    assert loaded(file, schema.as_toml(settings)) == settings


@given(st.text(min_size=1))
def test_any_text_is_shown_as_toml(text: str) -> None:
    settings = load(EXAMPLE, {"TILLWIRE_API__CLIENT_ID": text, "TILLWIRE_DRAWER": json.dumps({text: [text]})})
    shown = tomllib.loads(schema.as_toml(settings))
    assert shown["api"]["client_id"] == text
    assert shown["drawer"][text] == [text]


def test_a_secret_is_shown_as_stars(file: Path) -> None:
    shown = schema.as_toml(loaded(file, changed("api", f'client_secret = "{SECRET}"')))
    assert 'client_secret = "**********"' in shown


def test_the_schema_refuses_unknown_keys_but_in_the_drawer() -> None:
    written = json.loads(json.dumps(schema.json_schema()))
    assert written["additionalProperties"] is False
    definitions = {name: part["additionalProperties"] for name, part in written["$defs"].items()}
    assert [name for name, allowed in definitions.items() if allowed] == ["Drawer"]
    assert {*Settings.model_fields} == {*written["properties"]}


def test_reading_settings_imports_nothing_heavy() -> None:
    """It is on the start path of every command: pydantic-settings alone would double its time."""
    code = "import sys, config.settings; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic_settings", "asyncio", "aiohttp", "serial", "evdev"} & {*modules}
    assert not [name for name in modules if name.split(".")[0] in ("agent", "device")]
