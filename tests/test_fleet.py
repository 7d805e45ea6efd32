"""A till whose broker is away: it goes on as before, tries again in growing pauses, and says so once."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.checkout.state import Phase
from agent.fleet.admission import Allowed
from agent.fleet.broker import Broker
from agent.fleet.cursor import FILE_NAME, Cursor
from agent.fleet.fleet import Fleet, Member, Patience
from agent.fleet.topics import Topics
from agent.fleet.view import Standing
from tests.fleet_bench import free_port
from tests.test_fleet_command_desk import TestBox
from tests.till_bench import TillBench, whole_till

EIGHT_HOURS = 480
"""Tries, one a minute."""


def nobody() -> Broker:
    return Broker(host="127.0.0.1", port=free_port(), client_id="till-3", tls=None, username=None, password=None)


@asynccontextmanager
async def trying(bench: TillBench, directory: Path, wanted: int) -> AsyncIterator[asyncio.Event]:
    """Run the till's part in a fleet without a broker; the event is set after so many tries."""
    tries, reached = 0, asyncio.Event()

    def jitter() -> float:
        nonlocal tries
        tries += 1
        if tries == wanted:
            reached.set()
        return 0.0

    def standing() -> Standing:
        connection = bench.till.connection
        return Standing(
            version="1.0", busy=False, recording=True, connection=connection, devices=(), drawer=None, open_checkouts=()
        )

    member = Member(
        broker=nobody(),
        topics=Topics("tillwire", "till-3"),
        allowed=Allowed(senders=frozenset(), commands=frozenset(), may_change=frozenset()),
        till=bench.till,
        journal=bench.journal,
        cursor=Cursor(directory),
        box=TestBox(),
        standing=standing,
        wall=lambda: datetime.now(UTC),
        jitter=jitter,
        patience=Patience(first_s=0.0, longest_s=0.0),
    )
    running = asyncio.create_task(Fleet(member).run())
    try:
        yield reached
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_why_a_broker_is_away_for_hours_is_said_once_and_is_in_nobodys_way(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="tillwire.fleet")
    async with whole_till(tmp_path) as bench, trying(bench, tmp_path, EIGHT_HOURS) as reached:
        assert (await bench.due()).phase is Phase.DUE
        await reached.wait()
        said = [each.message for each in caplog.records if "the fleet is not reached" in each.message]
        assert said
        assert len(said) == len(set(said))
        (kept,) = tmp_path.glob("fleet*")
        assert kept.name == FILE_NAME
        newest = bench.journal.event_id(bench.journal.latest_sequence)
        assert kept.read_text() != f"{newest}\n"  # the checkout is still to be told


def test_the_pauses_grow_to_a_minute_and_are_not_the_same_for_all_tills() -> None:
    patience = Patience()
    assert [patience.pause_s(tries, 1.0) for tries in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert patience.pause_s(10_000, 0.0) == 30
