"""A damaged journal: the agent stays up, sells nothing and says why, and what can be read is got out."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.control import SaidNo, agent_at
from agent.simulator.server import SimulatorServer
from config.settings import load
from tests.command_bench import Box
from tests.command_checkouts import AWAITING, fill
from tests.kiosk_bench import ORDER

PAGE = 4096


@pytest.fixture
async def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    box = Box(tmp_path, capsys)
    await fill(box.journal)
    return box


def torn_row(box: Box) -> None:
    """One checkout's state is cut off: SQLite finds nothing wrong with it."""
    connection = sqlite3.connect(box.journal)
    connection.execute("UPDATE checkout SET state = substr(state, 1, 40) WHERE id = ?", (AWAITING,))
    connection.commit()
    connection.close()


def zeroed_page(box: Box) -> None:
    """A page of the table of checkouts is gone."""
    connection = sqlite3.connect(box.journal)
    [(root,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'event'")
    connection.close()
    content = bytearray(box.journal.read_bytes())
    content[(root - 1) * PAGE : root * PAGE] = bytes(PAGE)
    box.journal.write_bytes(content)


def no_database(box: Box) -> None:
    box.journal.write_bytes(b"this is no database " * 1000)


DAMAGES = [torn_row, zeroed_page, no_database]
each_damage = pytest.mark.parametrize("damage", DAMAGES, ids=[damage.__name__ for damage in DAMAGES])


@each_damage
async def test_the_agent_stays_up_and_says_why_it_sells_nothing(box: Box, damage: Callable[[Box], None]) -> None:
    damage(box)
    found = box.journal.read_bytes()
    async with SimulatorServer() as simulator:
        box.write(base_url=simulator.base_url)
        async with box.agent(), agent_at(load(box.config, {})) as agent:
            assert agent is not None
            health = await agent.get("/health")
            assert health["ready"] is False
            assert "is damaged" in str(health["reasons"])
            assert "tillwire checkouts export" in str(health["reasons"])
            with pytest.raises(SaidNo, match="damaged"):
                await agent.post("/v1/checkouts", ORDER)
            with pytest.raises(SaidNo, match="damaged"):
                await agent.snapshot()
            with pytest.raises(SaidNo, match="damaged"):
                await agent.post("/v1/drawer/open", {"reason": "change", "by": "Ida"})
        assert [request.call for request in simulator.requests if request.call != "login"] in ([], ["merchant"])
    assert box.journal.with_name("journal.sqlite.damaged").read_bytes() == found


@each_damage
async def test_check_says_it_whether_the_agent_runs_or_not(box: Box, damage: Callable[[Box], None]) -> None:
    damage(box)
    alone = await box.types("check")
    assert alone.code == 1
    async with box.agent():
        beside = await box.types("check")
    assert beside.code == 1
    assert "WRONG  agent" in beside.out
    assert "damaged" in beside.out


@pytest.mark.parametrize("runs", [True, False])
async def test_the_export_gets_out_what_is_readable(box: Box, runs: bool) -> None:
    torn_row(box)
    if runs:
        async with box.agent():
            said = await box.types("checkouts", "export", "-")
    else:
        said = await box.types("checkouts", "export", "-")
    ids = [json.loads(line)["id"] for line in said.out.splitlines()]
    assert (said.code, len(ids), len(set(ids))) == (1, 5, 5)
    assert AWAITING not in ids
    assert "5 checkouts were read, 1 cannot be" in said.err


async def test_the_export_reads_on_where_the_events_are_lost(box: Box) -> None:
    zeroed_page(box)
    said = await box.types("checkouts", "export", "-")
    assert (said.code, len(said.out.splitlines())) == (1, 6)


async def test_the_export_says_where_nothing_can_be_read(box: Box) -> None:
    no_database(box)
    said = await box.types("checkouts", "export", "-")
    assert (said.code, said.out) == (1, "")
    assert "nothing of the journal can be read" in said.err


async def test_what_is_only_in_the_log_is_exported_too(box: Box) -> None:
    """The agent was killed: its last commits are in the log beside the journal."""
    writer = sqlite3.connect(box.journal)
    writer.execute("UPDATE checkout SET state = 'torn' WHERE id = ?", (AWAITING,))
    writer.commit()
    for name in ("journal.sqlite", "journal.sqlite-wal"):
        (box.directory / name).write_bytes(box.journal.with_name(name).read_bytes())
    writer.close()
    for name in ("journal.sqlite", "journal.sqlite-wal"):
        box.journal.with_name(name).write_bytes((box.directory / name).read_bytes())
    said = await box.types("checkouts", "export", "-")
    assert len(said.out.splitlines()) == 5
