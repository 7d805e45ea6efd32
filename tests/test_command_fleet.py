"""`tillwire fleet` as it is typed, against a real Mosquitto; and a till whose extra is not installed."""

import json
import sys
from functools import partial
from pathlib import Path

import pytest

from agent.cli import main
from agent.commands.table import fitting
from agent.fleet.broker import Publication, connected
from agent.fleet.payloads import Presence
from tests.command_bench import NO_DRAWER, Box, in_thread
from tests.fleet_bench import OFFICE, TILL, Mosquitto, consumer, mosquitto
from tests.test_fleet_sight import NOW, WELL


def words(broker: Mosquitto) -> list[str]:
    """Return how head office reaches the broker."""
    authority = broker.authority
    files = {"ca": authority.ca, "certificate": authority.certificate(OFFICE), "key": authority.key(OFFICE)}
    named = [word for name, file in files.items() for word in (f"--{name}-file", str(file))]
    return ["--broker", f"127.0.0.1:{broker.office_port}", *named]


@pytest.mark.system
async def test_the_table_shows_what_is_retained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with mosquitto(tmp_path) as broker:
        async with connected(broker.broker(TILL)) as till:
            presence = Presence(online=True, at=NOW, version="1.0").as_json()
            for topic, payload in (("presence", presence), ("state", WELL.as_json())):
                await till.publish(Publication(topic=f"tillwire/{TILL}/{topic}", payload=payload, retain=True))
        assert await in_thread(partial(main, ["fleet", "watch", "--once", *words(broker)])) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "1 tills, 1 online; 0 payments wait, 0 need a person"
    assert shown[-1].split()[:4] == [TILL, "online", "online", "well"]


@pytest.mark.system
async def test_a_command_is_sent_and_its_answer_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with mosquitto(tmp_path) as broker:
        box = Box(tmp_path, capsys)
        box.write(rest=NO_DRAWER + broker.section('senders = ["head-office"]', 'commands = ["read-state"]'))
        send = ["fleet", "send", TILL, "read-state", "--sender", OFFICE, "--json", *words(broker)]
        async with consumer(broker.broker(OFFICE)) as office, box.agent():
            await office.until(lambda: bool(office.of("presence")))
            assert await in_thread(partial(main, send)) == 0
    assert json.loads(capsys.readouterr().out)["state"]["busy"] is False


@pytest.mark.parametrize(
    ("most", "shown"),
    [(4, ["abc", "def", "ghi", "jkl"]), (3, ["abc", "def", "2 more: a l"]), (9, ["abc", "def", "ghi", "jkl"])],
)
def test_of_a_table_that_is_longer_than_the_screen_the_first_rows_stay(most: int, shown: list[str]) -> None:
    assert fitting(["abc", "def", "ghi", "jkl"], 11, most) == shown


@pytest.mark.parametrize(
    ("word", "instead", "why"),
    [
        (TILL, "x/#", "must be 1 to 32 letters"),
        (OFFICE, "a/b#", "must be 1 to 32 letters"),
        ("60", "99999999999999", "less than or equal to 3600"),
        ("60", "0", "greater than or equal to 1"),
        ("60", "soon", "valid integer"),
    ],
)
def test_what_is_no_name_and_no_time_is_not_sent(
    word: str, instead: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = ["fleet", "send", TILL, "check", "--sender", OFFICE, "--within", "60", "--broker", "127.0.0.1"]
    with pytest.raises(SystemExit, match="2"):
        main([instead if each == word else each for each in typed])
    assert why in capsys.readouterr().err.splitlines()[-1]


def test_a_directory_that_is_not_there_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fleet", "asyncapi", "--directory", "/nowhere"]) == 1
    assert capsys.readouterr().err == "tillwire: /nowhere/asyncapi.json: No such file or directory\n"


async def test_without_the_extra_one_line_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(tmp_path, capsys)
    box.write(rest=NO_DRAWER + '[fleet]\nhost = "127.0.0.1"\ntls = false\ntill = "till-3"\n')
    monkeypatch.setitem(sys.modules, "aiomqtt", None)
    said = await box.types("check")
    assert [row for row in said.out.splitlines() if "tillwire[fleet]" in row]
    with pytest.raises(Exception, match=r'^the configuration: fleet needs more: pip install "tillwire\[fleet\]"$'):
        async with box.agent():
            pass
