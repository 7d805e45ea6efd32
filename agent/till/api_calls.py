"""Carries out the requests that the checkout table asks for, and says what came of each as the next event.

Every way a request can end is one of the table's answers: usable, refused, not sent, not authorised, or unknown. A
mistake of ours inside a call is logged with its trace and counts as unknown, because the request may have left.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from agent.card import CardNumber
from agent.checkout.effects import (
    ApplyBalance,
    CancelTerminalPayment,
    CancelTransaction,
    CheckCard,
    CreateTransaction,
    ReadTransaction,
    StartTransaction,
    UpdateTransaction,
)
from agent.checkout.events import (
    Answer,
    Applied,
    CallNotAuthorised,
    CallNotSent,
    CallRefused,
    CallUnknown,
    CancelAnswered,
    CardChecked,
    ReadAnswered,
    StartAnswered,
    TransactionSaved,
)
from agent.checkout.state import Api, Card, Checkout, TransactionFacts
from agent.smart.client import SmartTransactions
from agent.smart.errors import NotAuthorised, NotSent, Refused, SmartError, Unknown
from agent.smart.facts import known_facts, known_problem, known_products, locked
from agent.smart.models import Merchant
from agent.smart.transaction_request import TransactionRequest

logger = logging.getLogger("tillwire.calls")

CallEffect = (
    CheckCard
    | CreateTransaction
    | UpdateTransaction
    | ApplyBalance
    | ReadTransaction
    | StartTransaction
    | CancelTransaction
    | CancelTerminalPayment
)


class Calls:
    """The API, as the till asks it. `is_demo` is a property of the box; `clock` counts monotonic seconds."""

    merchant: Merchant | None = None
    """Whose till the API takes this for, as it said last."""

    def __init__(self, api: SmartTransactions, *, is_demo: bool, clock: Callable[[], float]) -> None:
        self._api = api
        self._is_demo = is_demo
        self._clock = clock

    def after(self, durable: asyncio.Future[float]) -> "Calls":
        """Return these calls, made ready now, to leave when this is done: see Transport.after."""
        return Calls(self._api.after(durable), is_demo=self._is_demo, clock=self._clock)

    async def answer(self, effect: CallEffect, checkout: Checkout, card: CardNumber | None) -> Answer:
        """Send the request and return what came of it. Raises nothing but cancellation."""
        begun_s = self._clock()
        try:
            return await self._ask(effect, checkout, card, begun_s)
        except SmartError as error:
            logger.info("%s: %s: %s", checkout.id, type(effect).__name__, error)
            return _as_event(error, effect.number)
        except Exception:
            logger.exception("%s: a mistake of ours in %s", checkout.id, type(effect).__name__)
            return CallUnknown(number=effect.number)

    async def open_connection(self) -> None:
        """Have a connection ready: calls will follow. Raises nothing."""
        await self._api.open_connection()

    async def abort(self, transaction_id: str) -> None:
        """Abandon a transaction, best effort."""
        with suppress(SmartError):
            await self._api.abort(transaction_id)

    async def end_of_day(self) -> TransactionFacts:
        """Have the terminal close its day; the facts hold its report. Raises SmartError."""
        return known_facts(await self._api.end_of_day())

    async def diagnosis(self) -> TransactionFacts:
        """Have the terminal check itself. Raises SmartError."""
        return known_facts(await self._api.diagnosis())

    async def check_csc(self, card: CardNumber, csc: str) -> bool | None:
        """Ask whether these are the digits on the back of the card; None: that could not be told."""
        try:
            return await self._api.check_csc(card, csc)
        except SmartError as error:
            logger.info("the digits on a card could not be checked: %s", error)
            return None

    async def check_card(self, card: CardNumber) -> Card | None:
        """Ask whether the card is good and what is on it; None: that could not be told."""
        try:
            return await self._check_card(card)
        except SmartError as error:
            logger.info("a card could not be checked: %s", error)
        except Exception:
            logger.exception("a mistake of ours in checking a card")
        return None

    async def probe(self) -> Api | None:
        """Ask who we are, to learn whether the API is there; None: that could not be told."""
        try:
            self.merchant = await self._api.merchant()
        except NotSent:
            return "offline"
        except NotAuthorised:
            return "not_authorised"
        except Unknown:
            return None
        except Refused:
            return "online"
        return "online"

    async def _ask(self, effect: CallEffect, checkout: Checkout, card: CardNumber | None, begun_s: float) -> Answer:
        match effect:
            case CheckCard(number=number):
                return CardChecked(number=number, card=await self._check_card(card))
            case ReadTransaction(number=number, transaction_id=transaction_id):
                read = await self._api.read(transaction_id)
                return ReadAnswered(number=number, begun_s=begun_s, facts=known_facts(read))
            case CreateTransaction() | UpdateTransaction() | ApplyBalance():
                return await self._change(effect, checkout, card)
            case StartTransaction() | CancelTransaction() | CancelTerminalPayment():
                return await self._move_money(effect)

    async def _change(
        self, effect: CreateTransaction | UpdateTransaction | ApplyBalance, checkout: Checkout, card: CardNumber | None
    ) -> Answer:
        match effect:
            case CreateTransaction(number=number):
                created = await self._api.create(self._request(checkout, card))
                return TransactionSaved(number=number, facts=known_facts(created))
            case UpdateTransaction(number=number, transaction_id=transaction_id):
                updated = await self._api.update(transaction_id, self._request(checkout, card))
                return TransactionSaved(number=number, facts=known_facts(updated))
            case ApplyBalance(number=number, transaction_id=transaction_id):
                applied = await self._api.pre_transaction(transaction_id)
                lines = known_products(applied.bonus_products)
                return Applied(number=number, missing_sum=applied.missing_sum, bonus_products=lines)

    async def _move_money(self, effect: StartTransaction | CancelTransaction | CancelTerminalPayment) -> Answer:
        match effect:
            case StartTransaction(number=number, transaction_id=transaction_id, method=method, action_id=action_id):
                started = await self._api.start(transaction_id, method, action_id)
                return StartAnswered(number=number, facts=known_facts(started))
            case CancelTransaction(number=number, transaction_id=transaction_id, action_id=action_id):
                cancelled = await self._api.cancel(transaction_id, action_id)
            case CancelTerminalPayment(number=number, transaction_id=transaction_id, receipt_number=receipt_number):
                cancelled = await self._api.cancel_trx(transaction_id, receipt_number)
        return CancelAnswered(number=number, facts=known_facts(cancelled))

    async def _check_card(self, card: CardNumber | None) -> Card:
        if card is None:
            raise Unknown("the card is not there any more")
        validity = await self._api.validate_card(card)
        if not validity.isValid or validity.isLocked:
            return Card(number=str(card), valid=validity.isValid, locked=validity.isLocked)
        held = await self._api.card_balance(card)
        if held is None:
            return Card(number=str(card), valid=True, locked=validity.isLocked)
        return Card(number=str(card), valid=True, locked=validity.isLocked or bool(locked(held)), balance=held.balance)

    def _request(self, checkout: Checkout, card: CardNumber | None) -> TransactionRequest:
        return TransactionRequest(
            products=checkout.basket.products,
            sum=checkout.basket.sum,
            currency=checkout.basket.currency,
            card=card,
            merchantRef=checkout.merchantRef,
            transactionRef=checkout.transactionRef,
            is_demo=self._is_demo,
        )


def _as_event(error: SmartError, number: int) -> Answer:
    match error:
        case Refused(error=problem):
            return CallRefused(number=number, problem=known_problem(problem))
        case NotSent():
            return CallNotSent(number=number)
        case NotAuthorised(error=problem):
            return CallNotAuthorised(number=number, problem=None if problem is None else known_problem(problem))
        case _:
            return CallUnknown(number=number)
