"""`tillwire learn drawer`: closed, Enter, open, Enter, with simulated drawers on pseudo-terminals."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.commands.asking import Failed
from agent.commands.learn_drawer import Wanted, learn_drawer
from config.settings import load
from device.drawer import Opener
from device.drawer_profile_file import load_profile
from device.showing_drawer import Patience
from device.simulated_drawer import SimulatedDrawer
from device.tty import PortSettings, Tty
from tests.command_bench import DRAWER, Box

SHORT = Patience(listens_s=0.15, answer_s=0.3)
FILE = '# my till\n[drawer]  # under the counter\nprofile = "none"\n[cash]\nconfirmed_by = ["operator"]\n'


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    box = Box(tmp_path, capsys)
    box.write(rest=FILE)
    return box


@asynccontextmanager
async def simulated(box: Box, name: str, **overrides: object) -> AsyncIterator[SimulatedDrawer]:
    async with SimulatedDrawer(load_profile(name, overrides=overrides), box.directory / "drawer0") as drawer:
        yield drawer


async def learned(
    box: Box, drawer: SimulatedDrawer, opener: Opener | None = None, **wanted: object
) -> dict[str, object]:
    """Do as the command says, and return what it answers."""
    said: list[str] = []

    async def does_it(text: str) -> None:
        said.append(text)
        drawer.close_drawer() if text.startswith("Close") else drawer.open_by_key()

    asked = Wanted(config=box.config, port=drawer.path, in_json=True, patience=SHORT, **wanted)  # type: ignore[arg-type]  # Wanted's own
    assert await learn_drawer(load(box.config, {}), asked, does_it, opener or drawer.opener) == 0
    told = json.loads(box.capsys.readouterr().out)
    assert isinstance(told, dict)
    assert len(said) == 2
    return told


def drawers(told: dict[str, object]) -> list[dict[str, object]]:
    candidates = told["candidates"]
    assert isinstance(candidates, list)
    return [candidate["drawer"] for candidate in candidates]


@pytest.mark.parametrize(
    ("name", "open_level"),
    [
        ("escpos", "low"),
        ("escpos", "high"),
        ("star", "high"),
        ("glancetron-8005u", "high"),
        ("glancetron-8005u", "low"),
        ("ibm-surepos", "high"),
        ("acode-at10u3", "high"),
        ("mmf", "high"),
        ("tysso-pcd005r", "low"),
        ("j2-625", "high"),
    ],
)
async def test_each_way_of_telling_is_learned_with_its_polarity(box: Box, name: str, open_level: str) -> None:
    code = {"open_bytes": "C0 DE"} if name == "acode-at10u3" else {}
    async with simulated(box, name, open_level=open_level, **code) as drawer:
        told = await learned(box, drawer)
    assert {"profile": name, "port": drawer.path, "open_level": open_level} in drawers(told)
    assert drawer.pulses == 0 or name in ("mmf", "tysso-pcd005r", "j2-625"), "only what any byte opens may have opened"


async def test_what_was_learned_is_written_and_the_rest_of_the_file_stays(box: Box) -> None:
    before = box.config.read_text()
    async with simulated(box, "escpos", open_level="high") as drawer:
        told = await learned(box, drawer, write=True)
    keys = f'profile = "escpos"\nport = "{drawer.path}"\nopen_level = "high"'
    assert box.config.read_text() == before.replace('profile = "none"', keys)
    assert told["backup"] == f"{box.config}.bak"
    assert Path(f"{box.config}.bak").read_text() == before


@pytest.mark.parametrize("profile", [None, "escpos"])
async def test_the_drawers_line_is_opened_as_the_file_says(box: Box, profile: str | None) -> None:
    opened: list[tuple[int, str]] = []
    box.write(rest=FILE.replace("[cash]", 'baudrate = 38400\nparity = "even"\n[cash]'))
    async with simulated(box, "escpos") as drawer:

        def opener(settings: PortSettings) -> Tty:
            opened.append((settings.baudrate, settings.parity))
            return drawer.opener(settings)

        await learned(box, drawer, opener, profile=profile)
    assert set(opened) == {(38400, "even")}


async def test_a_profile_that_the_line_contradicts_is_not_tried(box: Box) -> None:
    """RTS and CTS cannot be handshake and status at once."""
    own = box.directory / "drawers"
    own.mkdir()
    (own / "own.toml").write_text('model="M"\nwiring="W"\nlimits="L"\n[status]\nsource="line"\nline="cts"\n')
    box.write(rest=FILE.replace("[cash]", f'profile_directory = "{own}"\nrtscts = true\n[cash]'))
    async with simulated(box, "escpos") as drawer:
        told = await learned(box, drawer)
        assert {one["profile"] for one in drawers(told)} == {"escpos"}
        with pytest.raises(Failed, match="no such drawer can be used with the rtscts of"):
            await learned(box, drawer, profile="own")


async def test_a_file_that_the_agent_would_refuse_is_not_written(box: Box) -> None:
    """An mmf times its pulse itself."""
    box.write(rest=FILE.replace("[cash]", "pulse_ms = 200\n[cash]"))
    before = box.config.read_text()
    async with simulated(box, "mmf") as drawer:
        with pytest.raises(Failed, match=r"nothing was written, .* pulse_ms"):
            await learned(box, drawer, profile="mmf", write=True)
    assert box.config.read_text() == before


async def test_several_models_that_tell_alike_are_not_chosen_between(box: Box) -> None:
    before = box.config.read_text()
    async with simulated(box, "mmf") as drawer:
        with pytest.raises(Failed, match=r"several models tell it so .*mmf.*--profile"):
            await learned(box, drawer, write=True)
        told = await learned(box, drawer, write=True, profile="mmf")
    assert [drawer["profile"] for drawer in drawers(told)] == ["mmf"]
    assert box.config.read_text() != before


async def test_a_drawer_that_says_the_same_both_times_is_not_guessed_at(box: Box) -> None:
    async with simulated(box, "escpos") as drawer:

        async def does_nothing(_text: str) -> None:
            """Nobody moves the drawer."""

        wanted = Wanted(config=box.config, port=drawer.path, patience=SHORT)
        with pytest.raises(Failed, match="cannot be told: it answers, and says the same closed and open"):
            await learn_drawer(load(box.config, {}), wanted, does_nothing)


async def test_a_port_that_is_not_there_or_not_named_is_said(box: Box) -> None:
    missing = await box.types("learn", "drawer", "--port", str(box.directory / "nothing"))
    assert (missing.code, "is not there" in missing.err) == (1, True)
    unnamed = await box.types("learn", "drawer")
    assert (unnamed.code, unnamed.err.startswith("tillwire: which port?")) == (1, True)
    unknown = await box.types("learn", "drawer", "--port", "/dev/null", "--profile", "escpo")
    assert (unknown.code, "did you mean 'escpos'?" in unknown.err) == (1, True)


async def test_a_running_agent_is_to_be_stopped_first(box: Box) -> None:
    async with simulated(box, "escpos"):
        box.write(rest=DRAWER.format(port=box.directory / "drawer0"))
        async with box.agent():
            said = await box.types("learn", "drawer")
    assert (said.code, said.err.startswith("tillwire: the agent runs")) == (1, True)


async def test_as_it_is_typed_at_a_terminal(box: Box) -> None:
    async with simulated(box, "glancetron-8005u") as drawer:
        command = ("-m", "agent", "learn", "drawer", "--port", drawer.path, "--config", str(box.config))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        )
        assert process.stdin is not None
        assert process.stderr is not None
        await process.stderr.readuntil(b"press Enter.")
        process.stdin.write(b"\n")
        await process.stderr.readuntil(b"press Enter.")
        drawer.open_by_key()
        out, err = await process.communicate(b"\n")
    assert (process.returncode, err.strip()) == (0, b"")
    assert out.decode().startswith("The drawer can tell: asked with 1B 3A, on, or bit set, = open.\n")
    assert 'profile = "glancetron-8005u"' in out.decode()


async def test_without_a_person_it_says_so(box: Box) -> None:
    async with simulated(box, "escpos") as drawer:
        command = ("-m", "agent", "learn", "drawer", "--port", drawer.path, "--config", str(box.config))
        process = await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        _, err = await process.communicate(b"")
    assert process.returncode == 1
    assert b"tillwire: nobody pressed Enter" in err
