"""A recorded day runs again, and what the agent now does otherwise is found."""

import argparse
import asyncio
import json
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.commands.replay import add_arguments, run
from agent.kiosk.client import Refused
from agent.recording.records import Exchanged, Line, NotARecording, Told, as_line, read_recording
from agent.replay.play import play
from tests.recorded_days import Day, recorded_day, sell
from tests.test_killing import shop

FIELD_PROBLEM = Path(__file__).parent / "golden" / "lost_answer_to_start_cash.jsonl"
"""A Saturday's start/cash was executed and its answer lost. Made by tests/recorded_days.py as below."""


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(words))


def replayed(file: Path) -> int:
    return command(str(file))


async def off_the_loop(file: Path) -> int:
    """A replay has an event loop of its own."""
    return await asyncio.to_thread(replayed, file)


async def test_a_sale_runs_again_as_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with recorded_day(tmp_path) as day:
        await sell(day.screen, day.shop)
    assert await off_the_loop(day.file) == 0
    assert "1 checkouts" in capsys.readouterr().out


@pytest.mark.parametrize(
    "fault",
    [
        "start/cash:no-answer-after-executing",
        "start/cash:server-error:1:executes=yes",
        "create:cut-in-body",
        "preTransaction:not-json",
        "read:captive-portal",
        "*:expired-token",
    ],
)
async def test_a_day_with_a_fault_runs_again_as_it_was(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with recorded_day(tmp_path, fault) as day:
        await sell(day.screen, day.shop)
    assert await off_the_loop(day.file) == 0, capsys.readouterr().out


async def test_a_reversal_a_checked_card_and_the_drawer_run_again_as_they_were(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with recorded_day(tmp_path, recharge_s=60) as day:
        checkout = await sell(day.screen, day.shop)
        taken_back = await day.screen.kiosk.reverse(checkout, "the wrong article", by="Eva")
        await day.screen.phase(taken_back.id, "completed")
        await day.screen.kiosk.check_card("9276004429942845")
        with pytest.raises(Refused, match="not asked to open"):  # it is still charging
            await day.screen.kiosk.open_drawer("change", by="Eva")
    assert await off_the_loop(day.file) == 0, capsys.readouterr().out


async def test_several_starts_in_one_file_are_replayed_one_after_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "day.jsonl"
    for start in ("first", "second"):
        async with recorded_day(tmp_path / start, file=file) as day:
            await sell(day.screen, day.shop)
    assert await off_the_loop(file) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_field_problem_is_a_test(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer to start/cash was lost, the read showed that it was executed: booked once, without a person."""
    [(_, happened)] = read_recording(FIELD_PROBLEM)
    assert replayed(FIELD_PROBLEM) == 0, capsys.readouterr().out
    starts = [each for each in happened if isinstance(each, Exchanged) and each.path.endswith("/start/cash")]
    assert [start.failed for start in starts] == ["unknown"]
    assert [each.phase for each in happened if isinstance(each, Told)][-1] == "completed"


def altered(change: Callable[[Line], Line | None], file: Path) -> Path:
    """The field problem as if the agent had done something else then."""
    [(begun, happened)] = read_recording(FIELD_PROBLEM)
    lines: list[Line] = [begun, *happened]
    file.write_bytes(b"".join(as_line(kept) for line in lines if (kept := change(line)) is not None))
    return file


def is_start(line: Line) -> bool:
    return isinstance(line, Exchanged) and line.path.endswith("/start/cash")


def without_start(line: Line) -> Line | None:
    return None if is_start(line) else line


def start_twice_the_amount(line: Line) -> Line:
    return line.model_copy(update={"body": {"amount": 592}}) if is_start(line) else line


def start_earlier(line: Line) -> Line:
    return line.model_copy(update={"at": -9.0}) if is_start(line) else line


def read_once_more(line: Line) -> Line:
    if isinstance(line, Told) and line.phase == "completed":
        return line.model_copy(update={"phase": "attention"})
    return line


def asked_in_vain(line: Line) -> Line:
    return line.model_copy(update={"status": 409, "problem": "busy"}) if line.kind == "asked" else line


def not_opened(line: Line) -> Line | None:
    return None if line.kind == "pulse" else line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_start, r"now POST /api/v2/Smart/Transactions/STX_\w+/start/cash, which was not sent then"),
        (start_twice_the_amount, r"start/cash: other content now: amount"),
        (start_earlier, r"start/cash: \d+\.\d s later than recorded"),
        (read_once_more, r"co_\w+: recorded attention, 296 cents due, now completed, 296 cents due"),
        (asked_in_vain, r"POST /v1/checkouts: answered 409 busy, now 201"),
        (not_opened, r"now the drawer is asked to open, which it was not then"),
    ],
)
def test_each_kind_of_difference_is_told_and_the_exit_code_is_1(
    change: Callable[[Line], Line | None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replayed(altered(change, tmp_path / "altered.jsonl")) == 1
    assert re.search(said, capsys.readouterr().out)


def test_what_is_not_sent_any_more_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def asked_nothing(line: Line) -> Line | None:
        return None if line.kind == "asked" else line

    assert replayed(altered(asked_nothing, tmp_path / "altered.jsonl")) == 1
    told = capsys.readouterr().out
    assert re.search(r"recorded POST /Smart/Transactions, now it is not sent", told)
    assert "recorded: the drawer is asked to open, now it is not" in told


def test_the_replay_is_as_exact_the_second_time() -> None:
    """Time is that of the recording: nothing depends on how fast this machine is."""
    [(begun, happened)] = read_recording(FIELD_PROBLEM)
    assert play(begun, happened).differences == play(begun, happened).differences == []


def test_programs_get_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = altered(without_start, tmp_path / "altered.jsonl")
    assert command("--json", str(file)) == 1
    [answer] = json.loads(capsys.readouterr().out)
    assert answer["checkouts"] == 1
    assert answer["differences"][0].keys() == {"at", "text"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "there is no line `begun` in it"),
        (b'{"kind":"ended","at":1}\n', "line 1: a recording begins with the line `begun`"),
        (b'{"kind":"strange"}\n', "line 1: Input tag 'strange'"),
        (b"nonsense\n", "line 1: Invalid JSON"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_in_one_line(
    content: bytes, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "day.jsonl"
    file.write_bytes(content)
    assert replayed(file) == 2
    said = capsys.readouterr().err
    assert problem in said
    assert len(said.splitlines()) == 1


def test_a_file_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replayed(tmp_path / "nothing.jsonl") == 2
    assert "No such file or directory" in capsys.readouterr().err


def test_a_line_that_was_cut_off_by_a_power_cut_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    whole = FIELD_PROBLEM.read_bytes()
    file.write_bytes(whole[:-10])
    [(_, happened)] = read_recording(file)
    assert len(happened) == whole.count(b"\n") - 2


def test_a_recording_of_another_format_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "day.jsonl"
    file.write_bytes(FIELD_PROBLEM.read_bytes().replace(b'"version":1', b'"version":2', 1))
    with pytest.raises(NotARecording, match="line 1"):
        read_recording(file)


async def test_tillwire_run_records_from_its_start_to_sigterm(tmp_path: Path) -> None:
    async with shop(tmp_path) as the_shop:
        words = (sys.executable, "-m", "agent", "run", "--config", str(the_shop.config), "--record")
        file = tmp_path / "day.jsonl"
        agent = await asyncio.create_subprocess_exec(
            *words, str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        assert agent.stdout is not None
        await agent.stdout.readline()
        agent.send_signal(signal.SIGTERM)
        assert await agent.wait() == 0
        await agent.stdout.read()
    [(_, happened)] = read_recording(file)
    assert happened[-1].kind == "ended"


def test_the_day_of_the_fixture_is_the_one_that_is_told(tmp_path: Path) -> None:
    """Its making is here, so that it can be made anew when the format changes."""

    async def make() -> Day:
        async with recorded_day(tmp_path, "start/cash:no-answer-after-executing") as day:
            await sell(day.screen, day.shop)
        return day

    day = asyncio.run(make())
    [(_, made)], [(_, kept)] = read_recording(day.file), read_recording(FIELD_PROBLEM)
    shape = [each.kind for each in sorted(made, key=lambda line: line.at) if each.kind in {"exchange", "pulse"}]
    assert shape == [each.kind for each in sorted(kept, key=lambda line: line.at) if each.kind in {"exchange", "pulse"}]
