"""The processes that the tests of the journal kill, or put on a disk of their own.

python -m tests.journal_child commit PATH       commits for ever; prints each sequence when it is acknowledged
python -m tests.journal_child small-disk DIR    a journal on a disk that fills up; prints what happened as JSON
python -m tests.journal_child read-only DIR     the same on a disk that becomes read-only
python -m tests.journal_child file-limit DIR    the same where the log may not grow beyond some bytes
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
from itertools import count
from pathlib import Path

from agent.checkout.events import PayAsked
from agent.checkout.state import Payment, Phase
from agent.journal.errors import JournalError
from agent.journal.journal import Journal
from agent.journal.records import Entry
from tests.journal_entries import after, journal_at, new, sale


def say(what: object) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def commit(path: Path) -> None:
    async with journal_at(path) as journal:
        for number in count(journal.latest_sequence):
            for entry in sale(f"co_{number}"):
                say(await journal.commit(entry))


def due(checkout_id: str) -> Entry:
    return after(new(checkout_id), PayAsked(method="cash", amount=296), phase=Phase.AWAITING_CASH)


def confirmed(checkout_id: str) -> Entry:
    payment = Payment(method="cash", amount=296)
    return after(due(checkout_id), PayAsked(method="cash", amount=296), phase=Phase.CONFIRMED, payment=payment)


async def outcome_of(journal: Journal, entry: Entry) -> int | str:
    try:
        return await journal.commit(entry)
    except JournalError as error:
        return type(error).__name__


async def small_disk(directory: Path) -> None:
    story: dict[str, object] = {}
    async with journal_at(directory / "journal.sqlite") as journal:
        for number in (1, 2):
            await journal.commit(new(f"co_{number}"))
            await journal.commit(due(f"co_{number}"))
        story["reserve at first"] = journal.has_reserve
        fill(directory / "filler")
        story["a new checkout"] = await outcome_of(journal, new("co_3"))
        story["the drawer is to be asked"] = await outcome_of(journal, due("co_1"))
        story["reserve still"] = journal.has_reserve
        story["the cash is confirmed"] = await outcome_of(journal, confirmed("co_1"))
        story["and of another"] = await outcome_of(journal, confirmed("co_2"))
        story["reserve after"] = journal.has_reserve
        story["reserve without room"] = await journal.restore_reserve()
    async with journal_at(directory / "journal.sqlite") as journal:
        story["after a restart"] = [found.checkout.phase for found in await journal.open_checkouts()]
        story["events"] = [event.sequence for event in await journal.events_since(0)]
        (directory / "filler").unlink()
        story["reserve with room"] = await journal.restore_reserve()
        story["a new checkout then"] = await outcome_of(journal, new("co_3"))
    say(story)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as filler:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                continue


async def read_only(directory: Path) -> None:
    story: dict[str, object] = {}
    async with journal_at(directory / "journal.sqlite") as journal:
        await journal.commit(new("co_1"))
    mount = ("mount", "-o", "remount,ro", str(directory))
    subprocess.run(mount, check=True)  # noqa: ASYNC221  # nothing else runs here
    try:
        async with journal_at(directory / "journal.sqlite"):
            story["opened"] = True
    except JournalError as error:
        story["opened"] = f"{type(error).__name__}: {error}"
    say(story)


async def file_limit(directory: Path) -> None:
    story: dict[str, object] = {}
    async with journal_at(directory / "journal.sqlite") as journal:
        await journal.commit(new("co_1"))
        size = os.stat(directory / "journal.sqlite-wal").st_size  # noqa: PTH116  # in a coroutine a Path must not
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5000, resource.RLIM_INFINITY))
        story["beyond the limit"] = await outcome_of(journal, due("co_1"))
        story["reserve"] = journal.has_reserve
        story["still there"] = [found.checkout.phase for found in await journal.open_checkouts()]
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        story["without limit"] = await outcome_of(journal, due("co_1"))
        story["latest"] = [journal.latest_sequence, len(await journal.events_since(0))]
    say(story)


COMMANDS = {"commit": commit, "small-disk": small_disk, "read-only": read_only, "file-limit": file_limit}

if __name__ == "__main__":
    asyncio.run(COMMANDS[sys.argv[1]](Path(sys.argv[2])))
