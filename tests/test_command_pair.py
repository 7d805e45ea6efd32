"""`tillwire pair` as it is typed, and against the simulated login."""

import asyncio
import json
import os
import pty
import signal
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import segno

from agent.commands.drawings import qr_code
from agent.commands.large_letters import large
from agent.commands.pair import STATE_DIRECTORIES, STATE_DIRECTORY_MODE, make_state_directory, pair
from agent.configured import login_of
from agent.journal.errors import JournalError
from agent.journal.opening import lock
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.smart.login import DeviceLogin
from config.settings import Settings, load
from tests.command_bench import NOWHERE, Box

DEBIAN = Path(__file__).parents[1] / "debian"


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with SimulatorServer() as simulator:
        yield simulator


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str], simulator: Simulator) -> Box:
    box = Box(tmp_path, capsys)
    box.write(login="device", base_url=simulator.base_url)
    return box


def configured(box: Box) -> tuple[Settings, DeviceLogin]:
    settings = load(box.config, {})
    login = login_of(settings, {})
    assert isinstance(login, DeviceLogin)
    return settings, login


class Customer:
    """Somebody who enters the code in the second pause; nobody waits for the pauses themselves."""

    def __init__(self, box: Box, simulator: Simulator) -> None:
        self.box, self.simulator = box, simulator
        self.pauses: list[float] = []
        self.shown = ""

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.shown += self.box.capsys.readouterr().out
        if len(self.pauses) == 2:
            code = next(word for word in self.shown.split() if len(word) == 8 and word.isalnum())
            assert self.simulator.confirm_device(code)


async def test_the_code_is_shown_and_the_pairing_stored_for_the_agent_alone(box: Box, simulator: Simulator) -> None:
    customer = Customer(box, simulator)
    assert await pair(*configured(box), in_json=False, sleep=customer.sleep) == 0
    assert "http://www.secuoffice.com" in customer.shown
    assert customer.pauses == [5, 5]
    said = box.capsys.readouterr().out
    assert said.startswith("Paired with John's Bakery (MRC_")
    credentials = box.state / "credentials.json"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    assert json.loads(credentials.read_text())["refresh_token"] not in customer.shown + said


async def test_a_paired_box_logs_in_without_a_person(box: Box, simulator: Simulator) -> None:
    await pair(*configured(box), in_json=False, sleep=Customer(box, simulator).sleep)
    said = await box.types("check")
    assert 'OK     login           by login = "device"' in said.out


async def test_pairing_for_programs_is_two_lines_of_json(box: Box, simulator: Simulator) -> None:
    shown: list[str] = []

    async def sleep(_seconds: float) -> None:
        shown.append(box.capsys.readouterr().out)
        simulator.confirm_device(json.loads(shown[0])["user_code"])

    await pair(*configured(box), in_json=True, sleep=sleep)
    assert json.loads(shown[0])["expires_in"] == 1200
    paired = json.loads(box.capsys.readouterr().out)
    assert (paired["paired"], paired["merchant"]["name"]) == (True, "John's Bakery")


async def test_a_pairing_that_cannot_be_tried_is_stored_all_the_same(box: Box, simulator: Simulator) -> None:
    simulator.add_fault("merchant:server-error")
    assert await pair(*configured(box), in_json=False, sleep=Customer(box, simulator).sleep) == 0
    out, err = box.capsys.readouterr()
    assert out == "Paired. Start the agent now.\n"
    assert err.startswith("tillwire: the pairing is stored, but could not be tried:")
    assert (box.state / "credentials.json").exists()


