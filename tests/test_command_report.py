"""`tillwire report --day` as it is typed: from the journal, and through a running agent."""

from datetime import datetime
from pathlib import Path

import pytest

from agent.checkout.state import Phase
from agent.commands.report_text import COLUMNS
from agent.journal.records import Entry
from agent.kiosk.report_answers import ReportAnswer
from agent.simulator.server import SimulatorServer
from agent.till.listener import UnexpectedTold
from tests.checkouts import WALL, cash_in
from tests.command_bench import Box
from tests.command_checkouts import fill, fill_with_one
from tests.journal_entries import journal_at, situation

DAY = WALL.astimezone().date().isoformat()


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


async def test_a_day_from_the_journal_fits_on_receipt_paper(box: Box) -> None:
    await fill(box.journal)
    said = await box.types("report", "--day", DAY)
    assert said.code == 0
    lines = said.out.splitlines()
    assert all(len(line) <= COLUMNS for line in lines)
    assert f"{'Cash confirmed':<{COLUMNS - 2}} 3" in lines
    assert any(line.startswith("of it booked (1)") and line.endswith("2.96 EUR") for line in lines)
    assert any(line.startswith("of it waiting (2)") and line.endswith("5.92 EUR") for line in lines)


async def test_what_contradicts_the_sheet_comes_first(box: Box) -> None:
    said = (
        UnexpectedTold(what="paid_message", amount=296, contradicts=True),
        UnexpectedTold(what="paid_message", contradicts=True),
        UnexpectedTold(what="read", checkout_id="co_1", phase=Phase.RESOLVED, status="ok", contradicts=True),
    )
    async with journal_at(box.journal) as journal:
        for each in said:
            await journal.commit(Entry(event=each, situation=situation(WALL)))
    lines = (await box.types("report", "--day", DAY)).out.splitlines()
    assert lines.index(f"{'To be looked at':<{COLUMNS - 2}} 3") < lines.index("Nothing was paid.")
    assert all(len(line) <= COLUMNS for line in lines)
    text = " ".join(" ".join(lines).split())
    assert "a machine says that 2.96 was paid, and no payment waited for that" in text
    assert "a machine says that cash was paid" in text
    assert "co_1 was resolved, and the API says ok" in text


async def test_for_programs(box: Box) -> None:
    await fill(box.journal)
    told = (await box.types("report", "--day", DAY, "--json")).json
    assert told["day"] == DAY
    [totals] = ReportAnswer.model_validate(told).totals
    assert (totals.confirmed.count, totals.confirmed.cents, totals.drawer) == (3, 888, 888)


async def test_the_running_agent_says_the_same_as_its_journal(box: Box) -> None:
    await fill_with_one(box.journal, cash_in(296))
    from_journal = await box.types("report", "--day", DAY, "--json")
    async with SimulatorServer() as simulator:
        box.write(base_url=simulator.base_url)
        async with box.agent():
            asked = await box.types("report", "--day", DAY, "--json")
    reports = [ReportAnswer.model_validate(said.json) for said in (asked, from_journal)]
    assert reports[0].day == reports[1].day
    assert reports[0].totals[0].confirmed == reports[1].totals[0].confirmed


async def test_without_a_date_it_is_today_and_nothing_may_have_happened(box: Box) -> None:
    async with box.agent():
        said = await box.types("report", "--day")
    assert datetime.now().astimezone().date().isoformat() in said.out
    assert "Nothing was paid." in said.out


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "1969-12-31", "9999-12-31"])
async def test_what_is_no_day_is_wrong_use(box: Box, day: str) -> None:
    said = await box.types("report", "--day", day)
    assert said.code == 2
    assert "--day" in said.err
