"""The checkouts and days of this till: from the running agent or, where none runs, from its journal."""

import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Protocol

from agent.checkout.events import ResolveAsked, RetryAsked
from agent.checkout.receipts import ReceiptCopy, receipt_lines
from agent.checkout.standing_guards import is_overdue
from agent.checkout.state import Checkout, Phase, Situation
from agent.checkout.step import NotAllowed, step
from agent.commands.asking import Failed, check_there, own_journal
from agent.control import RunningAgent, agent_at, in_shape
from agent.journal.journal import Journal
from agent.journal.records import Entry
from agent.kiosk.checkout_answers import CheckoutAnswer, CheckoutList, HappenedAnswer, HistoryAnswer, ReceiptAnswer
from agent.kiosk.problems import TITLES, conflict
from agent.kiosk.report_answers import ReportAnswer
from agent.kiosk.requests import ReverseBody
from agent.kiosk.roles import Role
from agent.kiosk.view import checkout_answer, happened_answer, report_answer
from agent.receipt import Line, parse_lines
from agent.till.day_records import sheet_of
from config.settings import Settings

Decision = RetryAsked | ResolveAsked


class Records(Protocol):
    """What a command can ask about checkouts. Each call raises Failed, ControlError or JournalError."""

    @property
    def goes_on(self) -> str:
        """Who acts on what a person decides, as the end of a sentence."""
        ...

    async def page(self, phase: Phase | None, limit: int, before: str | None = None) -> Sequence[CheckoutAnswer]:
        """Return the newest checkouts; to go on, those before the one with the id `before`."""
        ...

    async def find(self, checkout_id: str) -> CheckoutAnswer: ...
    async def history(self, checkout_id: str) -> Sequence[HappenedAnswer]:
        """Return all that happened, in order."""
        ...

    async def receipt(self, checkout_id: str, copy: ReceiptCopy) -> tuple[Line, ...]:
        """Return a receipt that the checkout is said to have."""
        ...

    async def day(self, day: date | None) -> ReportAnswer:
        """Return the sheet of a day, or of today."""
        ...

    async def decide(self, checkout_id: str, decision: Decision) -> CheckoutAnswer:
        """Do what a person decided, and return the checkout as it stands then."""
        ...

    async def reverse(self, checkout_id: str, wanted: ReverseBody) -> CheckoutAnswer:
        """Take a completed checkout back, and return the reversal as it stands then."""
        ...


@asynccontextmanager
async def open_records(settings: Settings) -> AsyncIterator[Records]:
    async with agent_at(settings) as agent:
        if agent is not None:
            yield AgentRecords(agent)
            return
    check_there(settings)
    async with own_journal(settings) as journal:
        yield JournalRecords(journal)


class AgentRecords:
    """Asked of the running agent."""

    goes_on = "the agent goes on with it"

    def __init__(self, agent: RunningAgent) -> None:
        self._agent = agent

    async def page(self, phase: Phase | None, limit: int, before: str | None = None) -> Sequence[CheckoutAnswer]:
        asked = {"phase": phase and phase.value, "limit": limit, "before": before}
        query = {name: value for name, value in asked.items() if value is not None}
        return in_shape(CheckoutList, await self._agent.get("/v1/checkouts", **query)).checkouts

    async def find(self, checkout_id: str) -> CheckoutAnswer:
        return in_shape(CheckoutAnswer, await self._agent.get(_path(checkout_id)))

    async def history(self, checkout_id: str) -> Sequence[HappenedAnswer]:
        return in_shape(HistoryAnswer, await self._agent.get(_path(checkout_id, "history"))).events

    async def receipt(self, checkout_id: str, copy: ReceiptCopy) -> tuple[Line, ...]:
        told = in_shape(ReceiptAnswer, await self._agent.get(_path(checkout_id, "receipt"), receipt=copy))
        return parse_lines(list(told.lines))

    async def day(self, day: date | None) -> ReportAnswer:
        query = {} if day is None else {"day": day.isoformat()}
        return in_shape(ReportAnswer, await self._agent.get("/v1/report", **query))

    async def decide(self, checkout_id: str, decision: Decision) -> CheckoutAnswer:
        path = _path(checkout_id, "retry" if isinstance(decision, RetryAsked) else "resolve")
        return in_shape(CheckoutAnswer, await self._agent.post(path, asdict(decision)))

    async def reverse(self, checkout_id: str, wanted: ReverseBody) -> CheckoutAnswer:
        return in_shape(
            CheckoutAnswer, await self._agent.post(_path(checkout_id, "reverse"), wanted.model_dump(exclude_none=True))
        )


class JournalRecords:
    """Read from the journal of an agent that does not run, and decided by the same table.

    What follows a decision is not done here: the agent takes it up when it is started, as after any crash between a
    commit and its effects.
    """

    goes_on = "no agent runs: it goes on with it when it is started"

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def page(self, phase: Phase | None, limit: int, before: str | None = None) -> Sequence[CheckoutAnswer]:
        found = await self._journal.checkouts(phase, limit=limit, before=before)
        if phase is Phase.ATTENTION and before is None:
            found = [*await self._overdue(), *found]
        return [checkout_answer(checkout, Role.OPERATOR) for checkout in found]

    async def _overdue(self) -> list[Checkout]:
        """Return what goes on by itself and has waited for too long: a person is told of it, too."""
        wall = datetime.now(UTC)
        waiting = [each.checkout for each in await self._journal.open_checkouts()]
        return [checkout for checkout in waiting if is_overdue(checkout, wall)]

    async def find(self, checkout_id: str) -> CheckoutAnswer:
        return checkout_answer(await self._checkout(checkout_id), Role.OPERATOR)

    async def history(self, checkout_id: str) -> Sequence[HappenedAnswer]:
        return [happened_answer(stored) for stored in await self._journal.events_of(checkout_id)]

    async def receipt(self, checkout_id: str, copy: ReceiptCopy) -> tuple[Line, ...]:
        return receipt_lines(await self._checkout(checkout_id), copy)

    async def day(self, day: date | None) -> ReportAnswer:
        return report_answer(await sheet_of(self._journal, day or datetime.now().astimezone().date()))

    async def decide(self, checkout_id: str, decision: Decision) -> CheckoutAnswer:
        before = await self._checkout(checkout_id)
        situation = Situation(now_s=time.monotonic(), wall=datetime.now().astimezone(), api="offline")
        try:
            after, _ = step(before, decision, situation)
        except NotAllowed as error:
            raise Failed(f"{TITLES[conflict(error).name]} It is {before.phase}.") from None
        if after is not before:
            await self._journal.commit(Entry(event=decision, situation=situation, checkout=after, before=before))
        return checkout_answer(after, Role.OPERATOR)

    async def reverse(self, checkout_id: str, wanted: ReverseBody) -> CheckoutAnswer:  # noqa: ARG002 - as Records says
        raise Failed("no agent runs: only a running agent can ask the API to take a payment back; start it first")

    async def _checkout(self, checkout_id: str) -> Checkout:
        found = await self._journal.checkout(checkout_id)
        if found is None:
            raise Failed(TITLES["no-such-checkout"])
        return found


def _path(checkout_id: str, of_it: str = "") -> str:
    """Raise Failed for what is no id: it would be another path."""
    if not re.fullmatch(r"\w+", checkout_id, re.ASCII):
        raise Failed(TITLES["no-such-checkout"])
    return f"/v1/checkouts/{checkout_id}/{of_it}".rstrip("/")
