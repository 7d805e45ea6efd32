"""`tillwire checkouts` as it is typed: from the journal, and through a running agent."""

import asyncio
import json
import shutil
import stat
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.checkout.state import Phase
from agent.journal.opening import lock
from agent.simulator.server import SimulatorServer
from tests.checkouts import cash_in, executed, read, refused
from tests.command_bench import Box
from tests.command_checkouts import (
    ATTENTION,
    AWAITING,
    CANCELLED,
    COMPLETED,
    DRAFT,
    OTHER_AMOUNT,
    UNSURE,
    fill,
    fill_with_one,
)
from tests.journal_entries import DIGITS, journal_at


@pytest.fixture
def box(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Box:
    return Box(tmp_path, capsys)


@pytest.fixture(scope="module")
def full_journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("state") / "journal.sqlite"
    asyncio.run(fill(path))
    return path


@pytest.fixture
def filled(box: Box, full_journal: Path) -> Box:
    shutil.copytree(full_journal.parent, box.state, dirs_exist_ok=True)
    return box


def ids(text: str) -> list[str]:
    return [line.split()[0] for line in text.splitlines()[1:]]


# The list


async def test_the_list_begins_with_what_needs_a_person_and_ends_with_what_is_over(filled: Box) -> None:
    said = await filled.types("checkouts", "list")
    assert said.code == 0
    assert ids(said.out) == [ATTENTION, UNSURE, AWAITING, DRAFT, CANCELLED, COMPLETED]


async def test_the_list_shows_amount_method_and_reason_in_columns(filled: Box) -> None:
    head, first, *_ = (await filled.types("checkouts", "list")).out.splitlines()
    assert head.split() == ["ID", "PHASE", "DUE", "METHOD", "SINCE", "REASON"]
    assert first.split()[:5] == [ATTENTION, "attention", "2.96", "EUR", "cash"]
    assert first.endswith("refused")
    assert first.index("cash") == head.index("METHOD")


async def test_a_drawer_that_did_not_open_is_named_as_the_reason(filled: Box) -> None:
    said = await filled.types("checkouts", "list", "--phase", "awaiting_cash")
    assert ids(said.out) == [AWAITING]
    assert "did_not_open" in said.out


async def test_finished_ones_are_limited_and_open_ones_never(filled: Box) -> None:
    said = await filled.types("checkouts", "list", "--limit", "1")
    assert ids(said.out) == [ATTENTION, UNSURE, AWAITING, DRAFT]


async def test_one_phase_that_is_over(filled: Box) -> None:
    assert ids((await filled.types("checkouts", "list", "--phase", "completed")).out) == [COMPLETED]


async def test_a_phase_that_nothing_is_in(filled: Box) -> None:
    said = await filled.types("checkouts", "list", "--phase", "failed")
    assert (said.code, said.out) == (0, "There are none.\n")


async def test_the_list_for_programs_is_what_the_local_interface_answers(filled: Box) -> None:
    checkouts = (await filled.types("checkouts", "list", "--json")).json["checkouts"]
    assert isinstance(checkouts, list)
    assert checkouts[0]["id"] == ATTENTION
    assert checkouts[0]["amount_due"] == 296
    assert checkouts[0]["allowed"] == ["retry", "resolve"]


# One checkout


async def test_show_tells_everything_that_is_known(filled: Box) -> None:
    said = await filled.types("checkouts", "show", ATTENTION)
    for fact in ("refused", "A-17", "STX_1", "drawer-closed, 2.96 EUR", "ProductInternalException, code 1234"):
        assert fact in said.out
    assert "split           cash 2.96 EUR, card 5.00 EUR" in said.out


async def test_show_tells_the_history_in_order_with_times(filled: Box) -> None:
    out = (await filled.types("checkouts", "show", ATTENTION)).out
    history = out[out.index("History") :]
    told = ["card set", "apply asked", "pay asked", "cash confirmed", "call refused", "read answered"]
    places = [history.index(event) for event in told]
    assert places == sorted(places)
    assert "number=9276********2845" in history


async def test_show_prints_the_receipt_and_masks_the_card_on_it(filled: Box) -> None:
    out = (await filled.types("checkouts", "show", COMPLETED)).out
    assert "Receipt (customer)" in out
    assert "John's Bakery" in out
    assert "9276********0000" in out
    assert DIGITS[:12] not in out


async def test_show_says_how_to_go_on(filled: Box) -> None:
    assert f"tillwire checkouts retry {ATTENTION}" in (await filled.types("checkouts", "show", ATTENTION)).out
    assert "retry" not in (await filled.types("checkouts", "show", COMPLETED)).out


async def test_nothing_from_outside_commands_the_terminal(filled: Box) -> None:
    said = await filled.types("checkouts", "show", ATTENTION)
    assert "Sandwich  [31mRomano" in said.out
    assert "\x1b" not in said.out


async def test_show_for_programs(filled: Box) -> None:
    shown = (await filled.types("checkouts", "show", COMPLETED, "--json")).json
    assert isinstance(shown["history"], list)
    assert [each["event"] for each in shown["history"]][-1] == "StartAnswered"
    receipts = shown["receipts"]
    assert isinstance(receipts, dict)
    assert receipts["customer"][0]["type"] == "textline"


@pytest.mark.parametrize("checkout_id", ["co_0", "../../health", ""])
async def test_an_id_that_nothing_has(filled: Box, checkout_id: str) -> None:
    said = await filled.types("checkouts", "show", checkout_id)
    assert (said.code, said.out, said.err) == (1, "", "tillwire: There is no such checkout.\n")


# What a person decides, without an agent


async def test_a_retry_is_written_with_who_asked_for_it(filled: Box) -> None:
    said = await filled.types("checkouts", "retry", ATTENTION, "--by", "Erika")
    assert said.code == 0
    assert said.out == f"{ATTENTION} is unsure now; no agent runs: it goes on with it when it is started\n"
    async with journal_at(filled.journal) as journal:
        last = (await journal.events_of(ATTENTION))[-1]
    assert (last.kind, last.data["by"]) == ("RetryAsked", "Erika")


async def test_an_agent_that_is_started_after_a_retry_goes_on_with_it(box: Box) -> None:
    await fill_with_one(box.journal, cash_in(296), refused(), read("failed"))
    async with SimulatorServer() as simulator:
        box.write(base_url=simulator.base_url)
        await box.types("checkouts", "retry", ATTENTION)
        async with box.agent():
            await simulator.request_arrived("read", 1)


async def test_a_new_transaction_after_the_old_one_was_read_as_failed(filled: Box) -> None:
    said = await filled.types("checkouts", "retry", ATTENTION, "--new-transaction")
    assert said.out.startswith(f"{ATTENTION} is confirmed now")


async def test_a_resolved_checkout_is_over_and_its_card_is_wiped(filled: Box) -> None:
    words = ("checkouts", "resolve", ATTENTION, "--outcome", "refunded", "--note", f"gave it back, card {DIGITS}")
    said = await filled.types(*words, "--by", "Erika")
    assert (said.code, said.out) == (0, f"{ATTENTION} is resolved now\n")
    async with journal_at(filled.journal) as journal:
        checkout = await journal.checkout(ATTENTION)
        still_open = [kept.checkout.id for kept in await journal.open_checkouts()]
    assert checkout is not None
    assert checkout.phase is Phase.RESOLVED
    assert checkout.resolution is not None
    assert checkout.resolution.note == "gave it back, card 9276********2845"
    assert ATTENTION not in still_open


async def test_resolving_again_changes_nothing(filled: Box) -> None:
    words = ("checkouts", "resolve", ATTENTION, "--outcome", "executed", "--note", "seen in the office")
    assert (await filled.types(*words)).code == 0
    async with journal_at(filled.journal) as journal:
        before = journal.latest_sequence
    assert (await filled.types(*words)).code == 0
    async with journal_at(filled.journal) as journal:
        assert journal.latest_sequence == before


async def test_the_login_name_is_who_decides_where_nobody_is_named(
    filled: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_USER", "installer")
    await filled.types("checkouts", "retry", ATTENTION)
    async with journal_at(filled.journal) as journal:
        assert (await journal.events_of(ATTENTION))[-1].data["by"] == "installer"


async def test_what_the_table_refuses_is_refused_here_too(filled: Box) -> None:
    said = await filled.types("checkouts", "retry", DRAFT)
    assert (said.code, said.out) == (1, "")
    assert said.err == "tillwire: The checkout does not allow this now. It is draft.\n"


async def test_cash_that_was_never_confirmed_is_not_booked_by_a_retry(box: Box) -> None:
    await fill_with_one(box.journal, OTHER_AMOUNT)
    said = await box.types("checkouts", "retry", ATTENTION)
    assert (said.code, said.err) == (
        1,
        "tillwire: The cash was never confirmed: confirm it first. It is attention.\n",
    )


@pytest.mark.parametrize(
    "words",
    [
        ("resolve", ATTENTION, "--outcome", "lost", "--note", "x"),
        ("resolve", ATTENTION, "--outcome", "executed"),
        ("resolve", ATTENTION, "--outcome", "executed", "--note", ""),
        ("resolve", ATTENTION, "--outcome", "executed", "--note", "a\x1b[2Jb"),
        ("retry", ATTENTION, "--by", " "),
        ("list", "--phase", "lost"),
        ("list", "--limit", "0"),
        ("list", "--limit", "many"),
    ],
)
async def test_a_wrong_command_line_does_nothing(filled: Box, words: tuple[str, ...]) -> None:
    said = await filled.types("checkouts", *words)
    assert (said.code, said.out) == (2, "")
    async with journal_at(filled.journal) as journal:
        checkout = await journal.checkout(ATTENTION)
    assert checkout is not None
    assert checkout.phase is Phase.ATTENTION


# The export


async def test_the_export_has_a_line_for_each_checkout(filled: Box) -> None:
    out = (await filled.types("checkouts", "export", "-")).out
    assert [json.loads(line)["id"] for line in out.splitlines()] == [
        ATTENTION,
        AWAITING,
        DRAFT,
        CANCELLED,
        UNSURE,
        COMPLETED,
    ]
    assert DIGITS not in out


async def test_the_file_of_an_export_is_for_its_owner_only(filled: Box) -> None:
    file = filled.directory / "all.jsonl"
    assert (await filled.types("checkouts", "export", str(file))).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().splitlines()) == 6


async def test_an_export_of_several_pages_is_whole(filled: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.commands.checkouts_export.PAGE", 2)
    assert len((await filled.types("checkouts", "export", "-")).out.splitlines()) == 6


async def test_a_file_that_cannot_be_written_is_named(filled: Box) -> None:
    said = await filled.types("checkouts", "export", str(filled.directory))
    assert (said.code, said.err) == (1, f"tillwire: {filled.directory}: Is a directory\n")


async def test_a_full_disk_is_said(filled: Box) -> None:
    said = await filled.types("checkouts", "export", "/dev/full")
    assert (said.code, said.err) == (1, "tillwire: the export is not complete: No space left on device\n")


# Without a journal


async def test_where_no_agent_ever_ran_nothing_is_made(box: Box) -> None:
    said = await box.types("checkouts", "list")
    assert said.code == 1
    assert said.err.startswith(f"tillwire: there is no journal in {box.state}: the agent was not started yet")
    assert list(box.state.iterdir()) == []


async def test_a_journal_that_somebody_holds_without_answering(filled: Box) -> None:
    with ExitStack() as held:
        lock(filled.journal, held)
        said = await filled.types("checkouts", "list")
    assert said.code == 1
    assert "try again in a moment" in said.err


async def test_a_state_directory_that_is_not_there(box: Box) -> None:
    box.state.rmdir()
    said = await box.types("checkouts", "list")
    assert said.err == f"tillwire: {box.state} is not there: make it, or correct [state] directory\n"


# Through a running agent


async def test_a_running_agent_shows_the_same_list(filled: Box) -> None:
    async with filled.agent():
        said = await filled.types("checkouts", "list")
    assert ids(said.out)[0] == ATTENTION
    assert set(ids(said.out)) == {ATTENTION, UNSURE, AWAITING, DRAFT, CANCELLED, COMPLETED}


async def test_a_running_agent_shows_a_checkout_with_its_receipt(filled: Box) -> None:
    async with filled.agent():
        said = await filled.types("checkouts", "show", COMPLETED)
    assert said.code == 0
    assert "John's Bakery" in said.out
    assert "start answered" in said.out
    assert DIGITS not in said.out


async def test_a_running_agent_resolves(filled: Box) -> None:
    async with filled.agent():
        said = await filled.types(
            "checkouts", "resolve", ATTENTION, "--outcome", "executed", "--note", "seen", "--by", "Erika"
        )
    assert (said.code, said.out) == (0, f"{ATTENTION} is resolved now\n")
    async with journal_at(filled.journal) as journal:
        assert (await journal.events_of(ATTENTION))[-1].data["by"] == "Erika"


async def test_a_running_agent_retries_and_goes_on(filled: Box) -> None:
    async with filled.agent():
        said = await filled.types("checkouts", "retry", ATTENTION)
    assert (said.code, said.out) == (0, f"{ATTENTION} is unsure now; the agent goes on with it\n")


async def test_a_running_agent_reverses(box: Box) -> None:
    sale = (await fill_with_one(box.journal, cash_in(296), executed())).id
    async with box.agent():
        said = await box.types("checkouts", "reverse", sale, "--reason", "wrong lunch", "--by", "Erika")
        shown = await box.types("checkouts", "show", sale)
    assert said.err == ""
    reversal = said.out.split()[0]
    assert (said.code, said.out.split(";")[0]) == (0, f"{reversal} reverses {sale} and is starting now")
    assert f"reversed by     {reversal}" in shown.out
    async with journal_at(box.journal) as journal:
        assert (await journal.events_of(reversal))[0].data == {
            "reversal_id": reversal,
            "reason": "wrong lunch",
            "by": "Erika",
            "open_drawer": False,
        }


async def test_without_an_agent_nothing_is_reversed(filled: Box) -> None:
    said = await filled.types("checkouts", "reverse", COMPLETED, "--reason", "wrong lunch")
    assert (said.code, said.err.startswith("tillwire: no agent runs")) == (1, True)


async def test_what_a_running_agent_refuses_is_one_line(filled: Box) -> None:
    async with filled.agent():
        not_allowed = await filled.types("checkouts", "retry", DRAFT)
        unknown = await filled.types("checkouts", "show", "co_0")
    assert (not_allowed.code, not_allowed.err) == (1, "tillwire: The checkout does not allow this now. It is draft.\n")
    assert (unknown.code, unknown.err) == (1, "tillwire: There is no such checkout.\n")


async def test_a_running_agent_gives_an_export_page_by_page(filled: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.commands.checkouts_export.PAGE", 2)
    async with filled.agent():
        said = await filled.types("checkouts", "export", "-")
    assert len(said.out.splitlines()) == 6
