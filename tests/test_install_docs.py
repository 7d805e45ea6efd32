"""docs/install.md shows what the terminal shows: each step of the ten minutes is done here, and compared."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.commands.devices import toml_lines
from agent.commands.learn_drawer import Wanted, learn_drawer
from agent.commands.pair import pair
from agent.configured import login_of
from agent.simulator.server import SimulatorServer
from agent.simulator.simulator import Simulator
from agent.smart.login import DeviceLogin
from config.settings import load
from device.discovery import plugged_in
from device.drawer_profile_file import load_profile
from device.showing_drawer import Patience
from device.simulated_drawer import SimulatedDrawer
from tests.command_bench import Box
from tests.fake_system import FakeSystem

INSTALL = Path(__file__).parents[1] / "docs/install.md"
FILE = '[drawer]\nprofile = "none"\n[cash]\nconfirmed_by = ["operator"]\n'
SHORT = Patience(listens_s=0.15, answer_s=0.3)
A_CODE = re.compile(r"(?<=Enter this code:    )\w+")


def documented(name: str) -> str:
    """Return the block of this name."""
    block = INSTALL.read_text().partition(f"<!-- terminal: {name} -->\n```\n")[2]
    return block.partition("\n```")[0]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with SimulatorServer() as simulator:
        yield simulator


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str], simulator: Simulator) -> Box:
    box = Box(tmp_path, capsys)
    box.write(login="device", base_url=simulator.base_url, rest=FILE)
    return box


def as_on_a_till(text: str, box: Box) -> str:
    """Put the names of a till in the place of this test's, and figures that are others on each box aside."""
    names = {
        f" --config {box.config}": "",
        str(box.directory / "drawer0"): "/dev/ttyUSB0",
        str(box.config): "/etc/tillwire/tillwire.toml",
        str(box.state): "/var/lib/tillwire",
        box.base_url: "https://connect-testing.secuconnect.com",
    }
    for ours, theirs in names.items():
        text = text.replace(ours, theirs)
    text = re.sub(r"\d+ MiB are free", "72074 MiB are free", text)
    return A_CODE.sub(
        "QPA7NB3D", re.sub(r"/var/lib/tillwire, for \w+", "/var/lib/tillwire, for tillwire", text)
    ).strip()


def test_devices(tmp_path: Path) -> None:
    fake = FakeSystem(tmp_path)
    fake.keyboard("1-1", "0c2e", "0b61", event=5)
    fake.node(fake.usb("1-2", "0403", "6001", "A9UX2KLM", product="FT232R"), "tty", "ttyUSB0", (188, 0), {})
    found = plugged_in(fake.system)
    shown = "\n".join(toml_lines(found, [None] * len(found)))
    assert documented("devices") == f"$ tillwire devices\n{shown}".strip()


async def test_learn_drawer(box: Box) -> None:
    asked: list[str] = []
    async with SimulatedDrawer(
        load_profile("escpos", overrides={"open_level": "high"}), box.directory / "drawer0"
    ) as drawer:

        async def does_it(text: str) -> None:
            asked.append(text)
            drawer.close_drawer() if text.startswith("Close") else drawer.open_by_key()

        wanted = Wanted(config=box.config, port=drawer.path, patience=SHORT, write=True)
        assert await learn_drawer(load(box.config, {}), wanted, does_it, drawer.opener) == 0
    shown = "\n".join((*asked, box.capsys.readouterr().out))
    assert (
        documented("learn drawer") == f"$ tillwire learn drawer --port /dev/ttyUSB0 --write\n{as_on_a_till(shown, box)}"
    )


async def test_pair_and_check(box: Box, simulator: Simulator) -> None:
    shown: list[str] = []

    async def enters_the_code(_seconds: float) -> None:
        shown.append(box.capsys.readouterr().out)
        if code := A_CODE.search(shown[-1]):
            assert simulator.confirm_device(code[0])

    settings = load(box.config, {})
    login = login_of(settings, {})
    assert isinstance(login, DeviceLogin)
    assert await pair(settings, login, in_json=False, sleep=enters_the_code) == 0
    paired = as_on_a_till("".join((*shown, box.capsys.readouterr().out)), box)
    assert documented("pair") == f"$ tillwire pair\n{paired}"
    checked = await box.types("check")
    assert documented("check") == f"$ tillwire check\n{as_on_a_till(checked.out, box)}"
