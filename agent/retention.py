"""What is older than `[state] keep_days` leaves the journal: written to a file for who keeps the books, then deleted.

A payment that nobody decided in all that time leaves it, too, into a file of its own: a till's journal is no archive of
people's purchases. It is not forgotten: `tillwire check` names that file until somebody takes it away.
"""

import asyncio
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from agent.journal.errors import NotWritten
from agent.journal.journal import Export, Journal
from agent.journal.records import History
from agent.kiosk.roles import Role
from agent.kiosk.view import checkout_answer, happened_answer
from agent.till.inbox import Overloaded

logger = logging.getLogger("tillwire.retention")

INTERVAL_S = 6 * 3600.0
"""Often enough for days; a till that runs in the daytime only is reached each day."""
DIRECTORY = "exports"
"""In the state directory."""
UNRESOLVED = "unresolved"
_OWNER_ONLY = 0o600
_OWNER_ONLY_DIRECTORY = 0o700


class RetentionTill(Protocol):
    """What deletes payments that nobody decided: the till has them in its memory."""

    async def forget_unresolved(self, before: datetime, export: Export, *, forgotten: Callable[[], None]) -> int: ...


async def keep_for(
    days: int,
    directory: Path,
    journal: Journal,
    till: RetentionTill,
    wall: Callable[[], datetime],
    *,
    forgotten: Callable[[], None],
) -> None:
    """Export and delete again and again until cancelled. What the disk refuses is tried again the next time.

    `forgotten`: told when payments left that stood on somebody's page, because nobody had decided them.
    """
    while True:
        try:
            await delete_old(days, directory, journal, till, wall(), forgotten=forgotten)
        except (NotWritten, Overloaded) as error:
            logger.warning("what is older than %s days could not be exported and stays: %s", days, error)
        await asyncio.sleep(INTERVAL_S)


async def delete_old(
    days: int,
    directory: Path,
    journal: Journal,
    till: RetentionTill,
    wall: datetime,
    *,
    forgotten: Callable[[], None],
) -> int:
    """Export and delete once; return how many checkouts and openings of the drawer went.

    Raises NotWritten, Overloaded.
    """
    newest = await journal.newest_entry()
    if newest is not None and wall < newest:
        logger.warning("the clock is earlier than the newest entry of the journal: nothing is deleted by it")
        return 0
    before = wall - timedelta(days=days)
    to = partial(_file, directory / DIRECTORY, wall)
    finished = await journal.delete_older_than(before, partial(_export, to("checkouts")))
    unresolved = await till.forget_unresolved(before, partial(_export, to(UNRESOLVED)), forgotten=forgotten)
    if finished or unresolved:
        logger.info("%s entries older than %s days were exported and deleted", finished + unresolved, days)
    return finished + unresolved


def unresolved_files(directory: Path) -> list[Path]:
    """Return the files of payments that nobody decided."""
    return sorted((directory / DIRECTORY).glob(f"{UNRESOLVED}-*.jsonl"))


def _file(directory: Path, wall: datetime, kind: str) -> Path:
    return directory / f"{kind}-{wall:%Y-%m}.jsonl"


async def _export(file: Path, histories: Sequence[History]) -> None:
    lines = [json.dumps(_line(history)) + "\n" for history in histories]
    try:
        await asyncio.to_thread(_append, file, "".join(lines).encode())
    except OSError as error:
        raise NotWritten(f"{file}: {error.strerror}") from error


def _line(history: History) -> Mapping[str, object]:
    """The checkout as the local interface shows it, with its history; of a drawer's opening the history alone."""
    shown = {} if history.checkout is None else checkout_answer(history.checkout, Role.OPERATOR).model_dump(mode="json")
    return {**shown, "history": [happened_answer(event).model_dump(mode="json") for event in history.events]}


def _append(file: Path, lines: bytes) -> None:
    """Write durably; a line that a crash left half is ended first."""
    file.parent.mkdir(mode=_OWNER_ONLY_DIRECTORY, exist_ok=True)
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, _OWNER_ONLY)
    try:
        end = os.fstat(descriptor).st_size
        torn = end and os.pread(descriptor, 1, end - 1) != b"\n"
        _write_all(descriptor, (b"\n" if torn else b"") + lines)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync(file.parent)


def _write_all(descriptor: int, content: bytes) -> None:
    while content:
        content = content[os.write(descriptor, content) :]


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
