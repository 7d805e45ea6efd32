"""A journal with very many finished checkouts beside an empty one: start, commit and listing must not notice.

Commit and listing are timed on the journal itself, in turn; the start as a process from outside.
"""

import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

from agent.journal.journal import FILE_NAME, Journal
from tests.bench.figures import figure, milliseconds
from tests.bench.footprint import started
from tests.bench.result import Row
from tests.bench.shop import CONFIGURATION, ESCPOS, lines_of
from tests.journal_entries import journal_at, new, sale

GOAL = 1.2
BESIDE = "an empty journal"
LISTED = 100
_NUMBERS = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"
_ID = "printf('co_%020x', n)"
FILL_CHECKOUTS = f"""
    INSERT INTO checkout (id, phase, updated, state) {_NUMBERS}
    SELECT {_ID}, phase, updated, replace(state, template.id, {_ID})
    FROM numbers, (SELECT * FROM checkout WHERE number = 1) AS template"""  # noqa: S608 - our own words
FILL_EVENTS = f"""
    INSERT INTO event (checkout_id, kind, at, data, situation, changes) {_NUMBERS}
    SELECT {_ID}, kind, at, data, situation, replace(state, template.id, {_ID})
    FROM numbers, (SELECT * FROM event ORDER BY sequence DESC LIMIT 1),
        (SELECT * FROM checkout WHERE number = 1) AS template"""  # noqa: S608 - our own words
"""One event each, which sets everything: what the others would add is not looked at by what is measured here."""


async def measure(directory: Path, checkouts: int, starts: int, rounds: int) -> list[Row]:
    """Fill one journal with so many checkouts, each as large as a real one, and compare."""
    large, empty = directory / "large", directory / "empty"
    for place in (large, empty):
        place.mkdir(mode=0o700)
    await _fill(large / FILE_NAME, checkouts)
    words = f"{checkouts:,} finished checkouts"
    begun: dict[Path, list[float]] = {large: [], empty: []}
    for _ in range(starts):
        for place, took in begun.items():
            took.append(await started(configuration(place)))
            if (place / f"{FILE_NAME}.damaged").exists():
                raise RuntimeError("the journal was filled with what no agent writes")
    start = Row(
        key="large start",
        words=f"{words}: exec to ready",
        unit="s",
        measured=figure(begun[large]),
        beside=figure(begun[empty]),
        beside_words=BESIDE,
        goal=GOAL,
    )
    async with AsyncExitStack() as stack:
        journals = [await stack.enter_async_context(journal_at(place / FILE_NAME)) for place in (large, empty)]
        commit = await _compared(journals, _commit, rounds)
        # The listing of an empty journal has nothing to list: the few that were just committed are in both.
        listing = await _compared(journals, _listing, rounds)
    return [start, _row("large commit", f"{words}: a commit", commit), _row("large list", f"{words}: a page", listing)]


async def _fill(path: Path, checkouts: int) -> None:
    async with journal_at(path) as journal:
        for entry in sale("co_template"):
            await journal.commit(entry)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for statement in (FILL_CHECKOUTS, FILL_EVENTS):
            connection.execute(statement, (checkouts,))


def configuration(state: Path) -> Path:
    """An agent that finds nothing else of what it is configured for."""
    config = state / "tillwire.toml"
    nothing = {name: str(state / name) for name in ("scanner", "drawer", "ca_file")}
    api = {"base_url": "https://127.0.0.1:9", "client_id": "bench", "client_secret": "bench"}
    text = CONFIGURATION.format(**nothing, **api, opened_by="tillwire", model=lines_of(ESCPOS), state=state)
    config.write_text("\n".join(line for line in text.splitlines() if not line.startswith("ca_file")))
    return config


async def _commit(journal: Journal, number: int) -> None:
    await journal.commit(new(f"co_{number}"))


async def _listing(journal: Journal, _number: int) -> None:
    await journal.checkouts(limit=LISTED)


async def _compared(
    journals: list[Journal], act: Callable[[Journal, int], Awaitable[None]], rounds: int
) -> list[list[int]]:
    took: list[list[int]] = [[] for _ in journals]
    for number in range(rounds):
        for journal, times in zip(journals, took, strict=True):
            began = time.monotonic_ns()
            await act(journal, number)
            times.append(time.monotonic_ns() - began)
    return took


def _row(key: str, words: str, took: list[list[int]]) -> Row:
    large, empty = map(milliseconds, took)
    return Row(key=key, words=words, unit="ms", measured=large, beside=empty, beside_words=BESIDE, goal=GOAL)