async def test_a_device_that_the_api_does_not_know(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLWIRE_API__DEVICE_UUID", "/vendor/tillwire/cashier/99")
    said = await box.types("pair")
    assert (said.code, said.out) == (1, "")
    assert "invalid_device" in said.err
    assert said.err.endswith("agree client_id, client_secret and device_uuid with the help desk\n")


async def test_without_the_api_it_says_so(box: Box) -> None:
    box.write(base_url=NOWHERE)
    said = await box.types("pair")
    assert (said.code, said.out) == (1, "")
    assert said.err == "tillwire: not sent: no connection to the API (ClientConnectorError)\n"


async def test_another_login_needs_no_pairing(box: Box) -> None:
    box.write(login="client-credentials")
    said = await box.types("pair")
    assert said.code == 2
    assert said.err == 'tillwire: [api] login = "client-credentials" needs no pairing; login = "device" does\n'


async def test_while_an_agent_has_the_pairing_there_is_none_to_be_had(box: Box, simulator: Simulator) -> None:
    with ExitStack() as held:
        lock(box.journal, held)
        said = await box.types("pair")
    assert (said.code, said.out) == (1, "")
    assert "stop it, pair, and start it again" in said.err
    assert simulator.requests == []


async def test_no_agent_can_start_during_a_pairing(box: Box, simulator: Simulator) -> None:
    customer = Customer(box, simulator)

    async def sleep(seconds: float) -> None:
        with ExitStack() as held, pytest.raises(JournalError):
            lock(box.journal, held)
        await customer.sleep(seconds)

    assert await pair(*configured(box), in_json=False, sleep=sleep) == 0


def test_a_lanes_directory_is_made_before_its_agent_has_started_once(tmp_path: Path) -> None:
    """Setup pairs a lane first; systemd makes what StateDirectory= says when the agent starts."""
    unit = (DEBIAN / "tillwire@.service").read_text() + (DEBIAN / "systemd/common.conf").read_text()
    assert f"StateDirectory={STATE_DIRECTORIES.name}/%i\n" in unit
    assert f"StateDirectoryMode={STATE_DIRECTORY_MODE:04o}\n" in unit
    make_state_directory(tmp_path / "left", tmp_path)
    made, parent = (tmp_path / "left").stat(), tmp_path.stat()
    assert (made.st_mode & 0o777, made.st_uid, made.st_gid) == (0o711, parent.st_uid, parent.st_gid)
    make_state_directory(tmp_path / "left", tmp_path)  # it is there already
    make_state_directory(tmp_path / "elsewhere" / "left", tmp_path)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_lane_is_paired_though_its_agent_has_never_started(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as the API, which is away."""
    monkeypatch.setattr("agent.commands.pair.STATE_DIRECTORIES", box.state.parent)
    box.write(base_url=NOWHERE)
    box.state.rmdir()
    said = await box.types("pair")
    assert "is not there" not in said.err
    assert box.state.is_dir()


async def test_a_state_directory_that_is_not_there(box: Box, simulator: Simulator) -> None:
    box.state.rmdir()
    said = await box.types("pair")
    assert said.code == 1
    assert "is not there: make it" in said.err
    assert simulator.requests == []


async def test_a_terminal_gets_qr_code_and_large_letters_and_ctrl_c_gives_up(box: Box) -> None:
    terminal, inside = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", "pair", "--config", str(box.config)),
        stdout=inside,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(inside)
    shown = ""
    while "Ctrl-C gives up." not in shown:
        shown += (await asyncio.to_thread(os.read, terminal, 4096)).decode()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    os.close(terminal)
    assert (process.returncode, err) == (1, b"tillwire: given up: nothing was stored\n")
    lines = [line.strip() for line in shown.splitlines()]
    code = next(line for line in lines if line.startswith("2. Enter this code:")).split()[-1]
    for drawn in (*qr_code("http://www.secuoffice.com"), *large(code)):
        assert drawn.strip() in lines
    assert list(box.state.glob("credentials*")) == []


def test_of_an_address_that_is_too_long_for_a_qr_code_none_is_drawn() -> None:
    assert qr_code(f"https://secuoffice.example/{'x' * 5000}") == []


def test_the_qr_code_holds_the_address() -> None:
    """Read back from the half blocks: light modules are drawn, as a dark terminal needs it."""
    address = "http://www.secuoffice.com"
    pairs = {"█": (0, 0), "▀": (0, 1), "▄": (1, 0), " ": (1, 1)}
    halves = [[pairs[character] for character in line] for line in qr_code(address)]
    rows = [[half[place] for half in line] for line in halves for place in (0, 1)]
    meant = [list(row) for row in segno.make(address, micro=False).matrix]
    assert [row[2 : 2 + len(meant)] for row in rows[2 : 2 + len(meant)]] == meant


def test_large_letters_are_four_lines_and_each_character_is_its_own() -> None:
    characters = "abcdefghijklmnopqrstuvwxyz0123456789"
    drawn = {tuple(large(character)) for character in characters}
    assert len(drawn) == len(characters)
    assert {len(letters) for letters in drawn} == {4}


@pytest.mark.parametrize("code", ["", "AA63Q9K9", "a-b", "\x1b[2J"])
def test_what_cannot_be_drawn_is_not_drawn(code: str) -> None:
    assert large(code) == []


def test_a_code_is_drawn_side_by_side() -> None:
    assert large("l1") == [" █      ▄█", " █       █", " █       █", "  ▀▀    ▀▀▀"]
