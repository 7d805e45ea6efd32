"""Commands at a real till: each once, only when nobody is served where that matters, all of it in the journal."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType

import pytest

from agent.checkout.events import CancelAsked
from agent.checkout.offline import OfflineLimits
from agent.fleet.admission import Allowed, Arrived
from agent.fleet.command_desk import MOST_A_MINUTE, CheckFailed, CommandDesk, Desk, Findings, Values
from agent.fleet.payloads import Answer, State
from agent.till.till import Till
from tests.till_bench import SEED, TillBench, whole_till

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
COMMANDS = frozenset({"check", "read-state", "list-waiting", "retry", "log-level", "restart", "change"})


@dataclass
class TestBox:
    """The box around the till: what `tillwire check` finds wrong with a value, and what was asked of it."""

    __test__ = False
    wrong_with: set[object] = field(default_factory=set)
    no_answer_with: Collection[Values] = ()
    kept: dict[str, object] = field(default_factory=dict)
    disk_refuses: bool = False
    restarts: int = 0
    log_level: str = ""

    async def check(self, values: Values) -> Findings:
        if values in self.no_answer_with:
            raise CheckFailed("tillwire check gave no answer")
        wrong = tuple(f"configuration: {value}" for value in values.values() if value in self.wrong_with)
        return Findings(ready=not wrong, wrong=("drawer: was missing before", *wrong))

    async def offline_limits(self, values: Values) -> OfflineLimits:
        payments = values.get("offline.max_payments", 50)
        if not isinstance(payments, int) or payments < 0:
            raise ValueError("offline.max_payments must be at least 0")
        return OfflineLimits(max_payments=payments)

    async def keep(self, values: Values) -> None:
        if self.disk_refuses:
            raise OSError(28, "No space left on device")
        self.kept |= values

    def set_log_level(self, level: str) -> None:
        self.log_level = level

    def restart(self) -> None:
        self.restarts += 1


@dataclass
class AtDesk:
    """A desk, the till behind it, and the answers."""

    bench: TillBench
    box: TestBox
    desk: CommandDesk
    answers: asyncio.Queue[Answer]

    async def asks(self, command: str, **arguments: object) -> Answer:
        await self.desk.take(arrived(command, arguments))
        return await self.answers.get()

    @property
    def max_payments(self) -> int:
        return self.till._journal_first._offline.max_payments  # noqa: SLF001 - nothing shows it before the API is away

    @property
    def till(self) -> Till:
        return self.bench.till

    async def journalled(self) -> list[tuple[str, str, object]]:
        """Return each entry of a command: who sent it, which, and what was refused or came of it."""
        stored = await self.till.lookup.events_since(0, 1000)
        return [
            (str(each.data["sender"]), str(each.data["command"]), each.data.get("outcome", each.data.get("refused")))
            for each in stored
            if each.kind.startswith("FleetCommand")
        ]


def arrived(
    command: str,
    arguments: Mapping[str, object] = MappingProxyType({}),
    *,
    command_id: str | None = None,
    sender: str = "head-office",
) -> Arrived:
    times = {"issued": NOW.isoformat(), "expires": (NOW + timedelta(minutes=1)).isoformat()}
    told = {"id": command_id or secrets.token_hex(16), "command": command, **times, **arguments}
    return Arrived(sender=sender, payload=json.dumps(told).encode(), retained=False)


@asynccontextmanager
async def at_desk(directory: Path) -> AsyncIterator[AtDesk]:
    answers: asyncio.Queue[Answer] = asyncio.Queue()
    box = TestBox()

    def no_state() -> State:
        raise AssertionError

    async with whole_till(directory) as bench:
        desk = CommandDesk(
            Desk(
                till=bench.till,
                box=box,
                allowed=Allowed(
                    senders=frozenset({"head-office"}),
                    commands=COMMANDS,
                    may_change=frozenset({"offline.max_payments"}),
                ),
                state=no_state,
                wall=lambda: NOW,
                clock=lambda: 0.0,
                answer=answers.put_nowait,
            )
        )
        try:
            yield AtDesk(bench, box, desk, answers)
        finally:
            await desk.stop()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[AtDesk]:
    async with at_desk(tmp_path) as desk:
        yield desk


async def test_each_command_is_in_the_journal_with_who_sent_it_and_what_came_of_it(desk: AtDesk) -> None:
    answer = await desk.asks("check")
    assert (answer.outcome, answer.ready, answer.findings) == ("done", True, ("drawer: was missing before",))
    await desk.asks("log-level", level="debug")
    assert desk.box.log_level == "debug"
    await desk.asks("open-drawer", reason="x")
    assert await desk.journalled() == [
        ("head-office", "check", None),
        ("head-office", "check", "done"),
        ("head-office", "log-level", None),
        ("head-office", "log-level", "done"),
        ("head-office", "open-drawer", "unknown_command"),
    ]


async def test_a_command_that_comes_again_is_not_carried_out_again(desk: AtDesk) -> None:
    assert (await desk.asks("restart", id="a" * 20)).outcome == "done"
    await desk.desk.take(arrived("restart", command_id="a" * 20))
    assert (await desk.answers.get()).reason == "repeated"
    assert desk.box.restarts == 1


async def test_a_sender_that_nobody_named_gets_no_answer_and_is_in_the_journal(desk: AtDesk) -> None:
    await desk.desk.take(arrived("check", sender="store-12-till-4"))
    assert await desk.journalled() == [("store-12-till-4", "?", "unknown_sender")]
    assert desk.answers.empty()


async def test_a_sender_gone_wild_fills_neither_the_journal_nor_the_log(
    desk: AtDesk, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(MOST_A_MINUTE + 20):
        await desk.desk.take(arrived("nonsense"))
    assert len(await desk.journalled()) == MOST_A_MINUTE
    assert [each.message for each in caplog.records if each.levelname == "WARNING"].count(
        f"more than {MOST_A_MINUTE} commands a minute, the last of head-office"
    ) == 1


async def test_the_agent_is_restarted_when_the_customer_has_gone(desk: AtDesk) -> None:
    checkout = await desk.till.create(SEED)
    await desk.desk.take(arrived("restart"))
    await desk.till.take_turn()
    assert desk.box.restarts == 0
    await cancel(desk, checkout.id)
    assert (await desk.answers.get()).outcome == "done"
    await until(desk, lambda: desk.box.restarts == 1)


async def test_a_change_waits_for_the_customer_to_go(desk: AtDesk) -> None:
    checkout = await desk.till.create(SEED)
    await desk.desk.take(arrived("change", {"values": {"offline.max_payments": 7}}))
    await desk.till.take_turn()
    assert desk.max_payments == 50
    await cancel(desk, checkout.id)
    assert (await desk.answers.get()).outcome == "done"
    assert desk.max_payments == 7
    assert desk.box.kept == {"offline.max_payments": 7}


async def test_a_change_that_the_configuration_refuses_changes_nothing(desk: AtDesk) -> None:
    answer = await desk.asks("change", values={"offline.max_payments": -1})
    assert (answer.outcome, answer.reason) == ("failed", "offline.max_payments must be at least 0")
    assert desk.box.kept == {}


async def test_a_change_after_which_check_finds_something_new_is_taken_back(desk: AtDesk) -> None:
    desk.box.wrong_with.add(7)
    answer = await desk.asks("change", values={"offline.max_payments": 7})
    assert (answer.outcome, answer.findings) == ("rolled_back", ("configuration: 7",))
    assert desk.max_payments == 50
    assert desk.box.kept == {}


async def test_a_change_after_which_check_comes_to_no_answer_is_taken_back(desk: AtDesk) -> None:
    desk.box.no_answer_with = [{"offline.max_payments": 7}]
    answer = await desk.asks("change", values={"offline.max_payments": 7})
    assert (answer.outcome, answer.findings) == ("rolled_back", ("tillwire check gave no answer",))
    assert desk.max_payments == 50
    assert desk.box.kept == {}


async def test_where_check_comes_to_no_answer_nothing_is_changed(desk: AtDesk) -> None:
    """What it says afterwards could not be compared with anything."""
    desk.box.no_answer_with = [{}, {"offline.max_payments": 7}]
    answer = await desk.asks("change", values={"offline.max_payments": 7})
    assert (answer.outcome, answer.reason) == ("failed", "tillwire check gave no answer")
    assert desk.max_payments == 50
    assert desk.box.kept == {}
    assert (await desk.asks("check")).outcome == "failed"


async def test_a_change_that_cannot_be_kept_is_taken_back(desk: AtDesk) -> None:
    desk.box.disk_refuses = True
    answer = await desk.asks("change", values={"offline.max_payments": 7})
    assert (answer.outcome, answer.findings) == ("rolled_back", ("it cannot be kept: No space left on device",))
    assert desk.max_payments == 50


async def test_a_retry_of_what_is_not_there_says_so(desk: AtDesk) -> None:
    assert (await desk.asks("retry", checkout="co_nobody")).reason == "there is no such checkout"
    checkout = await desk.till.create(SEED)
    assert (await desk.asks("retry", checkout=checkout.id)).outcome == "failed"


async def cancel(desk: AtDesk, checkout_id: str) -> None:
    await desk.till.ask(checkout_id, CancelAsked())


async def until(desk: AtDesk, condition: Callable[[], bool]) -> None:
    while not condition():
        await desk.till.take_turn()
