"""`tillwire scan`: what the readers read, from the running agent and without it."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.card import CardRules
from agent.checkout.evidence_state import DrawerRules
from agent.checkout.offline import OfflineLimits
from agent.checkout.state import Rules
from agent.commands.scan import masked, revealed
from agent.till.settings import TillSettings
from device.interface import Scan
from device.simulated_scanner import SimulatedSerialScanner
from tests.command_bench import Box, device_is

CARD = "9276004429942845"
BANK_CARD = "4111111111111111"
SETTINGS = TillSettings(
    rules=Rules(),
    offline=OfflineLimits(),
    cards=CardRules(("9276",), (16,)),
    drawer=DrawerRules(),
    forwarding=frozenset({"counter"}),
)


def a_scan(text: str) -> Scan:
    return Scan(scanner="counter", text=text, symbology="]C0", at=0.0)


def test_a_number_is_masked() -> None:
    assert masked(a_scan(CARD), SETTINGS) == ("scan", {"scanner": "counter", "card": "9276********2845"})
    assert masked(a_scan(f"X:{CARD}"), SETTINGS) == ("scan", {"scanner": "counter", "refused": "not_a_card"})


def test_a_card_and_a_code_are_revealed() -> None:
    assert revealed(a_scan(CARD), SETTINGS) == ("scan", {"scanner": "counter", "card": CARD})
    assert revealed(a_scan(f"X:{CARD}"), SETTINGS)[1]["code"] == f"X:{CARD}"


@pytest.mark.parametrize("text", [BANK_CARD, f";{BANK_CARD}=2512?", f"X {BANK_CARD}", ";12=2512101?", "+0159=1?"])
def test_what_may_be_a_bank_card_is_never_revealed(text: str) -> None:
    assert not any(character.isdecimal() for character in json.dumps(revealed(a_scan(text), SETTINGS)))


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


SCANNER = '[[scanner]]\nname = "counter"\ndriver = "serial"\nport = "{port}"\nother_codes = "forward"\n'


@pytest.fixture
async def reader(box: Box, tmp_path: Path) -> AsyncIterator[SimulatedSerialScanner]:
    async with SimulatedSerialScanner(tmp_path / "reader") as reader:
        box.write(rest=box.rest + SCANNER.format(port=reader.path))
        yield reader


def scan_command(box: Box, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "agent", "scan", *words, "--config", str(box.config))


@asynccontextmanager
async def scanning(box: Box, *words: str) -> AsyncIterator[asyncio.StreamReader]:
    """Watch in a process of its own, until Ctrl-C, which must end it well."""
    process = await asyncio.create_subprocess_exec(
        *scan_command(box, *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")


async def said(out: asyncio.StreamReader) -> str:
    """The next line without its time."""
    return (await out.readline()).decode().rstrip().partition("  ")[2]


async def works(reader: SimulatedSerialScanner, line: Callable[[], Awaitable[bytes]]) -> None:
    """Scan until one is whole: what comes before the port was seen silent is the rest of something."""
    while True:
        await reader.scan("]E04006381333931")
        if b"torn" not in await line():
            return


async def play(reader: SimulatedSerialScanner) -> None:
    """A card, an article, a bank card's stripe, and a scan that breaks off."""
    for text in (CARD, "]E04006381333931", f";{BANK_CARD}=2512?"):
        await reader.scan(text)
    await reader.scan_torn(CARD[:9])


async def test_without_an_agent_the_readers_are_opened_and_shown_masked(
    box: Box, reader: SimulatedSerialScanner
) -> None:
    async with scanning(box) as out:
        assert await said(out) == "counter: present"
        await works(reader, out.readline)
        await play(reader)
        assert [await said(out) for _ in range(4)] == [
            "counter: card 9276********2845",
            "counter: code 4006381333931 (EAN/UPC)",
            "counter: card refused: payment card",
            "counter: refused: torn (stalled)",
        ]
        reader.unplug()
        assert (await said(out)).startswith("counter: lost: ")


async def test_for_programs_each_event_is_an_object(box: Box, reader: SimulatedSerialScanner) -> None:
    async with scanning(box, "--json") as out:
        assert json.loads(await out.readline())["device"]["state"] == "present"
        await works(reader, out.readline)
        await play(reader)
        assert json.loads(await out.readline()) == {"scan": {"scanner": "counter", "card": "9276********2845"}}


async def test_a_running_agent_is_listened_to(box: Box, reader: SimulatedSerialScanner) -> None:
    async with box.agent():
        await box.heard(device_is("counter", "present"))
        async with scanning(box) as out:
            assert await said(out) == "counter: present"
            await works(reader, out.readline)
            await play(reader)
            assert [await said(out) for _ in range(4)] == [
                "counter: card 9276********2845",
                "counter: code 4006381333931 (EAN/UPC)",
                "counter: card refused: payment card",
                "counter: refused: torn",
            ]


async def test_on_a_terminal_whole_numbers_are_revealed_but_of_no_bank_card(
    box: Box, reader: SimulatedSerialScanner
) -> None:
    terminal, inside = pty.openpty()
    process = await asyncio.create_subprocess_exec(*scan_command(box, "--reveal"), stdout=inside)
    os.close(inside)

    async def line() -> bytes:
        shown = b""
        while not shown.endswith(b"\n"):
            shown += await asyncio.to_thread(os.read, terminal, 1)
        return shown

    assert b"present" in await line()
    await works(reader, line)
    await play(reader)
    shown = b"".join([await line() for _ in range(4)]).decode()
    process.send_signal(signal.SIGINT)
    assert await process.wait() == 0
    os.close(terminal)
    assert f"counter: card {CARD}" in shown
    assert "counter: card refused: payment card" in shown
    assert BANK_CARD[:6] not in shown


async def test_nothing_is_revealed_into_a_file(box: Box) -> None:
    said = await box.types("scan", "--reveal")
    assert (said.code, said.out) == (2, "")
    assert "on a terminal only" in said.err


@pytest.mark.usefixtures("reader")
async def test_a_running_agent_gives_no_whole_number_away(box: Box) -> None:
    terminal, inside = pty.openpty()
    async with box.agent():
        process = await asyncio.create_subprocess_exec(
            *scan_command(box, "--reveal"), stdout=inside, stderr=asyncio.subprocess.PIPE
        )
        _, err = await process.communicate()
    os.close(inside)
    os.close(terminal)
    assert process.returncode == 1
    assert b"gives no whole number away" in err


async def test_without_a_configured_reader_it_says_what_to_do(box: Box) -> None:
    said = await box.types("scan")
    assert (said.code, "tillwire learn scanner" in said.err) == (1, True)
