"""The calls of the Smart Transactions API that a till needs (smart-api.md, part 3), and one funnel for them.

Each call returns what the API answered about exactly the thing that was asked for, or raises Refused, NotSent, Unknown
or NotAuthorised (`agent.smart.errors`). A call is sent once. There is one exception: when the API rejects the token of
a call that moves no money, the token is renewed and the call sent once more. A call that moves money is never sent
again from here: that its token was rejected is the API's word like any refusal, no proof that nothing was executed.
"""

import asyncio
import re
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from functools import partial
from typing import Literal
from urllib.parse import urlencode

from pydantic_core import to_json

from agent.card import CardNumber
from agent.smart.access import Access, AccessToken
from agent.smart.answer import Answer, parse_object, read_model, read_object, token_was_rejected
from agent.smart.credentials import CredentialStore
from agent.smart.errors import ApiError, JsonObject, NotAuthorised, Unknown
from agent.smart.login import Login, log_in
from agent.smart.models import (
    ID_PATTERN,
    CardValidity,
    CheckResult,
    Merchant,
    MerchantCard,
    MerchantCardList,
    PreTransaction,
    SmartTransaction,
    TransactionList,
)
from agent.smart.transaction_request import TransactionRequest
from agent.smart.transport import Observer, Request, Timeouts, Transport, open_transport

_TRANSACTIONS = "/api/v2/Smart/Transactions"
_MERCHANT_CARDS = "/api/v2/Loyalty/MerchantCards"
_EMPTY = b"{}"  # what the documented start/cash sends
MOST_NAMED = 100
"""So many of the last ids are known again: a second answer comes on the connection of the first."""

StartMethod = Literal["cash", "loyalty", "cashless"]
_Lend = Callable[[], AbstractAsyncContextManager[AccessToken]]


class SmartTransactions:
    """The API as a till uses it. Money is integer cents. Ids that no path can hold raise ValueError."""

    def __init__(self, transport: Transport, access: Access, named: deque[str] | None = None) -> None:
        """`named`: the ids that answers named of late."""
        self.access = access
        self._transport = transport
        self._timeouts = transport.timeouts
        self._named = deque(maxlen=MOST_NAMED) if named is None else named

    def after(self, durable: asyncio.Future[float]) -> "SmartTransactions":
        """Return the API for calls that are made ready now and leave later: see Transport.after."""
        return SmartTransactions(self._transport.after(durable), self.access, self._named)

    async def open_connection(self) -> None:
        """Have a connection ready for the next call. Sends nothing, raises nothing."""
        await self._transport.open_connection()

    async def create(self, request: TransactionRequest) -> SmartTransaction:
        """Create a transaction whole, in one request. Nothing is booked.

        Its id is new. An answer that names one of before says nothing of this create: an answer may come twice.
        """
        return self._new(await self._ask("POST", _TRANSACTIONS, body=request.body()))

    async def update(self, transaction_id: str, request: TransactionRequest) -> SmartTransaction:
        """Replace the whole content of a transaction that has not been started. An applied balance is lost by it.

        The answer tells the sum that was sent, or none: with another it is that to an earlier request.
        """
        updated = self._same(transaction_id, await self._ask("PUT", _path(transaction_id), body=request.body()))
        told = updated.basket_info.sum if updated.basket_info is not None else None
        if told not in {None, request.sum}:
            raise Unknown("the answer is about another basket")
        return updated

    async def read(self, transaction_id: str) -> SmartTransaction:
        """Read one transaction; this also warms the connection and proves the token."""
        return self._same(transaction_id, await self._ask("GET", _path(transaction_id)))

    async def search(self, q: str, *, count: int = 25, offset: int = 0) -> TransactionList:
        """Return one page of the transactions that match, with the API's query syntax: `property:condition`."""
        query = urlencode({"q": q, "count": count, "offset": offset})
        return read_model(TransactionList, await self._ask("GET", _TRANSACTIONS, query=query))

    async def pre_transaction(self, transaction_id: str) -> PreTransaction:
        """Apply balance and bonus of the card. Nothing is booked; the answer does not name its transaction."""
        return read_model(PreTransaction, await self._ask("POST", _path(transaction_id, "preTransaction")))

    async def start(self, transaction_id: str, method: StartMethod, action_id: str) -> SmartTransaction:
        """Execute the transaction; `cash` only after the money was received. `cashless` waits for the terminal.

        The status of the answer says what became of it: it may be `failed` in a good answer.
        """
        seconds = self._timeouts.blocking_s if method == "cashless" else self._timeouts.request_s
        path = _path(transaction_id, f"start/{method}")
        return self._same(transaction_id, await self._execute(path, seconds, action_id=action_id, body=_EMPTY))

    async def abort(self, transaction_id: str) -> SmartTransaction:
        """Abandon a transaction that has not been started."""
        return self._same(transaction_id, await self._ask("POST", _path(transaction_id, "abort")))

    async def cancel(self, transaction_id: str, action_id: str) -> SmartTransaction:
        """Reverse an executed cash or loyalty transaction. The answer has the receipt of the reversal."""
        path = _path(transaction_id, "cancel")
        return self._same(transaction_id, await self._execute(path, self._timeouts.request_s, action_id=action_id))

    async def cancel_trx(self, transaction_id: str, receipt_number: int) -> SmartTransaction:
        """Reverse this transaction's terminal payment by its receipt number, before the end of its day.

        Waits for the terminal. Receipt numbers begin anew some day, so the answer must name the transaction, too.
        """
        path = f"{_TRANSACTIONS}/{receipt_number:d}/cancelTrx"
        answer = await self._execute(path, self._timeouts.blocking_s)
        return _with_receipt(receipt_number, self._same(transaction_id, answer))

    async def end_of_day(self) -> SmartTransaction:
        """Have the terminal close its day. Waits for the terminal; the answer has its report as a receipt."""
        return self._new(await self._execute(f"{_TRANSACTIONS}/me/EndOfDay", self._timeouts.blocking_s))

    async def diagnosis(self) -> SmartTransaction:
        """Have the terminal check itself and its configuration. Waits for the terminal."""
        return self._new(await self._execute(f"{_TRANSACTIONS}/me/diagnosis", self._timeouts.blocking_s))

    async def validate_card(self, number: CardNumber) -> CardValidity:
        """Ask whether a card may be used. A locked card must not be added to a transaction."""
        body = to_json({"cardnumber": number.value})
        return read_model(
            CardValidity, await self._ask("POST", f"{_MERCHANT_CARDS}/me/validateMerchantcard", body=body)
        )

    async def check_csc(self, number: CardNumber, csc: str) -> bool:
        """Ask whether these are the four digits on the back of the card. If not, the card must not be used."""
        body = to_json({"cardnumber": number.value, "csc": csc})
        return read_model(CheckResult, await self._ask("POST", f"{_MERCHANT_CARDS}/me/checkCsc", body=body)).result

    async def card_balance(self, number: CardNumber) -> MerchantCard | None:
        """Look a card up, with its balances. None: the API knows no such card."""
        query = urlencode({"q": f'card.cardnumber:"{number.value}"'})
        found = read_model(MerchantCardList, await self._ask("GET", _MERCHANT_CARDS, query=query))
        if not found.data:
            return None
        same = (each for each in found.data if each.card and str(each.card.cardnumber) == number.value)
        if card := next(same, None):
            return card
        raise Unknown("the answer is about another card")

    async def merchant(self) -> Merchant:
        """Ask who we are for the API."""
        return read_model(Merchant, await self._ask("GET", "/api/v2/General/Merchants/me"))

    async def _ask(
        self, method: Literal["GET", "POST", "PUT"], path: str, *, query: str = "", body: bytes | None = None
    ) -> JsonObject:
        """Make a call that moves no money: once more if its token was rejected."""
        request = Request(method=method, path=path, query=query, body=body, timeout_s=self._timeouts.request_s)
        answer = await self._send(request, self.access.lent)
        if token_was_rejected(answer):
            answer = await self._send(request, self.access.lent)
        if token_was_rejected(answer):
            raise NotAuthorised("the API rejects this till's access token", _error_of(answer))
        return read_object(answer)

    async def _execute(
        self, path: str, timeout_s: float, *, action_id: str | None = None, body: bytes | None = None
    ) -> JsonObject:
        """Make a call that moves money or waits for a terminal: its token stays valid until it is answered."""
        headers = {} if action_id is None else {"X-Action": action_id}
        request = Request(method="POST", path=path, body=body, headers=headers, timeout_s=timeout_s)
        return read_object(await self._send(request, partial(self.access.held, timeout_s)))

    def _new(self, body: JsonObject) -> SmartTransaction:
        transaction = _transaction(body)
        if transaction.id in self._named:
            raise Unknown("the answer is about a transaction of before")
        self._named.append(transaction.id)
        return transaction

    def _same(self, transaction_id: str, body: JsonObject) -> SmartTransaction:
        transaction = _transaction(body)
        if transaction.id != transaction_id:
            raise Unknown("the answer is about another transaction")
        if transaction_id not in self._named:
            self._named.append(transaction_id)
        return transaction

    async def _send(self, request: Request, lend: _Lend) -> Answer:
        async with lend() as token:
            answer = await self._transport.send(request, token.value)
        if token_was_rejected(answer):
            self.access.discard(token)
        return answer


