import sys
from pathlib import Path

import pytest

from agent.chosen_devices import Tools, choose
from config.problems import WrongConfig
from config.settings import Settings, load
from device.plugging import NoPlugging
from tests.command_bench import Box
from tests.test_printer_settings import DRAWER, MINIMUM

USB = '[printer]\nconnection = "usb"\nmatch = { id_vendor = "04b8", id_model = "0e15" }\n'


def settings_with(directory: Path, rest: str) -> Settings:
    file = directory / "tillwire.toml"
    file.write_text(MINIMUM + rest)
    return load(file, {})


@pytest.mark.parametrize(
    "printer",
    [
        'connection = "drawer"',
        'connection = "serial"\nport = "/dev/ttyS1"',
        'connection = "network"\naddress = "192.0.2.7"',
        'connection = "usb"\nmatch = { id_vendor = "04b8", id_model = "0e15" }',
    ],
)
async def test_every_connection_makes_one_printer_that_is_run_once(tmp_path: Path, printer: str) -> None:
    chosen = choose(settings_with(tmp_path, f"{DRAWER}[printer]\n{printer}\n"), Tools(plugging=NoPlugging()))
    assert chosen.printer is not None
    assert chosen.printer.name == "printer"
    assert len(chosen.runs) == (1 if "drawer" in printer else 2)


async def test_a_drawer_that_hangs_on_no_printer_prints_nothing(tmp_path: Path) -> None:
    settings = settings_with(tmp_path, DRAWER.replace("escpos", "mmf") + '[printer]\nconnection = "drawer"\n')
    with pytest.raises(WrongConfig, match="needs a drawer on an ESC/POS printer"):
        choose(settings, Tools(plugging=NoPlugging()))


@pytest.fixture
def without_pyusb(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a till where the extra is not installed."""
    monkeypatch.delitem(sys.modules, "device.usb_printer", raising=False)
    for name in [name for name in sys.modules if name.partition(".")[0] == "usb"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "usb", None)


@pytest.mark.usefixtures("without_pyusb")
async def test_without_the_extra_it_is_said_in_one_line_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    box = Box(tmp_path, capsys)
    box.write(rest=box.rest + USB)
    with pytest.raises(WrongConfig) as wrong:
        choose(load(box.config, {}), Tools(plugging=NoPlugging()))
    [problem] = wrong.value.problems
    assert "pip install 'tillwire[printer]'" in str(problem)
    checked = await box.types("check")
    assert f"WRONG  printer         {problem}" in checked.out
