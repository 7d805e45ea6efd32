"""`tillwire learn scanner`: one scan of the calibration code, from readers on pipes and pseudo-terminals."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from agent.commands.asking import Failed
from agent.commands.learn_scanner import Wanted, candidates_of, learn_scanner
from config.settings import Settings, load
from device.answering_readers import KEY_ESC, Openers
from device.discovery import Suggestion
from device.evdev_scanner import EvdevScannerSettings, KeyDevice
from device.key_decoder import EV_KEY, PRESSED, RELEASED, InputEvent
from device.keyboard_layouts import KEY_ENTER
from device.keystrokes import EV_MSC, MSC_SCAN, alt_strokes, key_events, strokes
from device.learning import CALIBRATION_TEXT
from device.matching import PluggedDevice
from device.simulated_scanner import SimulatedHidPosScanner, SimulatedKeyScanner, SimulatedSerialScanner
from tests.command_bench import Box, exit_code, in_thread

KEYS = frozenset(range(1, 60))
READER = PluggedDevice(
    node="/dev/input/event5", subsystem="input", name="Honeywell 1900", id_vendor="0c2e", id_model="0b61", keys=KEYS
)
OTHER = replace(READER, node="/dev/input/event6", name="Zebra DS2208", id_vendor="05e0", id_model="1200")
POS_READER = PluggedDevice(node="/dev/hidraw0", subsystem="hidraw", name="Newland", id_vendor="1eab", id_model="0310")
DRAWERS_PORT = PluggedDevice(node="/dev/ttyS0", subsystem="tty")
SILENCE_S = 0.2
BANK_CARD = "4111111111111111"


def found(*devices: PluggedDevice) -> list[Suggestion]:
    return [Suggestion(device=device, use="reader", config="") for device in devices]


def openers(**readers: SimulatedKeyScanner) -> Openers:
    """Keyboards by the end of their node's name."""

    def open_keys(settings: EvdevScannerSettings) -> KeyDevice:
        return readers[str(settings.match.path).rpartition("/")[2]].open_device(settings)

    return Openers(keys=open_keys)


def typed(reader: SimulatedKeyScanner, text: str, layout: str = "us", suffix: str = "enter") -> None:
    keys = strokes(text, layout, suffix)  # type: ignore[arg-type]
    reader.send(key_events(keys, time.monotonic(), 0.001))


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


def settings_of(box: Box) -> Settings:
    return load(box.config, {})


async def learned(
    box: Box, devices: Sequence[PluggedDevice], readers: Openers, *, write: bool = False, wait_s: float = 60.0
) -> dict[str, object]:
    wanted = Wanted(config=box.config, silence_s=SILENCE_S, in_json=True, wait_s=wait_s, write=write)
    assert await learn_scanner(settings_of(box), wanted, found(*devices), readers) == 0
    told = json.loads(box.capsys.readouterr().out)
    assert isinstance(told, dict)
    return told


async def test_a_keyboard_mode_reader_is_learned_and_written_beside_what_is_there(box: Box) -> None:
    before = box.config.read_text()
    async with SimulatedKeyScanner() as reader:
        typed(reader, CALIBRATION_TEXT, "de", "tab")
        told = await learned(box, [READER], openers(event5=reader), write=True)
    assert told["node"] == "/dev/input/event5"
    assert box.config.read_text().startswith(before.rstrip())
    [scanner] = settings_of(box).scanner
    assert scanner.model_dump(exclude_defaults=True, exclude_none=True) == {
        "driver": "evdev",
        "name": "counter",
        "match": {"id_vendor": "0c2e", "id_model": "0b61"},
        "layout": "de",
        "suffix": "tab",
    }
    assert Path(str(told["backup"])).read_text() == before


async def test_a_reader_that_is_configured_already_keeps_its_name_and_what_only_its_owner_knows(box: Box) -> None:
    mine = '[[scanner]]\nname = "door"  # mine\ndriver = "evdev"\nmatch = { id_vendor = "0c2e" }\n'
    box.write(rest=f'{box.rest}{mine}other_codes = "forward"\n')
    async with SimulatedKeyScanner() as reader:
        typed(reader, CALIBRATION_TEXT, "fr")
        await learned(box, [READER], openers(event5=reader), write=True)
    assert 'name = "door"  # mine' in box.config.read_text()
    [scanner] = settings_of(box).scanner
    assert (scanner.name, scanner.other_codes, scanner.model_dump()["layout"]) == ("door", "forward", "fr")