@asynccontextmanager
async def connect(
    base_url: str,
    login: Login,
    store: CredentialStore,
    *,
    timeouts: Timeouts | None = None,
    trust: ssl.SSLContext | None = None,
    clock: Callable[[], float] | None = None,
    observer: Observer | None = None,
) -> AsyncIterator[SmartTransactions]:
    """Open everything that stands between a till and its API. Nothing is sent before the first call.

    `clock` counts seconds, monotonic; it is the event loop's unless said otherwise. `observer` hears of every exchange.
    Raises what `open_transport` does.
    """
    async with open_transport(base_url, timeouts or Timeouts(), trust=trust, observer=observer) as transport:
        clock = clock or asyncio.get_running_loop().time
        access = Access(partial(log_in, transport, login, store), clock, transport.timeouts.token_s)
        async with aclosing(access):
            yield SmartTransactions(transport, access)


def _path(transaction_id: str, action: str = "") -> str:
    if not re.fullmatch(ID_PATTERN, transaction_id):
        raise ValueError("a transaction id has letters, digits, - and _ only")
    return f"{_TRANSACTIONS}/{transaction_id}/{action}" if action else f"{_TRANSACTIONS}/{transaction_id}"


def _transaction(body: JsonObject) -> SmartTransaction:
    if body.get("object", "smart.transactions") != "smart.transactions":
        raise Unknown("the answer is not about a transaction")
    return read_model(SmartTransaction, body)


def _with_receipt(receipt_number: int, transaction: SmartTransaction) -> SmartTransaction:
    told = transaction.receipt_number
    if told is not None and str(told).lstrip("0") != str(receipt_number):
        raise Unknown("the answer is about another receipt")
    return transaction


def _error_of(answer: Answer) -> ApiError | None:
    body = parse_object(answer)
    return None if body is None else ApiError.from_body(body)
