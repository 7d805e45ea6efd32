"""What comes when nothing waits for it changes no checkout, and is not lost either: it is logged, written and told.

Cash that a machine takes when the customer has given up, the amount is asked for anew, or the agent was started again;
and what the API says about a checkout that is over. Everything here runs as a job of the till.
"""

import logging
from functools import partial

from agent.checkout.events import CancelAnswered, ReadAnswered, StartAnswered
from agent.checkout.evidence_state import PaidUnexpectedly
from agent.checkout.late_answers import LateAnswer, contradicts, was_confirmed
from agent.checkout.state import Checkout
from agent.journal.errors import NotWritten
from agent.journal.journal import Journal
from agent.till.journal_first import JournalFirst
from agent.till.listener import Listener, UnexpectedThing, UnexpectedTold

logger = logging.getLogger("tillwire.till")


class Unexpected:
    """Tells it once it is written; what cannot be written is tried again until it can."""

    def __init__(self, *, journal: Journal, journal_first: JournalFirst, listener: Listener) -> None:
        self._journal = journal
        self._journal_first = journal_first
        self._listener = listener

    async def paid(self, sign: PaidUnexpectedly) -> None:
        """A machine says that cash is in, and no checkout awaits its word."""
        try:
            last = await self._journal.checkout(sign.checkout_id) if sign.checkout_id else None
        except NotWritten:  # too many jobs wait
            self._journal_first.again(partial(self.paid, sign))
            return
        await self._tell(_about_cash(sign.amount, last))

    async def answered(self, checkout_id: str, answer: LateAnswer) -> None:
        """The API answers about a checkout that is over."""
        try:
            over = await self._journal.checkout(checkout_id)
        except NotWritten:  # too many jobs wait
            self._journal_first.again(partial(self.answered, checkout_id, answer))
            return
        told = UnexpectedTold(
            what=_what(answer),
            checkout_id=checkout_id,
            phase=over.phase if over is not None else None,
            status=answer.facts.status,
            contradicts=over is not None and contradicts(over, answer),
        )
        level = logging.WARNING if told.contradicts else logging.INFO
        logger.log(level, "%s: was %s already when a %s answered %s", checkout_id, told.phase, told.what, told.status)
        await self._tell(told)

    async def _tell(self, told: UnexpectedTold) -> None:
        try:
            sequence = await self._journal_first.record(told)
        except NotWritten as error:
            logger.critical("what came unexpectedly could not be written: %s", error)
            self._journal_first.again(partial(self._tell, told))
            return
        self._listener.unexpected_told(told, sequence)


def _about_cash(amount: int | None, last: Checkout | None) -> UnexpectedTold:
    said = "a sum that it does not name" if amount is None else f"{amount} cents"
    if last is None or not was_confirmed(last, amount):
        logger.warning("a machine says that %s was paid, and no payment waits for that: count its cash", said)
        return UnexpectedTold(what="paid_message", amount=amount, contradicts=True)
    logger.info("%s: a machine says, too, that %s was paid", last.id, said)
    return UnexpectedTold(what="paid_message", amount=amount, checkout_id=last.id, phase=last.phase, contradicts=False)


def _what(answer: LateAnswer) -> UnexpectedThing:
    match answer:
        case StartAnswered():
            return "start"
        case ReadAnswered():
            return "read"
        case CancelAnswered():
            return "cancel"