async def test_the_lines_are_shown_for_people_with_what_was_found_out(box: Box) -> None:
    async with SimulatedKeyScanner() as reader:
        reader.send(key_events(alt_strokes(CALIBRATION_TEXT, "none"), time.monotonic(), 0.001))
        wanted = Wanted(config=box.config, silence_s=SILENCE_S, wait_s=60.0)
        readers = openers(event5=reader)
        assert await learn_scanner(settings_of(box), wanted, found(READER, DRAWERS_PORT), readers) == 0
    out = box.capsys.readouterr().out
    assert "listening to /dev/input/event5 (Honeywell 1900): keyboard mode" in out
    assert "not listening to /dev/ttyS0: if the reader is there, add --port /dev/ttyS0" in out
    assert "keyboard mode, Alt mode, ends with nothing" in out
    assert "Alt mode works and takes four times as long" in out
    assert '[[scanner]]\nname = "counter"\ndriver = "evdev"\nmatch = { id_vendor = "0c2e", id_model = "0b61" }\n' in out
    assert "run this again with --write" in out


async def test_a_reader_in_hid_pos_mode_is_learned(box: Box) -> None:
    async with SimulatedHidPosScanner() as reader:
        await reader.scan(CALIBRATION_TEXT)
        told = await learned(box, [POS_READER], Openers(reports=reader.open_device))
    assert told["scanner"] == {
        "name": "counter",
        "driver": "hidpos",
        "match": {"id_vendor": "1eab", "id_model": "0310"},
    }


async def test_a_serial_reader_on_a_named_port_is_learned(box: Box, tmp_path: Path) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader", suffix=b"\t") as reader:
        wanted = Wanted(config=box.config, silence_s=SILENCE_S, in_json=True, ports=(reader.path,), wait_s=60.0)
        learning = asyncio.create_task(learn_scanner(settings_of(box), wanted, [], Openers()))
        while not learning.done():
            await reader.scan(CALIBRATION_TEXT)
            await asyncio.wait([learning], timeout=0.4)
        assert await learning == 0
    told = json.loads(box.capsys.readouterr().out)
    keys = {"name": "counter", "driver": "serial", "port": reader.path, "baudrate": 9600, "suffix": "tab"}
    assert told["scanner"] == keys


async def test_a_wrong_speed_is_answered_by_the_next_one(box: Box, tmp_path: Path) -> None:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader:
        wanted = Wanted(config=box.config, silence_s=SILENCE_S, in_json=True, ports=(reader.path,), wait_s=60.0)
        learning = asyncio.create_task(learn_scanner(settings_of(box), wanted, [], Openers()))
        said = ""
        while "115200 baud is tried now" not in said:
            reader.send(b"\xf8\x00\x80\xff")
            await asyncio.wait([learning], timeout=0.4)
            said += box.capsys.readouterr().err
        while not learning.done():
            await reader.scan(CALIBRATION_TEXT)
            await asyncio.wait([learning], timeout=0.4)
        assert await learning == 0
    assert json.loads(box.capsys.readouterr().out)["scanner"]["baudrate"] == 115_200


async def test_the_enter_that_started_the_command_is_let_go_and_means_nothing(box: Box) -> None:
    async with SimulatedKeyScanner() as reader:
        now = time.monotonic()
        reader.send([InputEvent(now, EV_MSC, MSC_SCAN, 0x28), InputEvent(now, EV_KEY, KEY_ENTER, RELEASED)])
        typed(reader, CALIBRATION_TEXT)
        told = await learned(box, [READER], openers(event5=reader))
    assert told["node"] == "/dev/input/event5"


# What goes wrong


async def test_another_name_for_a_reader_that_has_one_is_refused(box: Box) -> None:
    box.write(rest=box.rest + '[[scanner]]\nname = "door"\ndriver = "evdev"\nmatch = { id_vendor = "0c2e" }\n')
    async with SimulatedKeyScanner() as reader:
        typed(reader, CALIBRATION_TEXT)
        wanted = Wanted(config=box.config, silence_s=SILENCE_S, name="wall", wait_s=60.0)
        with pytest.raises(Failed, match="is the scanner door already"):
            await learn_scanner(settings_of(box), wanted, found(READER), openers(event5=reader))


async def test_two_readers_that_answer_are_refused(box: Box) -> None:
    async with SimulatedKeyScanner() as first, SimulatedKeyScanner() as second:
        typed(first, CALIBRATION_TEXT)
        typed(second, CALIBRATION_TEXT)
        with pytest.raises(Failed, match=r"event5 .* and .*event6 .* both answered"):
            await learned(box, [READER, OTHER], openers(event5=first, event6=second))


