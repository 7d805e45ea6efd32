"""`tillwire checkouts export`: all checkouts as JSON lines; of a damaged journal, those that can be read."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO

from agent.checkout.state import Phase
from agent.commands.asking import Failed, journal_file, own_journal
from agent.commands.checkout_records import JournalRecords, Records, open_records
from agent.commands.common import GOOD, NO, complain
from agent.control import SaidNo
from agent.journal.errors import Damaged
from agent.journal.salvage import salvage
from agent.kiosk.checkout_answers import CheckoutAnswer
from agent.kiosk.roles import Role
from agent.kiosk.view import checkout_answer
from config.settings import Settings

PAGE = 100
"""Checkouts asked for at once: the agent does other work between two pages."""
_NO_TILL = frozenset({"not-ready", "journal-unusable"})


@dataclass
class Export:
    """Where the lines go. Each checkout is written once."""

    out: TextIO
    written: set[str] = field(default_factory=set)

    def write(self, checkout: CheckoutAnswer) -> None:
        """Raise Failed where there is no room."""
        if checkout.id in self.written:
            return
        self.written.add(checkout.id)
        try:
            self.out.write(json.dumps(checkout.model_dump(mode="json")) + "\n")
            self.out.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            with suppress(OSError):  # what is still buffered has no room either
                self.out.close()
            raise Failed(f"the export is not complete: {error.strerror}") from None


async def export_all(settings: Settings, out: TextIO) -> int:
    """Write every checkout, the newest first. Raises Failed, ControlError and JournalError."""
    export = Export(out)
    try:
        try:
            async with open_records(settings) as records:
                await _write_all(records, export)
        except SaidNo as no:
            if no.name not in _NO_TILL:
                raise
            async with own_journal(settings) as journal:  # an agent that is out of order does not hold it
                await _write_all(JournalRecords(journal), export)
    except Damaged as damaged:
        return await _export_readable(settings, export, damaged)
    return GOOD


async def _export_readable(settings: Settings, export: Export, damaged: Damaged) -> int:
    found = await asyncio.to_thread(lambda: list(salvage(journal_file(settings))))
    for checkout in found:
        if checkout is not None:
            export.write(checkout_answer(checkout, Role.OPERATOR))
    complain(
        f"the journal is damaged ({damaged}): {len(export.written)} checkouts were read, {found.count(None)} cannot be"
    )
    return NO


async def _write_all(records: Records, export: Export) -> None:
    async for checkout in every_checkout(records, None):
        export.write(checkout)


async def every_checkout(records: Records, phase: Phase | None) -> AsyncIterator[CheckoutAnswer]:
    """Yield every checkout of a phase, or of all, the newest first."""
    page = await records.page(phase, PAGE)
    while page:
        for checkout in page:
            yield checkout
        page = await records.page(phase, PAGE, before=page[-1].id) if len(page) >= PAGE else ()
