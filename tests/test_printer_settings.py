from pathlib import Path

import pytest

from config.addresses import TcpAddress
from config.problems import WrongConfig
from config.settings import Settings, load

MINIMUM = """\
[api]
base_url = "https://connect-testing.secuconnect.com"
login = "client-credentials"
client_id = "x"
client_secret = "y"
[cash]
confirmed_by = ["operator"]
"""
DRAWER = '[drawer]\nprofile = "escpos"\nport = "/dev/ttyS0"\n'


def loaded(directory: Path, printer: str, rest: str = "") -> Settings:
    file = directory / "tillwire.toml"
    file.write_text(f"{MINIMUM}{rest}[printer]\n{printer}\n")
    return load(file, {})


def test_without_a_printer_nothing_needs_to_be_said(tmp_path: Path) -> None:
    printer = loaded(tmp_path, "").printer
    assert (printer.connection, printer.receipts, printer.provisional) == ("none", ("customer",), "automatic")
    assert printer.provisional_after_s == 15.0


@pytest.mark.parametrize(
    ("address", "read"),
    [
        ("192.0.2.7", TcpAddress("192.0.2.7", 9100)),
        ("printer.example:9101", TcpAddress("printer.example", 9101)),
        ("[fe80::1]:9100", TcpAddress("fe80::1", 9100)),
    ],
)
def test_a_network_printer_has_an_address(tmp_path: Path, address: str, read: TcpAddress) -> None:
    printer = loaded(tmp_path, f'connection = "network"\naddress = "{address}"').printer
    assert printer.network_address == read


@pytest.mark.parametrize(
    ("printer", "rest", "says"),
    [
        ('connection = "serial"', "", 'printer.port is missing: connection = "serial" needs it'),
        ('connection = "network"', "", "printer.address is missing"),
        ('connection = "usb"', "", "printer.match is missing"),
        ('connection = "drawer"', "", 'printer.connection "drawer" needs a drawer'),
        (
            'connection = "serial"\nport = "/dev/ttyS0"',
            DRAWER,
            'the drawer\'s: write connection = "drawer"',
        ),
        (
            'connection = "serial"\nport = "/dev/ttyS1"',
            '[[scanner]]\nname = "a"\ndriver = "serial"\nport = "/dev/ttyS1"\n',
            "printer.port is the port of another device",
        ),
        (
            'connection = "network"\naddress = "http://192.0.2.7/"',
            "",
            "printer.address must be a host",
        ),
        ('connection = "usb"\nmatch = { id_vendor = "04b8" }', "", "printer.match.id_model is missing"),
        ("width = 12", "", "printer.width must be"),
        ('code_page = "cp437"', "", "printer.code_page must be"),
        ("receipts = []", "", "printer.receipts must"),
    ],
)
def test_what_does_not_go_together_is_said(tmp_path: Path, printer: str, rest: str, says: str) -> None:
    with pytest.raises(WrongConfig) as wrong:
        loaded(tmp_path, printer, rest)
    assert says in str(wrong.value)


def test_all_problems_of_a_printer_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrongConfig) as wrong:
        loaded(tmp_path, 'connection = "usb"\nwidth = 1\ncolour = "red"')
    assert {problem.key for problem in wrong.value.problems} == {"printer.match", "printer.width", "printer.colour"}