async def test_nobody_scanning_is_said(box: Box) -> None:
    async with SimulatedKeyScanner() as reader:
        with pytest.raises(Failed, match=r"was not read within 0\.1 s"):
            await learned(box, [READER], openers(event5=reader), wait_s=0.1)


async def test_a_torn_scan_and_a_bank_card_are_said_and_the_next_scan_counts(box: Box) -> None:
    async with SimulatedKeyScanner() as reader:
        typed(reader, CALIBRATION_TEXT[:9])
        learning = asyncio.create_task(learned(box, [READER], openers(event5=reader), wait_s=60.0))
        err = await said(box, "only a part of the code came", learning)
        typed(reader, f";{BANK_CARD}=2512?")
        err += await said(box, "that was a bank card", learning)
        typed(reader, "4006381333931")
        err += await said(box, "that was another code", learning)
        typed(reader, CALIBRATION_TEXT)
        told = await learning
    assert told["node"] == "/dev/input/event5"
    assert BANK_CARD[:6] not in err + json.dumps(told)


async def said(box: Box, words: str, learning: asyncio.Task[dict[str, object]]) -> str:
    err = ""
    while words not in err:
        await asyncio.wait([learning], timeout=0.05)
        err += box.capsys.readouterr().err
    return err


async def test_escape_on_a_keyboard_gives_up(box: Box) -> None:
    async with SimulatedKeyScanner() as reader:
        reader.send([InputEvent(time.monotonic(), EV_KEY, KEY_ESC, PRESSED)])
        with pytest.raises(Failed, match="Escape"):
            await learned(box, [READER], openers(event5=reader))


async def test_a_reader_that_another_program_holds_is_said(box: Box) -> None:
    async with SimulatedKeyScanner() as reader:
        reader.held_by_another = True
        wanted = Wanted(config=box.config, silence_s=SILENCE_S, wait_s=0.1)
        with pytest.raises(Failed, match="no reader can be listened to"):
            await learn_scanner(settings_of(box), wanted, found(READER), openers(event5=reader))
    assert "not listening to /dev/input/event5 (Honeywell 1900): /dev/input/event5: another program" in (
        box.capsys.readouterr().out
    )


async def test_a_reader_that_is_unplugged_while_it_is_listened_to_is_no_answer(box: Box) -> None:
    async with SimulatedKeyScanner() as reader:
        learning = asyncio.create_task(learned(box, [READER], openers(event5=reader), wait_s=0.3))
        await asyncio.wait([learning], timeout=0.1)
        reader.unplug()
        with pytest.raises(Failed, match="was not read"):
            await learning


def test_a_drawers_port_is_never_opened_by_itself(box: Box) -> None:
    adapter = replace(DRAWERS_PORT, node="/dev/ttyUSB0", id_vendor="0403")
    scanner = replace(DRAWERS_PORT, node="/dev/ttyACM0", id_vendor="0c2e")
    box.write(rest='[drawer]\nprofile = "escpos"\nport = "/dev/ttyACM1"\nopen_level = "low"\n')
    taken = replace(scanner, node="/dev/ttyACM1")
    chosen = candidates_of(settings_of(box), Wanted(config=box.config), [adapter, scanner, taken, READER])
    assert [candidate.device.node for candidate in chosen] == ["/dev/ttyACM0", "/dev/input/event5"]


async def test_a_running_agent_is_to_be_stopped_first(box: Box) -> None:
    async with box.agent():
        said = await box.types("learn", "scanner")
    stop = "systemctl stop tillwire.service"
    told = f"tillwire: the agent runs and has readers and ports: stop it ({stop}), and start it afterwards\n"
    assert (said.code, said.err) == (1, told)


async def test_a_wrong_configuration_is_not_written_to(box: Box) -> None:
    box.config.write_text("[api]\n")
    said = await box.types("learn", "scanner", "--write")
    assert said.code == 2
    assert "base_url" in said.err


@pytest.mark.parametrize("ending", ["pdf", "svg"])
async def test_the_sheet_is_written(box: Box, tmp_path: Path, ending: str) -> None:
    sheet = tmp_path / f"code.{ending}"
    said = await box.types("learn", "scanner", "--sheet", str(sheet))
    assert said.code == 0
    assert sheet.read_bytes().startswith(b"%PDF-" if ending == "pdf" else b"<svg")


async def test_a_sheet_of_another_kind_and_a_wrong_name_are_refused(box: Box) -> None:
    for words in (("--sheet", "code.png"), ("--name", "no spaces")):
        assert await in_thread(partial(exit_code, ["learn", "scanner", *words])) == 2
    assert "must end in .pdf or .svg" in box.capsys.readouterr().err
